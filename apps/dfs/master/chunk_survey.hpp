#pragma once

#include "master/registry.hpp"
#include "namespace/query.hpp"
#include "namespace/response.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dfs {

/// What one pass over all chunks found.
struct survey_counts {
  std::uint64_t chunks = 0;
  std::uint64_t short_of_copies = 0; ///< fewer fragments can be read than the chunk is stored as
  std::uint64_t unreadable = 0;      ///< of these: with too few fragments to read the chunk
};

/// Counts the chunks that are short of copies, a page of the name space at a time. It sends nothing
/// itself: its host carries out the queries that `next` returns, one after the other, and hands
/// over each answer.
///
/// A pass over a state that has not changed since the last pass is left out, so that an idle
/// cluster is not read again and again.
class chunk_survey {
 public:
  using query = std::variant<queries::all_chunks, queries::known>;
  /// Can a chunk be read from the fragments that are marked present?
  using readable_check = std::function<bool(const std::vector<bool>&)>;

  /// @param delay how long storage nodes have to report before the first pass begins
  chunk_survey(readable_check is_readable, std::chrono::milliseconds delay)
      : is_readable_{std::move(is_readable)}, delay_{delay} {}

  /// Forgets all that was counted: another master led meanwhile.
  void restart();
  /// Answers to queries of before the last restart have another generation and are to be dropped.
  std::uint64_t generation() const { return generation_; }

  /// The next query, if there is one now. To be called again and again, every look.
  /// @param applied the last entry that the state contains
  std::optional<query> next(const storage_registry& registry, std::uint64_t applied,
                            steady_time now);
  // The answer to the query that `next` returned last.
  void on_page(const responses::chunk_page& page, const storage_registry& registry,
               steady_time now);
  void on_known(const responses::known_chunks& answer, steady_time now);
  void on_failure() { is_answer_due_ = false; }

  /// None until the first pass is through.
  const std::optional<survey_counts>& counts() const { return counts_; }
  /// When the counts were right.
  steady_time counted_at() const { return counted_at_; }
  /// Storage nodes went or came since the counted pass began: it is counted again.
  bool is_outdated() const { return is_outdated_; }
  /// Why nothing is counted any more; empty: it is.
  const std::string& problem() const { return problem_; }

 private:
  /// What the counts depend on.
  struct basis {
    std::uint64_t applied = 0;
    std::uint64_t reported_changes = 0;
    std::vector<storage_id> living;

    friend bool operator==(const basis&, const basis&) = default;
  };
  /// Nodes that report, by their ids.
  using living_nodes = std::map<storage_id, const storage_registry::node*>;
  struct finding {
    bool is_short = false;
    bool is_unreadable = false;
    bool is_suspect = false; ///< a node that reports doesn't name its fragment
  };
  struct suspect {
    chunk_record record;
    bool is_unreadable = false;
  };

  bool begin_pass(basis now_holds, steady_time now);
  /// The ids of the suspects that are short of copies still, after further reports.
  std::optional<query> recheck(const living_nodes& living);
  bool have_reported(const living_nodes& living) const;
  finding examine(const chunk_record& chunk, const living_nodes& living);
  bool can_be_read(const std::vector<bool>& present);
  void count_short(bool is_unreadable);
  void finish_page(steady_time now);
  static living_nodes find_living(const storage_registry& registry, steady_time now);

  readable_check is_readable_;
  std::chrono::milliseconds delay_;
  std::uint64_t generation_ = 0;
  std::optional<steady_time> not_before_; ///< of the first pass

  bool is_passing_ = false;
  bool is_answer_due_ = false;
  basis pass_basis_; ///< at the beginning of the pass under way, or of the last one
  survey_counts so_far_;
  chunk_id after_;
  bool has_more_ = true;
  std::vector<suspect> suspects_; ///< of the page in hand
  std::map<storage_id, std::uint64_t> reports_at_page_;

  std::optional<survey_counts> counts_;
  steady_time counted_at_{};
  bool is_outdated_ = false;
  std::string problem_;
};

} // namespace dfs
