#pragma once

#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace atl::sim {

/// What happens in a run, as far as somebody who draws it wants to know.
enum class run_event_kind : std::uint8_t {
  started,      ///< a replica; `number`: of its life
  kept_out,     ///< a replica, by its host, for its disk is empty; `text`: why
  stopped,      ///< a replica; `text`: why
  lost_disk,    ///< a replica that is down
  damaged,      ///< a record of a replica that is down
  paused,       ///< a replica does nothing up to `until`
  clock_jumped, ///< of a replica
  sent,         ///< by a replica to `peer`; `number`: of the message, `bytes` long
  lost,         ///< the same, and it will not arrive
  arrived,      ///< at a replica from `peer`, sent at `since`
  missed,       ///< the same, but the replica is down, or the link is cut
  synced,       ///< a replica has everything up to token `number` on its disk
  role,         ///< a replica is `role` in term `number`, and takes `peer` for the leader
  applied,      ///< a replica was told to apply up to index `number`; `text`: what
  installed,    ///< a replica took over a snapshot up to index `number`
  members,      ///< as a replica knows them now; `text`: who
  asked,        ///< a replica is asked for something by client `number`; `text`: for what
  answered,     ///< a replica answers client `number`; `text`: what
  links,        ///< some were cut, clogged or mended; `text`: how
  all_healed,   ///< the faults are over
  fault,        ///< acts; `text`: its name, as `format_faults` writes it
  violated,     ///< `text`: what
};

struct run_event {
  run_event_kind what = run_event_kind::started;
  std::int64_t at = 0; ///< microseconds since the start
  spi::replica_id replica = 0;
  spi::replica_id peer = 0;
  std::uint64_t number = 0;
  std::uint64_t bytes = 0;
  std::int64_t since = 0;
  std::int64_t until = 0;
  spi::replica_role role = spi::replica_role::follower;
  std::string text{};
};

/// Receives a run's events, in their order.
using event_sink = std::function<void(const run_event&)>;

/// The numbers under which those ask who aren't clients of the workload.
inline constexpr std::uint64_t script_client = 0;
inline constexpr std::uint64_t admin_client = ~std::uint64_t{0};

} // namespace atl::sim
