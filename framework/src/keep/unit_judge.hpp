#pragma once

#include "exception_table.hpp"
#include "node_watch.hpp"

#include <atoll/keep/keeper.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace atl::keep {

/// What is to be done about a unit now.
struct unit_state {
  spi::chunk_health health = spi::chunk_health::healthy;
  std::uint32_t spare = 0; ///< losses that it survives
  /// Fragments that are lost for good, and are to be made anew: never stored, on a dead node, gone
  /// or damaged.
  std::vector<std::uint32_t> lost_fragments;

  bool is_healthy() const { return health == spi::chunk_health::healthy; }
};

/// A fragment that is to be made anew.
struct remedy {
  std::uint32_t fragment = 0;
  bool by_copying = true; ///< otherwise it is rebuilt from several sources together
  /// The best first. Of a rebuild those that the scheme named, and then all others, for when one
  /// of them fails.
  std::vector<order_source> sources;
  std::size_t senders = 1; ///< how many of the sources are read if none fails
};

/// Judges units by their schemes, by where their fragments are, and by what is known of the nodes.
class unit_judge {
 public:
  unit_judge(const keeper_setup& setup, const node_watch& nodes, const exception_table& exceptions)
      : setup_{setup}, nodes_{nodes}, exceptions_{exceptions} {}

  /// None: the unit's scheme isn't known or has failed; `problem` says why.
  std::optional<unit_state> judge(const unit_record& unit);
  /// How the unit's lost fragments are made anew, in the scheme's order; none for those for which
  /// that is impossible now.
  std::vector<remedy> plan(const unit_record& unit, const unit_state& state);
  /// A fragment is where the record says, as far as is known, and can be read now.
  bool is_readable(const unit_record& unit, std::uint32_t fragment) const;
  bool is_lost(const unit_record& unit, std::uint32_t fragment) const;
  std::uint64_t fragment_bytes(const unit_record& unit, std::uint32_t fragment);
  const policy_plugins* plugins_of(policy_id policy) const;

  /// Why a unit couldn't be judged last; empty: all could.
  const std::string& problem() const { return problem_; }
  void forget_problem() { problem_.clear(); }

 private:
  spi::chunk_report report_of(const unit_record& unit) const;
  void add_spare_sources(const unit_record& unit, remedy& rebuild) const;

  const keeper_setup& setup_;
  const node_watch& nodes_;
  const exception_table& exceptions_;
  std::string problem_;
};

} // namespace atl::keep
