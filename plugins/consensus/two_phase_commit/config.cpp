#include "config.hpp"

#include <stdexcept>
#include <string>

namespace atl::two_phase {

namespace {

spi::timestamp duration(const spi::options& options, const char* name) {
  auto value = spi::timestamp{options.integer(name)};
  if (value <= spi::timestamp::zero())
    throw std::invalid_argument(std::string{name} + " must be greater than 0");
  return value;
}

} // namespace

config read_config(const spi::options& options) {
  config out;
  out.heartbeat = duration(options, "heartbeat");
  out.failure_timeout = duration(options, "failure_timeout");
  out.vote_timeout = duration(options, "vote_timeout");
  out.read_timeout = duration(options, "read_timeout");
  out.batch_bytes = static_cast<std::size_t>(options.integer("batch_bytes"));
  out.keep_bytes = static_cast<std::size_t>(options.integer("keep_bytes"));
  out.log_bytes = static_cast<std::size_t>(options.integer("log_bytes"));
  out.in_flight_max = static_cast<std::uint64_t>(options.integer("max_in_flight"));
  out.keep_entries = static_cast<std::uint64_t>(options.integer("keep_entries"));
  auto& lost = options.text("lost_decisions");
  out.lost_decisions = lost == "commit"  ? lost_decision::commit
                       : lost == "abort" ? lost_decision::abort
                                         : lost_decision::block;
  if (out.failure_timeout < 2 * out.heartbeat)
    throw std::invalid_argument("failure_timeout must be at least twice the heartbeat, or one late "
                                "heartbeat makes a healthy participant count as down");
  if (out.log_bytes < out.keep_bytes)
    throw std::invalid_argument("log_bytes must not be smaller than keep_bytes, or the log could "
                                "not hold the entries to keep");
  return out;
}

} // namespace atl::two_phase
