#pragma once

#include "common/chunk_check_protocol.hpp"
#include "master/registry.hpp"

#include <atoll/keep/keeper_report.hpp>

#include <cstdint>
#include <map>

namespace dfs {

/// Checks of all chunks on operators' requests: each is a round of the keeper's audits, and what
/// the keeper found since it began. Pure. Not thread-safe.
class chunk_check {
 public:
  /// Must a round of audits be begun for this run? Then `begin` follows.
  bool is_new(std::uint64_t run) const { return !runs_.contains(run); }
  void begin(std::uint64_t run, std::uint64_t round, const atl::keep::keeper_report& now);
  /// @pre the run has begun
  protocol::chunk_check_state state(std::uint64_t run, const atl::keep::keeper_report& now,
                                    const storage_registry& registry, steady_time time) const;
  /// Another leader's counters don't count.
  void clear() { runs_.clear(); }

 private:
  struct run {
    std::uint64_t round = 0;
    std::uint64_t missing = 0;
    std::uint64_t damaged = 0;
    std::uint64_t removed = 0;
    std::uint64_t mended = 0;
    std::uint64_t serial = 0;
  };

  std::map<std::uint64_t, run> runs_;
  std::uint64_t serials_ = 0;
};

} // namespace dfs
