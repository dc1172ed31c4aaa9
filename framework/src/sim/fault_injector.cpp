#include "fault_injector.hpp"

#include <algorithm>

namespace atl::sim {

fault_injector::fault_injector(simulator& sim) : simulator_{sim} {
  auto& rates = simulator_.rates();
  add(rates.crashes, fault_kind::crashes, &fault_injector::crash_one);
  add(rates.mass_crashes, fault_kind::mass_crashes, &fault_injector::crash_all_replicas);
  add(rates.partitions, fault_kind::partitions, &fault_injector::partition);
  add(rates.clogs, fault_kind::clogs, &fault_injector::clog);
  add(rates.pauses, fault_kind::pauses, &fault_injector::pause);
  add(rates.clock_jumps, fault_kind::clock_jumps, &fault_injector::jump);
  add(rates.transfers, fault_kind::transfers, &fault_injector::transfer);
  add(rates.wiped_disks, fault_kind::wiped_disks, &fault_injector::wipe);
  add(rates.lost_states, fault_kind::lost_states, &fault_injector::lose_state);
  simulator_.on_fault_due = [this](auto index) { act(index); };
  for (std::size_t index = 0; index < kinds_.size(); ++index)
    schedule_next(index);
}

void fault_injector::add(bool on, fault_kind what, void (fault_injector::*act)()) {
  if (on)
    kinds_.push_back({act, simulator_.faults().point(what)});
}

void fault_injector::schedule_next(std::size_t index) {
  auto& [act, point] = kinds_[index];
  auto chance = simulator_.faults().stream(
      purpose::fault_injector, static_cast<std::uint64_t>(point.id.kind), point.rng.drawn());
  auto after = chance.between(1, 2 * simulator_.rates().fault_every);
  simulator_.at_time(simulator_.now() + after, event_kind::fault_injector, 0, 0, index);
}

spi::replica_id fault_injector::draw_replica() {
  return static_cast<spi::replica_id>(1 + random_.below(simulator_.replicas()));
}

void fault_injector::act(std::size_t index) {
  if (stopped_)
    return;
  if (auto details = simulator_.should_inject(kinds_[index].point, 1)) {
    random_ = *details;
    (this->*kinds_[index].act)();
  }
  schedule_next(index);
}

void fault_injector::emit_links(std::string what) {
  simulator_.emit(
      [&] { return run_event{.what = run_event_kind::links, .text = std::move(what)}; });
}

void fault_injector::damage_while_down(spi::replica_id id) {
  auto& rates = simulator_.rates();
  auto& faults = simulator_.options().faults;
  auto& it = simulator_.at(id);
  auto contains_id = [id](auto& list) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  if (contains_id(faults.losable) &&
      simulator_.should_inject(it.points().lost_disk, rates.lost_disk))
    return it.lose_disk();
  if (!contains_id(faults.damageable))
    return;
  auto details = simulator_.should_inject(it.points().damage, rates.damage);
  if (!details)
    return;
  auto places = it.storage().places();
  for (auto left = details->below(4); left > 0 && !places.empty(); --left) {
    auto where = places[details->below(places.size())];
    it.storage().damage(where);
    ++simulator_.stats().damaged;
    simulator_.trace("record {}/{} of replica {} turns unreadable", where.first, where.second, id);
    simulator_.emit([&] { return run_event{.what = run_event_kind::damaged, .replica = id}; });
  }
}

void fault_injector::crash(spi::replica_id id) {
  auto& it = simulator_.at(id);
  if (!it.up())
    return;
  it.crash("a crash");
  damage_while_down(id);
  auto away =
      random_.chance(0.3) ? random_.between(500'000, 4'000'000) : random_.between(1'000, 300'000);
  simulator_.at_time(simulator_.now() + away, event_kind::restart, id, 0);
}

void fault_injector::crash_one() {
  auto id = draw_replica();
  if (random_.chance(0.5))
    return crash(id);
  if (simulator_.at(id).up())
    simulator_.at(id).crash_in_next_sync();
}

void fault_injector::crash_all_replicas() {
  for (spi::replica_id id = 1; id <= simulator_.replicas(); ++id)
    crash(id);
}

void fault_injector::partition() {
  if (random_.chance(0.5)) {
    simulator_.trace("all links work");
    emit_links("all links work");
    return simulator_.links().heal();
  }
  auto name = simulator_.links().partition(random_);
  simulator_.trace("partition: {}", name);
  emit_links(fmt::format("partition: {}", name));
}

void fault_injector::clog() {
  auto from = draw_replica();
  auto to = draw_replica();
  if (from == to)
    return;
  auto until = simulator_.now() + random_.between(50'000, 3'000'000);
  simulator_.trace("the link from {} to {} is clogged", from, to);
  emit_links(fmt::format("the link from {} to {} is clogged", from, to));
  simulator_.links().clog(from, to, until);
}

void fault_injector::pause() {
  auto id = draw_replica();
  if (!simulator_.at(id).up())
    return;
  simulator_.trace("replica {} does nothing for a while", id);
  auto until = simulator_.now() + random_.between(10'000, 3'000'000);
  simulator_.emit(
      [&] { return run_event{.what = run_event_kind::paused, .replica = id, .until = until}; });
  simulator_.at(id).pause_until(until);
}

void fault_injector::transfer() {
  auto to = draw_replica();
  for (spi::replica_id id = 1; id <= simulator_.replicas(); ++id)
    if (auto& it = simulator_.at(id); it.up() && it.protocol().status().leader == id)
      it.transfer(to);
}

void fault_injector::wipe() {
  auto id = simulator_.on_wipe ? simulator_.on_wipe(random_) : 0;
  if (id != 0)
    simulator_.at_time(simulator_.now() + random_.between(1'000, 300'000), event_kind::restart, id,
                       0);
}

/// One state at a time: the others must be able to commit what the snapshot of one of them lacks.
void fault_injector::lose_state() {
  auto id = draw_replica();
  for (spi::replica_id other = 1; other <= simulator_.replicas(); ++other)
    if (simulator_.at(other).has_lost_state())
      return;
  if (!simulator_.at(id).up())
    return;
  simulator_.at(id).lose_state();
  simulator_.at_time(simulator_.now() + random_.between(1'000, 300'000), event_kind::restart, id,
                     0);
}

void fault_injector::jump() {
  auto id = draw_replica();
  simulator_.trace("the clock of replica {} jumps ahead", id);
  simulator_.emit([&] { return run_event{.what = run_event_kind::clock_jumped, .replica = id}; });
  simulator_.at(id).jump(random_.between(1'000, 5'000'000));
}

} // namespace atl::sim
