#pragma once

#include "effect_outbox.hpp"
#include "exception_table.hpp"
#include "node_watch.hpp"

#include <atoll/keep/keeper.hpp>

#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace atl::keep {

/// Searches the state for units that aren't in order, in passes. A pass goes over the units that
/// lack fragments, then over those on each lost or silent node, then over those with a fragment
/// that a node told to be damaged or missing; each unit is visited once. What is in order is never
/// read, so a pass costs as much as there is wrong.
class survey {
 public:
  /// Called for each unit once a pass.
  using visitor = std::function<void(const unit_record&)>;

  survey(const node_watch& nodes, exception_table& exceptions, outbox& out)
      : nodes_{nodes}, exceptions_{exceptions}, out_{out} {}

  void restart();
  /// Begins a pass. @pre none is under way
  void begin(spi::timestamp now);
  bool is_passing() const { return is_passing_; }
  /// The number of the pass under way, or of the last one.
  std::uint64_t pass() const { return pass_; }
  /// The nodes' `badness_version` at the beginning of that pass.
  std::uint64_t badness_version() const { return badness_version_; }
  spi::timestamp began() const { return began_; }

  /// The query that is to be answered next; 0: none.
  ticket query() const { return query_; }
  /// @param visit for each unit that this page shows first
  /// @returns whether the pass has ended
  bool on_page(std::span<const unit_record> units, bool more, std::uint8_t last_spare,
               const visitor& visit);
  /// Asks the same again at the next `retry`.
  void on_query_failed() { query_ = 0; }
  void retry() {
    if (is_passing_ && query_ == 0)
      ask();
  }

  /// Did the last pass find nothing on the node?
  bool is_empty(node_id node) const;

 private:
  enum class stage : std::uint8_t { incomplete, nodes, exceptions };

  void ask();
  bool is_first_visit(const unit_record& unit) const;
  /// @returns false: there is no next stage
  bool next_stage();

  const node_watch& nodes_;
  exception_table& exceptions_;
  outbox& out_;

  bool is_passing_ = false;
  ticket query_ = 0;
  std::uint64_t pass_ = 0;
  std::uint64_t badness_version_ = 0;
  spi::timestamp began_{0};
  stage stage_ = stage::incomplete;
  std::uint8_t after_spare_ = 0;
  unit_id after_;
  std::vector<node_id> bad_; ///< at the beginning of the pass, ascending
  std::size_t at_ = 0;       ///< in `bad_`
  bool found_any_ = false;   ///< on the present node
  std::vector<unit_id> asked_;
  std::vector<node_id> empty_, next_empty_;
};

} // namespace atl::keep
