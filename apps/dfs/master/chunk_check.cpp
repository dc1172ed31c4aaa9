#include "master/chunk_check.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace dfs {

namespace {

constexpr std::size_t runs_max = 64; ///< beyond, the oldest is forgotten, and begins again

} // namespace

void chunk_check::begin(std::uint64_t id, std::uint64_t round,
                        const atl::keep::keeper_report& now) {
  if (runs_.size() >= runs_max)
    runs_.erase(
        std::ranges::min_element(runs_, {}, [](const auto& entry) { return entry.second.serial; }));
  runs_[id] = {
      round,     now.found_missing, now.found_damaged, now.fragments_removed, now.fragments_mended,
      ++serials_};
}

protocol::chunk_check_state chunk_check::state(std::uint64_t id,
                                               const atl::keep::keeper_report& now,
                                               const storage_registry& registry,
                                               steady_time time) const {
  const auto& begun = runs_.at(id);
  protocol::chunk_check_state state;
  state.is_done = now.audit_round >= begun.round && now.is_counted && !now.is_outdated &&
                  now.verifications == 0;
  state.chunks = now.units;
  state.degraded = now.all.degraded;
  state.critical = now.all.critical;
  state.lost = now.all.lost;
  state.missing = now.found_missing - begun.missing;
  state.damaged = now.found_damaged - begun.damaged;
  state.orphaned = now.fragments_removed - begun.removed;
  state.mended = now.fragments_mended - begun.mended;
  state.waiting = now.queued_units;
  state.stuck = now.stuck_units;
  state.tasks = now.tasks;
  state.problem = now.problem;
  for (const auto& [name, node] : registry.nodes()) {
    if (!registry.alive(node, time))
      state.nodes_down.push_back(name);
    else
      for (const auto& disk : node.last.disks)
        if (!disk.failed.empty())
          state.disks_failed.push_back(fmt::format("{}: {}: {}", name, disk.folder, disk.failed));
  }
  return state;
}

} // namespace dfs
