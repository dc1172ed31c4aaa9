#pragma once

#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace atl::sim {

/// Events of a run that are relevant for a diagram.
enum class run_event_kind : std::uint8_t {
  started,      ///< a replica starts; `number`: its incarnation
  not_admitted, ///< a replica is not admitted by its host, because its disk is empty; `text`: why
  stopped,      ///< a replica stops; `text`: why
  lost_disk,    ///< the disk of a replica that is down is lost
  damaged,      ///< a record of a replica that is down is damaged
  paused,       ///< a replica is paused up to `until`
  clock_jumped, ///< the clock of a replica jumped
  sent,         ///< a replica sent a message to `peer`; `number`: of the message, `bytes`: its size
  lost,         ///< as `sent`, but the message is lost
  arrived,      ///< a message from `peer`, sent at `since`, arrived at a replica
  missed,       ///< as `arrived`, but the replica is down, or the link is cut
  synced,       ///< a replica has synced everything up to token `number`
  role,         ///< a replica has `role` in term `number`, with `peer` as the leader
  applied,    ///< entries up to index `number` were delivered to a replica's state machine; `text`:
              ///< which
  installed,  ///< a replica installed a snapshot up to index `number`
  members,    ///< the members that a replica knows now; `text`: the members
  asked,      ///< client `number` sent a request to a replica; `text`: the request
  answered,   ///< a replica answered client `number`; `text`: the answer
  links,      ///< links were cut, clogged or healed; `text`: which
  all_healed, ///< all faults are healed
  fault,      ///< a fault acts; `text`: its name, as `format_faults` writes it
  violated,   ///< a check failed; `text`: the violation
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

/// Receives the events of a run in order of time, on the thread that runs the simulation.
using event_sink = std::function<void(const run_event&)>;

/// Client numbers of requests that do not come from clients of the workload.
inline constexpr std::uint64_t script_client = 0;
inline constexpr std::uint64_t admin_client = ~std::uint64_t{0};

} // namespace atl::sim
