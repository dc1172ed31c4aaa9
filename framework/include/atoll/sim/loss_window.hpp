#pragma once

#include <atoll/keep/keeper_settings.hpp>
#include <atoll/sim/storage_simulation.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace atl::sim {

/// A unit with all its fragments.
struct placed_unit {
  std::uint64_t bytes = 0;
  std::vector<std::uint32_t> slots; ///< the slot of each fragment's node
};

/// Nodes that fail together.
struct node_loss {
  std::int64_t at_us = 0; ///< since the beginning of the window
  std::vector<std::uint32_t> slots;
  /// After so long the nodes return with all that they had. 0: they are lost for good, and empty
  /// nodes stand in their slots at once, or when the zone returns that is away.
  std::int64_t away_us = 0;
};

/// A storage cluster that a keeper works for while nodes fail. A slot, from 0 on, is a place for a
/// node in zone (slot mod `zones`).
struct loss_window {
  std::uint64_t seed = 1;
  std::uint32_t nodes = 1;
  std::uint32_t zones = 1;
  std::uint64_t disk_bytes = 0;           ///< of each node
  std::vector<std::uint64_t> other_bytes; ///< by slot: what is stored besides the units
  keep::keeper_settings settings;
  std::uint64_t node_bytes_a_second = 0; ///< how quickly a node makes one fragment
  /// Of all nodes at the same time. While nothing happens the keeper is called less often as well.
  std::int64_t heartbeat_us = 500'000;
  storage_plugins plugins;
  std::vector<placed_unit> units;
  std::vector<node_loss> losses; ///< in order of time
  storage_trace_sink trace;      ///< empty: none
  /// Called often; may be empty.
  std::function<void()> on_progress;
};

struct loss_window_outcome {
  std::vector<std::uint32_t> lost_units; ///< indexes into `units`, in order of their losses
  /// Losses that happened. The others come after all was whole again.
  std::size_t losses = 0;
  std::uint64_t events = 0;      ///< of the simulation
  std::uint64_t plugin_uses = 0; ///< by the keeper, to judge a unit or plan its repair
  std::uint64_t copies = 0;      ///< orders to make a fragment anew
  std::string problem;           ///< an exception, or a broken interface; empty: none
};

/// Runs a keeper from before the first loss up to the last one, after which nothing can be lost any
/// more, or until all units are whole again before the next loss. A unit is lost when its scheme
/// can't read it from the copies on all disks that still exist, whether or not the state knows of
/// them; it is removed then. Equal windows give equal outcomes.
/// @pre there is at least one loss, and there are nodes for the fragments of a unit
loss_window_outcome simulate_losses(const loss_window& window);

} // namespace atl::sim
