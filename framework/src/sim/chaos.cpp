#include "chaos.hpp"

#include <algorithm>

namespace atl::sim {

chaos::chaos(engine& world) : world_{world} {
  auto& mix = world_.mix();
  add(mix.crashes, fault_kind::crashes, &chaos::crash_one);
  add(mix.mass_crashes, fault_kind::mass_crashes, &chaos::crash_everybody);
  add(mix.partitions, fault_kind::partitions, &chaos::partition);
  add(mix.clogs, fault_kind::clogs, &chaos::clog);
  add(mix.pauses, fault_kind::pauses, &chaos::pause);
  add(mix.clock_jumps, fault_kind::clock_jumps, &chaos::jump);
  add(mix.transfers, fault_kind::transfers, &chaos::transfer);
  add(mix.wiped_disks, fault_kind::wiped_disks, &chaos::wipe);
  world_.on_chaos = [this](auto index) { act(index); };
  for (std::size_t index = 0; index < kinds_.size(); ++index)
    next(index);
}

void chaos::add(bool on, fault_kind what, void (chaos::*act)()) {
  if (on)
    kinds_.push_back({act, world_.chance().site(what)});
}

void chaos::next(std::size_t index) {
  auto& [act, site] = kinds_[index];
  auto chance = world_.chance().stream(purpose::chaos, static_cast<std::uint64_t>(site.id.kind),
                                       site.dice.thrown());
  auto after = chance.between(1, 2 * world_.mix().fault_every);
  world_.at_time(world_.now() + after, event_kind::chaos, 0, 0, index);
}

spi::replica_id chaos::anyone() {
  return static_cast<spi::replica_id>(1 + random_.below(world_.replicas()));
}

void chaos::act(std::size_t index) {
  if (stopped_)
    return;
  if (auto details = world_.strikes(kinds_[index].site, 1)) {
    random_ = *details;
    (this->*kinds_[index].act)();
  }
  next(index);
}

void chaos::show_links(std::string what) {
  world_.show([&] { return run_event{.what = run_event_kind::links, .text = std::move(what)}; });
}

void chaos::while_down(spi::replica_id id) {
  auto& mix = world_.mix();
  auto& faults = world_.options().faults;
  auto& it = world_.at(id);
  auto allowed = [id](auto& list) { return std::find(list.begin(), list.end(), id) != list.end(); };
  if (allowed(faults.losable) && world_.strikes(it.sites().lost_disk, mix.lost_disk))
    return it.lose_disk();
  if (!allowed(faults.damageable))
    return;
  auto details = world_.strikes(it.sites().damage, mix.damage);
  if (!details)
    return;
  auto places = it.storage().places();
  for (auto left = details->below(4); left > 0 && !places.empty(); --left) {
    auto where = places[details->below(places.size())];
    it.storage().damage(where);
    ++world_.stats().damaged;
    world_.say("record {}/{} of replica {} turns unreadable", where.first, where.second, id);
    world_.show([&] { return run_event{.what = run_event_kind::damaged, .replica = id}; });
  }
}

void chaos::crash(spi::replica_id id) {
  auto& it = world_.at(id);
  if (!it.up())
    return;
  it.crash("a crash");
  while_down(id);
  auto away =
      random_.chance(0.3) ? random_.between(500'000, 4'000'000) : random_.between(1'000, 300'000);
  world_.at_time(world_.now() + away, event_kind::restart, id, 0);
}

void chaos::crash_one() {
  auto id = anyone();
  if (random_.chance(0.5))
    return crash(id);
  if (world_.at(id).up())
    world_.at(id).crash_in_next_sync();
}

void chaos::crash_everybody() {
  for (spi::replica_id id = 1; id <= world_.replicas(); ++id)
    crash(id);
}

void chaos::partition() {
  if (random_.chance(0.5)) {
    world_.say("all links work");
    show_links("all links work");
    return world_.links().heal();
  }
  auto name = world_.links().partition(random_);
  world_.say("partition: {}", name);
  show_links(fmt::format("partition: {}", name));
}

void chaos::clog() {
  auto from = anyone();
  auto to = anyone();
  if (from == to)
    return;
  auto until = world_.now() + random_.between(50'000, 3'000'000);
  world_.say("the link from {} to {} is clogged", from, to);
  show_links(fmt::format("the link from {} to {} is clogged", from, to));
  world_.links().clog(from, to, until);
}

void chaos::pause() {
  auto id = anyone();
  if (!world_.at(id).up())
    return;
  world_.say("replica {} does nothing for a while", id);
  auto until = world_.now() + random_.between(10'000, 3'000'000);
  world_.show(
      [&] { return run_event{.what = run_event_kind::paused, .replica = id, .until = until}; });
  world_.at(id).pause_until(until);
}

void chaos::transfer() {
  auto to = anyone();
  for (spi::replica_id id = 1; id <= world_.replicas(); ++id)
    if (auto& it = world_.at(id); it.up() && it.protocol().status().leader == id)
      it.transfer(to);
}

void chaos::wipe() {
  auto id = world_.on_wipe ? world_.on_wipe(random_) : 0;
  if (id != 0)
    world_.at_time(world_.now() + random_.between(1'000, 300'000), event_kind::restart, id, 0);
}

void chaos::jump() {
  auto id = anyone();
  world_.say("the clock of replica {} jumps ahead", id);
  world_.show([&] { return run_event{.what = run_event_kind::clock_jumped, .replica = id}; });
  world_.at(id).jump(random_.between(1'000, 5'000'000));
}

} // namespace atl::sim
