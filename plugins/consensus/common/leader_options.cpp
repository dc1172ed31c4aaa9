#include "leader_options.hpp"

#include <algorithm>
#include <stdexcept>

namespace atl::leader_based {

leader_options read_leader_options(const spi::options& options) {
  auto size = [&](const char* name) { return static_cast<std::size_t>(options.integer(name)); };
  auto time = [&](const char* name) { return spi::timestamp{options.integer(name)}; };
  leader_options out;
  out.heartbeat = time("heartbeat");
  out.election_timeout = time("election_timeout");
  out.read_timeout = time("read_timeout");
  out.batch_bytes = size("batch_bytes");
  out.window_bytes = size("window_bytes");
  out.keep_bytes = size("keep_bytes");
  out.log_bytes = size("log_bytes");
  out.in_flight_max = size("max_in_flight");
  out.keep_entries = size("keep_entries");
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

spi::log_index cut_goal(const leader_options& options, spi::log_index base, spi::log_index last,
                        std::size_t bytes, spi::log_index applied, spi::log_index limit) {
  auto goal = applied > options.keep_entries ? applied - options.keep_entries : 0;
  if (auto entries = last - base; bytes > options.keep_bytes && entries > 0) {
    auto average = bytes / entries + 1;
    auto fit = options.keep_bytes / average;
    goal = std::max(goal, applied > fit ? applied - fit : 0);
  }
  goal = std::min(goal, limit);
  // Each cut costs a record, so it covers many entries, unless a few large ones fill the log.
  auto few = goal < base + options.keep_entries / 8 + 1;
  auto half_full = options.keep_bytes + (options.log_bytes - options.keep_bytes) / 2;
  return few && bytes <= half_full ? base : goal;
}

} // namespace atl::leader_based
