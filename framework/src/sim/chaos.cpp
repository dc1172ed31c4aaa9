#include "chaos.hpp"

#include <algorithm>

namespace atl::sim {

chaos::chaos(engine& world) : world_{world} {
  auto& mix = world_.mix();
  auto add = [this](bool on, void (chaos::*kind)()) {
    if (on)
      kinds_.push_back(kind);
  };
  add(mix.crashes, &chaos::crash_one);
  add(mix.mass_crashes, &chaos::crash_everybody);
  add(mix.partitions, &chaos::partition);
  add(mix.clogs, &chaos::clog);
  add(mix.pauses, &chaos::pause);
  add(mix.clock_jumps, &chaos::jump);
  add(mix.transfers, &chaos::transfer);
  world_.on_chaos = [this](auto) { act(); };
  if (!kinds_.empty())
    next();
}

void chaos::next() {
  auto mean = world_.mix().fault_every;
  world_.at_time(world_.now() + world_.random().between(1, 2 * mean), event_kind::chaos, 0, 0);
}

spi::replica_id chaos::anyone() {
  return static_cast<spi::replica_id>(1 + world_.random().below(world_.replicas()));
}

void chaos::act() {
  if (stopped_)
    return;
  (this->*kinds_[world_.random().below(kinds_.size())])();
  next();
}

void chaos::while_down(spi::replica_id id) {
  auto& mix = world_.mix();
  auto& faults = world_.options().faults;
  auto& it = world_.at(id);
  auto allowed = [id](auto& list) { return std::find(list.begin(), list.end(), id) != list.end(); };
  if (allowed(faults.losable) && world_.chance(mix.lost_disk))
    return it.lose_disk();
  if (!allowed(faults.damageable) || !world_.chance(mix.damage))
    return;
  auto places = it.storage().places();
  for (auto left = world_.random().below(4); left > 0 && !places.empty(); --left) {
    auto where = places[world_.random().below(places.size())];
    it.storage().damage(where);
    ++world_.stats().damaged;
    world_.say("record {}/{} of replica {} turns unreadable", where.first, where.second, id);
  }
}

void chaos::crash(spi::replica_id id) {
  auto& it = world_.at(id);
  if (!it.up())
    return;
  it.crash("a crash");
  while_down(id);
  auto away = world_.random().chance(0.3) ? world_.random().between(500'000, 4'000'000)
                                          : world_.random().between(1'000, 300'000);
  world_.at_time(world_.now() + away, event_kind::restart, id, 0);
}

void chaos::crash_one() {
  auto id = anyone();
  if (world_.random().chance(0.5))
    return crash(id);
  if (world_.at(id).up())
    world_.at(id).crash_in_next_sync();
}

void chaos::crash_everybody() {
  for (spi::replica_id id = 1; id <= world_.replicas(); ++id)
    crash(id);
}

void chaos::partition() {
  if (world_.random().chance(0.5)) {
    world_.say("all links work");
    return world_.links().heal();
  }
  auto name = world_.links().partition(world_.random());
  world_.say("partition: {}", name);
}

void chaos::clog() {
  auto from = anyone();
  auto to = anyone();
  if (from == to)
    return;
  auto until = world_.now() + world_.random().between(50'000, 3'000'000);
  world_.say("the link from {} to {} is clogged", from, to);
  world_.links().clog(from, to, until);
}

void chaos::pause() {
  auto id = anyone();
  if (!world_.at(id).up())
    return;
  world_.say("replica {} does nothing for a while", id);
  world_.at(id).pause_until(world_.now() + world_.random().between(10'000, 3'000'000));
}

void chaos::transfer() {
  auto to = anyone();
  for (spi::replica_id id = 1; id <= world_.replicas(); ++id)
    if (auto& it = world_.at(id); it.up() && it.protocol().status().leader == id)
      it.transfer(to);
}

void chaos::jump() {
  auto id = anyone();
  world_.say("the clock of replica {} jumps ahead", id);
  world_.at(id).jump(world_.random().between(1'000, 5'000'000));
}

} // namespace atl::sim
