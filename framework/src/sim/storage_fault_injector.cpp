#include "storage_fault_injector.hpp"

#include "keeper_hosts.hpp"
#include "storage_checker.hpp"
#include "storage_node.hpp"

#include <algorithm>
#include <utility>

namespace atl::sim {

storage_fault_injector::storage_fault_injector(storage_world& world) : world_{world} {
  using self = storage_fault_injector;
  using set = storage_fault_set;
  add(&set::node_crashes, fault_kind::node_crashes, &self::crash_node);
  add(&set::flapping, fault_kind::flapping, &self::flap);
  add(&set::zone_losses, fault_kind::zone_losses, &self::lose_zone);
  add(&set::node_deaths, fault_kind::node_deaths, &self::kill_node);
  add(&set::node_wipes, fault_kind::node_wipes, &self::wipe_node);
  add(&set::disk_failures, fault_kind::disk_failures, &self::fail_disk);
  add(&set::bit_rot, fault_kind::bit_rot, &self::rot);
  add(&set::full_disks, fault_kind::full_disks, &self::fill_disk);
  add(&set::slow_disks, fault_kind::slow_disks, &self::slow_disk);
  add(&set::leader_changes, fault_kind::leader_changes, &self::change_leader);
  add(&set::drains, fault_kind::drains, &self::drain);
  add(&set::policy_changes, fault_kind::policy_changes, &self::change_policy);
  for (std::size_t index = 0; index < kinds_.size(); ++index)
    schedule_next(index);
}

void storage_fault_injector::add(bool storage_fault_set::*flag, fault_kind what, act inject) {
  if (world_.rates().timed.*flag)
    kinds_.push_back({inject, world_.faults().point(what)});
}

void storage_fault_injector::schedule_next(std::size_t index) {
  auto& point = kinds_[index].point;
  auto chance = world_.faults().stream(
      purpose::fault_injector, static_cast<std::uint64_t>(point.id.kind), point.rng.drawn());
  world_.after(chance.between(1, 2 * world_.rates().fault_every), [this, index] { inject(index); });
}

void storage_fault_injector::inject(std::size_t index) {
  if (stopped_)
    return;
  if (auto details = world_.should_inject(kinds_[index].point, 1)) {
    random_ = *details;
    (this->*kinds_[index].inject)();
  }
  schedule_next(index);
}

void storage_fault_injector::later(std::int64_t delay, std::function<void()> what) {
  world_.after(delay, [this, what = std::move(what)] {
    if (!stopped_)
      what();
  });
}

keep::node_id storage_fault_injector::draw_node() {
  return static_cast<keep::node_id>(1 + random_.below(world_.node_count()));
}

bool storage_fault_injector::may_lose_disk_of(keep::node_id node) {
  if (world_.parameters().exceeds_promise)
    return true;
  return std::ranges::all_of(world_.node(node).copies(), [&](auto& copy) {
    return world_.checker().may_destroy(node, copy.first);
  });
}

bool storage_fault_injector::can_spare_a_node() {
  std::uint32_t in_use = 0;
  for (keep::node_id id = 1; id <= world_.node_count(); ++id)
    in_use += world_.state().state_of(id) == keep::node_state::active && !world_.node(id).is_gone()
                  ? 1
                  : 0;
  return in_use > world_.layout().total + 1;
}

// -- nodes ------------------------------------------------------------------------------------

void storage_fault_injector::crash_for(keep::node_id node, std::int64_t away) {
  world_.node(node).crash();
  later(away, [this, node] { world_.node(node).start(); });
}

void storage_fault_injector::crash_node() {
  auto dead_after = world_.parameters().settings.dead_after.count();
  auto away = random_.chance(0.5) ? random_.between(100'000, 3'000'000)
                                  : random_.between(dead_after / 2, 3 * dead_after);
  crash_for(draw_node(), away);
}

/// Comes and goes: each time it stays away a little longer than it must to count as lost.
void storage_fault_injector::flap() {
  auto node = draw_node();
  auto dead_after = world_.parameters().settings.dead_after.count();
  auto away =
      dead_after + random_.between(600'000, std::max<std::int64_t>(700'000, dead_after / 3));
  auto back = random_.between(1'500'000, 6'000'000);
  auto times = random_.between(2, 8);
  for (std::int64_t i = 0; i < times; ++i)
    later(i * (away + back), [this, node, away] { crash_for(node, away); });
}

void storage_fault_injector::lose_zone() {
  auto zone = world_.node(draw_node()).zone();
  auto away = random_.between(200'000, 2 * world_.parameters().settings.dead_after.count());
  for (keep::node_id id = 1; id <= world_.node_count(); ++id)
    if (world_.node(id).zone() == zone)
      crash_for(id, away);
}

void storage_fault_injector::kill_node() {
  auto node = draw_node();
  // A node that came and went is given so much time that a run would have to last for hours.
  if (world_.node(node).is_gone() || world_.checker().returns_of(node) > 1 || !can_spare_a_node() ||
      !may_lose_disk_of(node))
    return;
  world_.node(node).die();
  if (random_.chance(0.3)) // an operator who knows says so
    later(random_.between(100'000, 2'000'000),
          [this, node] { world_.hosts().set_node_state(node, keep::node_state::forgotten); });
  world_.after(random_.between(100'000, 10'000'000),
               [this, zone = world_.node(node).zone()] { world_.add_node(zone); });
}

void storage_fault_injector::wipe_node() {
  auto node = draw_node();
  if (world_.node(node).is_gone() || !may_lose_disk_of(node))
    return;
  world_.trace("node {} returns with an empty disk", node);
  world_.node(node).crash();
  world_.node(node).wipe();
  later(random_.between(50'000, 5'000'000), [this, node] { world_.node(node).start(); });
}

void storage_fault_injector::fail_disk() {
  auto node = draw_node();
  auto readable = random_.chance(0.5);
  if (world_.node(node).is_gone() || !world_.node(node).takes_data() || !may_lose_disk_of(node))
    return;
  world_.node(node).fail_disk(readable);
  later(random_.between(1'000'000, 15'000'000), [this, node] {
    // What could still be read is lost with the disk.
    if (may_lose_disk_of(node))
      world_.node(node).replace_disk();
  });
}

void storage_fault_injector::rot() {
  auto id = draw_node();
  auto& node = world_.node(id);
  if (node.copies().empty())
    return;
  auto count = random_.between(1, 5);
  for (std::int64_t i = 0; i < count; ++i) {
    auto at = std::next(node.copies().begin(),
                        static_cast<std::ptrdiff_t>(random_.below(node.copies().size())));
    auto key = at->first;
    if (!world_.parameters().exceeds_promise && !world_.checker().may_destroy(id, key))
      continue;
    node.rot(key);
    // Found at the latest when it is time to read it again; also after all faults have ended.
    world_.after(random_.between(0, world_.parameters().scrub_period_us),
                 [this, id, key] { world_.node(id).scrub(key); });
  }
}

void storage_fault_injector::fill_disk() {
  auto node = draw_node();
  world_.trace("the disk of node {} is full", node);
  world_.node(node).set_full(true);
  later(random_.between(500'000, 15'000'000), [this, node] { world_.node(node).set_full(false); });
}

void storage_fault_injector::slow_disk() {
  auto node = draw_node();
  auto factor = static_cast<std::uint32_t>(random_.between(2, 50));
  world_.trace("node {} becomes {} times slower", node, factor);
  world_.node(node).set_slowness(factor);
  later(random_.between(500'000, 15'000'000), [this, node] { world_.node(node).set_slowness(1); });
}

// -- people -----------------------------------------------------------------------------------

void storage_fault_injector::change_leader() {
  world_.hosts().change_leader(random_);
}

void storage_fault_injector::drain() {
  auto node = draw_node();
  if (world_.node(node).is_gone() || !can_spare_a_node())
    return;
  world_.trace("an operator drains node {}", node);
  world_.hosts().set_node_state(node, keep::node_state::draining);
  if (random_.chance(0.5))
    later(random_.between(500'000, 20'000'000), [this, node] {
      if (world_.state().state_of(node) == keep::node_state::draining) {
        world_.trace("an operator changes his mind about node {}", node);
        world_.hosts().set_node_state(node, keep::node_state::active);
      }
    });
}

void storage_fault_injector::change_policy() {
  if (random_.chance(0.5))
    return world_.hosts().change_policy();
  auto settings = world_.parameters().settings;
  auto factor = random_.chance(0.5) ? 2.0 : 0.5;
  for (auto* rate : {&settings.repair_rate, &settings.danger_rate, &settings.node_rate})
    *rate = static_cast<std::uint64_t>(static_cast<double>(*rate) * factor);
  world_.trace("an operator changes the rates by {}", factor);
  world_.hosts().set_settings(settings);
}

} // namespace atl::sim
