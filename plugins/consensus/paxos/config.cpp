#include "config.hpp"

#include <stdexcept>

namespace atl::paxos {

std::size_t quorum_sizes::to_prepare(std::size_t voters) const {
  if (prepare != 0)
    return prepare;
  return accept == 0 ? voters / 2 + 1 : voters + 1 - accept;
}

std::size_t quorum_sizes::to_accept(std::size_t voters) const {
  if (accept != 0)
    return accept;
  return prepare == 0 ? voters / 2 + 1 : voters + 1 - prepare;
}

std::string quorum_sizes::refusal(std::size_t voters) const {
  auto text = [](std::size_t number) { return std::to_string(number); };
  if (prepare > voters || accept > voters)
    return "a quorum of " + text(prepare > voters ? prepare : accept) +
           " is more than the group's " + text(voters) + " voters";
  auto first = to_prepare(voters);
  auto second = to_accept(voters);
  if (first + second <= voters)
    return "prepare_quorum " + text(first) + " and accept_quorum " + text(second) +
           " don't meet in a group of " + text(voters) +
           ": a new leader could miss what was committed; together they must be at least " +
           text(voters + 1);
  return {};
}

config read_config(const spi::options& options) {
  auto size = [&](const char* name) { return static_cast<std::size_t>(options.integer(name)); };
  auto time = [&](const char* name) { return spi::timestamp{options.integer(name)}; };
  config out;
  out.heartbeat = time("heartbeat");
  out.election_timeout = time("election_timeout");
  out.read_timeout = time("read_timeout");
  out.batch_bytes = size("batch_bytes");
  out.window_bytes = size("window_bytes");
  out.keep_bytes = size("keep_bytes");
  out.log_bytes = size("log_bytes");
  out.max_in_flight = size("max_in_flight");
  out.keep_entries = size("keep_entries");
  out.quorums = {static_cast<std::uint16_t>(size("prepare_quorum")),
                 static_cast<std::uint16_t>(size("accept_quorum"))};
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

} // namespace atl::paxos
