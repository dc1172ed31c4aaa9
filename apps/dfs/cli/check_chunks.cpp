#include "cli/check_chunks.hpp"

#include "cli/commands.hpp"
#include "cli/output.hpp"
#include "cli/progress.hpp"
#include "common/chunk_check_protocol.hpp"

#include <atoll/core/printable_text.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <random>
#include <thread>

namespace dfs::cli {

namespace {

using protocol::chunk_check_state;

constexpr auto poll_interval = std::chrono::milliseconds{200};
/// Repairs that wait for storage nodes so long aren't waited for: a node may be silent for a while.
constexpr auto patience = std::chrono::seconds{10};

std::uint64_t random_number() {
  std::random_device source;
  return (std::uint64_t{source()} << 32) | source();
}

atl::result<chunk_check_state> ask(control& masters, std::uint64_t run) {
  return masters
      .call(protocol::kind::check_chunks, protocol::encode(protocol::chunk_check_request{run}))
      .and_then([](const std::string& bytes) { return protocol::decode_chunk_check_state(bytes); });
}

std::uint64_t short_of_copies(const chunk_check_state& state) {
  return state.degraded + state.critical + state.lost;
}

/// Is all in order now, and was it when the check began?
bool was_in_order(const chunk_check_state& state) {
  return short_of_copies(state) == 0 && state.missing == 0 && state.damaged == 0;
}

/// Is anything short of copies that can be read?
bool needs_repair(const chunk_check_state& state) {
  return state.tasks > 0 || state.waiting > 0 || short_of_copies(state) > state.lost;
}

/// Is nothing being repaired, because storage nodes are down or have no room?
bool is_stuck(const chunk_check_state& state) {
  return state.tasks == 0 && state.waiting == 0 && (state.stuck > 0 || !state.nodes_down.empty());
}

atl::result<chunk_check_state> wait_for_check(control& masters, bool repair, bool is_shown) {
  auto run = random_number();
  // The last time at which repairs did more than wait for storage nodes.
  auto moved_at = std::chrono::steady_clock::now();
  for (;;) {
    auto state = ask(masters, run);
    if (!state || !state->problem.empty() || (state->is_done && !(repair && needs_repair(*state))))
      return state;
    auto now = std::chrono::steady_clock::now();
    if (!state->is_done || !is_stuck(*state))
      moved_at = now;
    else if (now - moved_at >= patience)
      return state;
    if (is_shown)
      show_progress_lines({fmt::format("{} chunks; {} short of copies, {} fragments on their way",
                                       state->chunks, short_of_copies(*state), state->tasks)});
    std::this_thread::sleep_for(poll_interval);
  }
}

nlohmann::json to_json(const chunk_check_state& state) {
  return {{"chunks", state.chunks},
          {"degraded", state.degraded},
          {"critical", state.critical},
          {"lost", state.lost},
          {"missing", state.missing},
          {"damaged", state.damaged},
          {"orphaned", state.orphaned},
          {"mended", state.mended},
          {"stuck", state.stuck},
          {"nodes_down", state.nodes_down},
          {"disks_failed", state.disks_failed}};
}

void print_state(const chunk_check_state& state) {
  print("{} chunks: {}\n", state.chunks,
        short_of_copies(state) == 0
            ? std::string{"all in order"}
            : fmt::format("{} short of copies ({} of these would be lost with the next loss), {} "
                          "can't be read",
                          state.degraded + state.critical, state.critical, state.lost));
  if (state.missing + state.damaged > 0)
    print("{} fragments were missing, {} damaged; {} were made anew\n", state.missing,
          state.damaged, state.mended);
  if (state.orphaned > 0)
    print("{} fragments that nothing refers to were removed\n", state.orphaned);
  if (state.stuck > 0)
    print("{} chunks wait for storage nodes with room for them\n", state.stuck);
  if (!state.nodes_down.empty())
    print("down, and not asked: {}\n", fmt::format("{}", fmt::join(state.nodes_down, ", ")));
  for (auto& disk : state.disks_failed)
    print("a disk isn't used: {}\n", atl::printable(disk));
}

} // namespace

atl::status wait_for_repairs(control& masters, bool shows_progress) {
  auto state = wait_for_check(masters, true, shows_progress);
  if (shows_progress)
    show_progress_lines({});
  if (!state)
    return tl::unexpected{state.error()};
  return state->problem.empty() ? atl::status{} : atl::fail(atl::errc::refused, state->problem);
}

int check_chunks(context& with, bool repair) {
  auto masters = with.masters();
  if (!masters)
    return report_error(masters.error());
  auto is_shown = shows_progress(with);
  auto state = wait_for_check(**masters, repair, is_shown);
  if (is_shown)
    show_progress_lines({});
  if (!state)
    return report_error(state.error());
  if (!state->problem.empty())
    return report_error({atl::errc::refused, state->problem});
  if (with.json)
    print("{}\n", to_json(*state).dump());
  else
    print_state(*state);
  if (repair)
    return short_of_copies(*state) == 0 ? done : failed;
  return was_in_order(*state) ? done : failed;
}

} // namespace dfs::cli
