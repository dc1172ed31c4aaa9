#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "client/control.hpp"
#include "common/rebalance_protocol.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <string>

namespace dfs::cli {

namespace {

using nlohmann::json;
using protocol::rebalance_state;

std::string percent(double share) {
  return fmt::format("{:.2f} %", 100 * share);
}

/// Seconds that the moves take at the rate; 0: the rate isn't bounded.
std::uint64_t seconds_of(const rebalance_state& state) {
  return state.rate == 0 ? 0 : (state.bytes + state.rate - 1) / state.rate;
}

bool is_anything_left(const rebalance_state& state) {
  return !state.moves.empty() || state.under_way > 0;
}

json to_json(const rebalance_state& state) {
  json out{{"mean", state.mean},           {"threshold", state.threshold},
           {"rate", state.rate},           {"bytes", state.bytes},
           {"under_way", state.under_way}, {"waits_for_audit", state.waits_for_audit},
           {"nodes", json::array()},       {"moves", json::array()}};
  if (state.rate != 0)
    out["seconds"] = seconds_of(state);
  for (const auto& node : state.nodes)
    out["nodes"].push_back({{"name", node.name},
                            {"use", node.use},
                            {"bytes_over", node.bytes_over},
                            {"bytes_below", node.bytes_below}});
  for (const auto& move : state.moves)
    out["moves"].push_back({{"from", state.nodes[move.from].name},
                            {"to", state.nodes[move.to].name},
                            {"bytes", move.bytes}});
  return out;
}

void print_node(const protocol::rebalanced_node& node) {
  print("{:<16} {:>9}   {}\n", display_name(node.name), percent(node.use),
        node.bytes_over > 0    ? fmt::format("overfull by {}", human_bytes(node.bytes_over))
        : node.bytes_below > 0 ? fmt::format("below the mean by {}", human_bytes(node.bytes_below))
                               : std::string{"within the threshold"});
}

void print_plan(const rebalance_state& state) {
  print("the mean use is {}; nodes above it by more than {} are relieved\n", percent(state.mean),
        percent(state.threshold));
  for (const auto& node : state.nodes)
    print_node(node);
  for (const auto& move : state.moves)
    print("{} -> {}: about {}\n", display_name(state.nodes[move.from].name),
          display_name(state.nodes[move.to].name), human_bytes(move.bytes));
  if (!state.moves.empty())
    print("in all {}, {}\n", human_bytes(state.bytes),
          state.rate == 0 ? std::string{"as fast as the nodes can"}
                          : fmt::format("about {} s at {} a second", seconds_of(state),
                                        human_bytes(state.rate)));
  if (state.under_way > 0)
    print("{} fragments are on their way, or wait for it\n", state.under_way);
  if (state.waits_for_audit)
    print("it begins once the overfull nodes have told what they hold\n");
  if (!is_anything_left(state))
    print("nothing is left to do\n");
}

} // namespace

int rebalance(context& with, bool is_dry_run) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto request = protocol::encode(protocol::rebalance_request{!is_dry_run});
  auto state =
      (*masters)->call(protocol::kind::rebalance, request).and_then([](const std::string& bytes) {
        return protocol::decode_rebalance_state(bytes);
      });
  if (!state)
    return report_error(state.error());
  if (state->threshold <= 0)
    return report_error({atl::errc::refused,
                         "rebalance.threshold is 0, so that no node is relieved; to change that: "
                         "dfs admin set rebalance.threshold=0.05"});
  if (with.json)
    print("{}\n", to_json(*state).dump(-1, ' ', false, json::error_handler_t::replace));
  else
    print_plan(*state);
  return done;
}

} // namespace dfs::cli
