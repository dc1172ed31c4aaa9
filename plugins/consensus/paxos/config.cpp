#include "config.hpp"

#include <string>

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
  config out{leader_based::read_leader_options(options), {}};
  out.quorums = {static_cast<std::uint16_t>(options.integer("prepare_quorum")),
                 static_cast<std::uint16_t>(options.integer("accept_quorum"))};
  return out;
}

} // namespace atl::paxos
