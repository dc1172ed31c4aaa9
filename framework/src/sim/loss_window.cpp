#include "keeper_hosts.hpp"
#include "storage_node.hpp"
#include "storage_observer.hpp"
#include "storage_world.hpp"

#include <atoll/sim/loss_window.hpp>

#include <algorithm>
#include <limits>
#include <optional>

namespace atl::sim {

namespace {

/// Heartbeats of each node that the keeper hears before the first loss.
constexpr int heartbeats_before = 3;
/// An idle keeper is called so often within the time between two heartbeats.
constexpr int idle_wakes_a_heartbeat = 4;

keep::unit_id id_of(std::uint32_t unit) {
  return {0, unit + 1};
}

/// Of units: which fragments exist on any disk.
class surviving_copies final : public storage_observer {
 public:
  surviving_copies(storage_world& world, std::size_t units)
      : world_{world}, holders_(units * world.layout().total) {}

  void on_stored(keep::node_id node, const keep::fragment_key& key) override {
    auto& nodes = holders(key);
    if (std::ranges::find(nodes, node) == nodes.end())
      nodes.push_back(node);
  }
  void on_removal(keep::node_id node, const keep::fragment_key& key, std::uint64_t) override {
    std::erase(holders(key), node);
  }
  void on_destroyed(keep::node_id node, const keep::fragment_key& key, bool) override {
    std::erase(holders(key), node);
    if (!world_.state().find(key.unit) || is_readable(key.unit))
      return;
    lost_.push_back(static_cast<std::uint32_t>(key.unit.low - 1));
    world_.trace("{} is lost", to_text(key.unit));
    world_.state().remove(key.unit);
  }

  void on_order(const keep::order& what, std::uint64_t, bool) override {
    copies_ += what.what == keep::order::work::copy || what.what == keep::order::work::rebuild;
  }

  const std::vector<std::uint32_t>& lost() const { return lost_; }
  std::uint64_t copies() const { return copies_; }

 private:
  std::vector<keep::node_id>& holders(const keep::fragment_key& key) {
    return holders_[(key.unit.low - 1) * world_.layout().total + key.fragment];
  }
  bool is_readable(const keep::unit_id& unit) {
    std::vector<bool> present(world_.layout().total);
    for (std::uint32_t i = 0; i < present.size(); ++i)
      present[i] = !holders({unit, i}).empty();
    return world_.scheme().enough(present);
  }

  storage_world& world_;
  std::vector<std::vector<keep::node_id>> holders_; ///< of each fragment of each unit
  std::vector<std::uint32_t> lost_;
  std::uint64_t copies_ = 0; ///< that were ordered
};

storage_simulation_options options_of(const loss_window& window) {
  storage_simulation_options it;
  it.seed = window.seed;
  it.nodes = window.nodes;
  it.zones = window.zones;
  it.hosts = 1;
  it.units = 0;
  it.clients = 0;
  it.faults = storage_fault_set::none();
  it.plugins = window.plugins;
  it.settings = window.settings;
  it.trace = window.trace;
  return it;
}

storage_parameters parameters_of(const loss_window& window) {
  storage_parameters it;
  it.settings = window.settings;
  it.zones = window.zones;
  it.disk_bytes = window.disk_bytes;
  it.node_bytes_a_second = window.node_bytes_a_second;
  it.delay_min_us = 200;
  it.delay_jitter_us = 500;
  it.query_us_max = 2'000;
  it.slice_fragments = static_cast<std::uint32_t>(keep::slice_fragments_max);
  it.upload_window_us = std::numeric_limits<std::int64_t>::max(); // nothing is put
  it.heartbeat_us = 0;
  it.idle_wake_us = window.heartbeat_us / idle_wakes_a_heartbeat;
  return it;
}

class window_run {
 public:
  explicit window_run(const loss_window& window)
      : window_{window}, world_{options_of(window), {}, parameters_of(window)},
        copies_{world_, window.units.size()}, slots_(window.nodes) {
    world_.set_observer(copies_);
    for (std::uint32_t slot = 0; slot < window.nodes; ++slot)
      slots_[slot].node = slot + 1;
    for (std::size_t slot = 0; slot < window.other_bytes.size(); ++slot)
      world_.node(slots_[slot].node).fill(window.other_bytes[slot]);
    for (std::uint32_t unit = 0; unit < window.units.size(); ++unit)
      place(unit);
    world_.state().raise_watermark({1, 0});
  }

