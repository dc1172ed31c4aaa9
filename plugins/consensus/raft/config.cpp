#include "config.hpp"

#include <stdexcept>

namespace atl::raft {

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
  if (out.election_timeout < 2 * out.heartbeat)
    throw std::invalid_argument("election_timeout must be at least twice the heartbeat, or one "
                                "late heartbeat deposes a healthy leader");
  if (out.window_bytes < out.batch_bytes)
    throw std::invalid_argument("window_bytes must not be smaller than batch_bytes, or no batch "
                                "would ever be sent whole");
  if (out.log_bytes < out.keep_bytes)
    throw std::invalid_argument("log_bytes must not be smaller than keep_bytes, or the log could "
                                "never hold what it is asked to keep");
  return out;
}

} // namespace atl::raft
