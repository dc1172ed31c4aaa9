#include "cli/commands.hpp"
#include "cli/trash_actions.hpp"
#include "client/control.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <random>
#include <thread>
#include <utility>

namespace dfs::cli {

namespace {

using atl::errc;
using atl::fail;
using clock = std::chrono::steady_clock;
using protocol::collect_phase;
using protocol::collect_state;

constexpr auto poll_interval = std::chrono::milliseconds{200};

std::uint64_t random_number() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

atl::result<collect_state> ask_how_far(control& masters, std::uint64_t run) {
  auto answer =
      masters.call(protocol::kind::collect, protocol::encode(protocol::collect_request{run}));
  if (!answer)
    return tl::unexpected{answer.error()};
  return protocol::decode_collect_state(*answer);
}

atl::result<collect_state> wait_until_collected(control& masters, std::chrono::seconds timeout) {
  auto run = random_number();
  auto give_up = clock::now() + timeout;
  auto told = false;
  for (;;) {
    auto state = ask_how_far(masters, run);
    if (!state || state->phase == collect_phase::done)
      return state;
    if (clock::now() >= give_up)
      return fail(errc::timeout,
                  fmt::format("the collection isn't done after {} s: {} fragments are removed, {} "
                              "are still to be; it goes on, and 'dfs admin collect' waits for it",
                              timeout.count(), state->fragments, state->fragments_left));
    if (state->wait_ms > 0 && !std::exchange(told, true))
      fmt::print(stderr,
                 "another master leads since a moment ago; uploads that began before have {} s to "
                 "show themselves\n",
                 state->wait_ms / 1000 + 1);
    std::this_thread::sleep_for(poll_interval);
  }
}

void print(const collect_state& state) {
  fmt::print("{} fragments removed, {} bytes freed\n", state.fragments, state.bytes);
  if (state.uploads > 0)
    fmt::print("{} uploads are under way: what was stored since the oldest of them began stays "
               "until it is over\n",
               state.uploads);
  if (!state.nodes_down.empty())
    fmt::print("what is on {} stays until these nodes are up\n", fmt::join(state.nodes_down, ", "));
}

} // namespace

int collect(context& with, std::uint32_t timeout_s, bool with_trash) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  if (with_trash)
    if (auto emptied = empty_trash(**masters, {}, std::chrono::microseconds{0}); !emptied)
      return report_error(emptied.error());
  auto state = wait_until_collected(**masters, std::chrono::seconds{timeout_s});
  if (!state)
    return report_error(state.error());
  if (with.json)
    fmt::print("{}\n", nlohmann::json{{"fragments", state->fragments},
                                      {"bytes", state->bytes},
                                      {"uploads", state->uploads},
                                      {"nodes_down", state->nodes_down}}
                           .dump());
  else
    print(*state);
  return done;
}

} // namespace dfs::cli
