#include "config.hpp"

#include <stdexcept>
#include <string>

namespace atl::raft {

spi::timestamp config::shortened(spi::timestamp time) const {
  constexpr std::int64_t million = 1'000'000;
  return time * million / (million + static_cast<std::int64_t>(clock_drift_ppm));
}

config read_config(const spi::options& options) {
  config out;
  out.heartbeat = spi::timestamp{options.integer("heartbeat")};
  out.election_timeout = spi::timestamp{options.integer("election_timeout")};
  out.read_timeout = spi::timestamp{options.integer("read_timeout")};
  out.batch_bytes = static_cast<std::size_t>(options.integer("batch_bytes"));
  out.window_bytes = static_cast<std::size_t>(options.integer("window_bytes"));
  out.keep_bytes = static_cast<std::size_t>(options.integer("keep_bytes"));
  out.log_bytes = static_cast<std::size_t>(options.integer("log_bytes"));
  out.max_in_flight = static_cast<std::uint64_t>(options.integer("max_in_flight"));
  out.keep_entries = static_cast<std::uint64_t>(options.integer("keep_entries"));
  out.lease = options.boolean("lease");
  out.clock_drift_ppm = static_cast<std::uint64_t>(options.integer("clock_drift"));
  if (out.election_timeout < 2 * out.heartbeat)
    throw std::invalid_argument("election_timeout must be at least twice the heartbeat, or one "
                                "late heartbeat deposes a healthy leader");
  if (out.window_bytes < out.batch_bytes)
    throw std::invalid_argument("window_bytes must not be smaller than batch_bytes, or no batch "
                                "would ever be sent whole");
  if (out.log_bytes < out.keep_bytes)
    throw std::invalid_argument("log_bytes must not be smaller than keep_bytes, or the log could "
                                "never hold what it is asked to keep");
  if (auto lease = out.shortened(out.election_timeout); out.lease && lease <= out.heartbeat)
    throw std::invalid_argument(
        "with clock_drift at " + std::to_string(out.clock_drift_ppm) + " ppm a lease would last " +
        std::to_string(lease.count()) +
        " us, and end before the next heartbeat renews it; lower clock_drift or the heartbeat, "
        "raise election_timeout, or switch lease off");
  return out;
}

} // namespace atl::raft
