#include "config.hpp"

#include <stdexcept>
#include <string>

namespace atl::raft {

spi::timestamp config::shortened(spi::timestamp time) const {
  constexpr std::int64_t million = 1'000'000;
  return time * million / (million + static_cast<std::int64_t>(clock_drift_ppm));
}

config read_config(const spi::options& options) {
  config out{leader_based::read_leader_options(options)};
  out.lease = options.boolean("lease");
  out.clock_drift_ppm = static_cast<std::uint64_t>(options.integer("clock_drift"));
  if (auto lease = out.shortened(out.election_timeout); out.lease && lease <= out.heartbeat)
    throw std::invalid_argument(
        "with clock_drift at " + std::to_string(out.clock_drift_ppm) + " ppm a lease would last " +
        std::to_string(lease.count()) +
        " us, and end before the next heartbeat renews it; lower clock_drift or the heartbeat, "
        "raise election_timeout, or switch lease off");
  return out;
}

} // namespace atl::raft