  loss_window_outcome run() {
    world_.hosts().start();
    begins_at_ = world_.now() + heartbeats_before * window_.heartbeat_us;
    std::size_t happened = 0;
    for (; happened < window_.losses.size() && world_.ok(); ++happened) {
      auto& next = window_.losses[happened];
      if (!run_until(begins_at_ + next.at_us, happened > 0))
        break;
      lose(next);
    }
    auto& stats = world_.stats();
    return {copies_.lost(),    happened,         stats.events,
            stats.plugin_uses, copies_.copies(), world_.reason()};
  }

 private:
  struct slot_state {
    keep::node_id node = keep::no_node;
    std::int64_t away_until = 0; ///< in the past: not away
  };

  void place(std::uint32_t index) {
    auto& placed = window_.units[index];
    keep::unit_record unit;
    unit.id = id_of(index);
    unit.size_bytes = placed.bytes;
    unit.policy = 1;
    for (std::uint32_t i = 0; i < placed.slots.size(); ++i) {
      unit.nodes.push_back(slots_[placed.slots[i]].node);
      world_.node(unit.nodes.back()).store({unit.id, i}, world_.fragment_bytes(unit, i));
    }
    world_.state().put(unit);
  }

  /// @param may_end whether to stop as soon as all is whole. @returns false if it did
  bool run_until(std::int64_t end, bool may_end) {
    while (world_.ok() && next_heartbeat_ <= end) {
      world_.run_until(next_heartbeat_);
      next_heartbeat_ += window_.heartbeat_us;
      if (window_.on_progress)
        window_.on_progress();
      if (may_end && is_whole())
        return false;
      world_.hosts().hear_all();
    }
    world_.run_until(end);
    return world_.ok();
  }

  void lose(const node_loss& loss) {
    for (auto slot : loss.slots) {
      if (loss.away_us != 0) {
        take_away(slot, loss.away_us);
        continue;
      }
      world_.node(slots_[slot].node).die();
      if (slots_[slot].away_until <= world_.now())
        replace(slot);
    }
  }

  void replace(std::uint32_t slot) { slots_[slot].node = world_.add_node(slot % window_.zones); }

  void take_away(std::uint32_t slot, std::int64_t away_us) {
    auto& it = slots_[slot];
    world_.node(it.node).crash();
    it.away_until = std::max(it.away_until, world_.now() + away_us);
    world_.at_time(it.away_until, [this, slot] { bring_back(slot); });
  }

  void bring_back(std::uint32_t slot) {
    auto& it = slots_[slot];
    if (world_.now() < it.away_until)
      return; // another outage has begun since
    if (world_.node(it.node).is_gone())
      replace(slot);
    else
      world_.node(it.node).start();
  }

  bool is_whole() {
    for (auto& slot : slots_)
      if (!world_.node(slot.node).up() ||
          world_.state().state_of(slot.node) != keep::node_state::active)
        return false;
    if (flawed_ && !is_whole(*flawed_))
      return false;
    flawed_.reset();
    for (auto& [id, unit] : world_.state().all_units())
      if (!is_whole(id)) {
        flawed_ = id; // likely the reason for some time
        return false;
      }
    return true;
  }

  bool is_whole(const keep::unit_id& id) {
    auto* unit = world_.state().find(id);
    if (!unit)
      return true; // it is lost
    for (std::uint32_t i = 0; i < unit->nodes.size(); ++i) {
      auto node = unit->nodes[i];
      if (node == keep::no_node || !world_.node(node).can_read({id, i}))
        return false;
    }
    return true;
  }

  const loss_window& window_;
  storage_world world_;
  surviving_copies copies_;
  std::vector<slot_state> slots_;
  std::int64_t begins_at_ = 0;
  std::int64_t next_heartbeat_ = 0;
  std::optional<keep::unit_id> flawed_;
};

} // namespace

loss_window_outcome simulate_losses(const loss_window& window) {
  return window_run{window}.run();
}

} // namespace atl::sim
