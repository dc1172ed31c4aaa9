#pragma once

#include <atoll/keep/units.hpp>
#include <atoll/spi/timestamp.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace atl::keep {

/// What the keeper thinks of a node.
enum class liveness : std::uint8_t {
  unheard, ///< no heartbeat has come since this keeper began
  up,
  suspect, ///< late, so that it gets no new data
  down,
};

struct node_report {
  node_id id = no_node;
  node_state state = node_state::active;
  keep::liveness liveness = keep::liveness::unheard;
  spi::timestamp silent{0};
  spi::timestamp dead_after{0};        ///< with the allowance for a node that comes and goes
  bool is_empty = false;               ///< of a draining or dead node: the state has nothing on it
  std::uint32_t tasks_in = 0;          ///< fragments on their way to it
  std::uint32_t tasks_out = 0;         ///< and from it
  std::uint64_t removals = 0;          ///< ordered, not yet carried out
  std::uint64_t fragments_audited = 0; ///< in the audit under way
  bool is_audited = false;             ///< an audit is under way
};

/// Units that aren't in order.
struct redundancy {
  std::uint64_t degraded = 0; ///< fragments are gone, and more could go before anything is lost
  std::uint64_t critical = 0; ///< the next loss loses data
  std::uint64_t lost = 0;     ///< too few fragments can be reached

  std::uint64_t total() const { return degraded + critical + lost; }
  friend bool operator==(const redundancy&, const redundancy&) = default;
};

/// A keeper's state for people and metrics.
struct keeper_report {
  bool leads = false;
  /// Have units been counted since the keeper leads?
  bool is_counted = false;
  /// Has anything changed since they were counted that may change the counts?
  bool is_outdated = false;
  spi::timestamp counted_age{0}; ///< of counts that are outdated: since they were counted
  std::uint64_t units = 0;
  redundancy all;
  std::map<policy_id, redundancy> by_policy; ///< without policies whose units are in order
  std::string problem;                       ///< why units can't be judged; empty: they can

  std::uint64_t queued_units = 0;  ///< units that wait for a repair
  std::uint64_t queued_bytes = 0;  ///< about what their repair copies
  std::uint64_t stuck_units = 0;   ///< units that no node can take a fragment of now
  std::uint64_t tasks = 0;         ///< fragments under way
  std::uint64_t damaged_known = 0; ///< fragments known to be damaged or missing, not yet mended
  std::uint64_t verifications = 0; ///< fragments that are to be verified
  double bytes_a_second = 0;       ///< what repairs, drains and rebalancing copied of late

  // Since the keeper leads.
  std::uint64_t fragments_mended = 0;
  std::uint64_t fragments_moved = 0;
  std::uint64_t fragments_adopted = 0;
  std::uint64_t fragments_removed = 0;
  std::uint64_t bytes_copied = 0;
  std::uint64_t found_damaged = 0;
  std::uint64_t found_missing = 0;
  std::uint64_t orders_failed = 0;

  std::uint64_t audit_round = 0; ///< the last requested round of audits that is done
  std::vector<node_report> nodes;
};

} // namespace atl::keep
