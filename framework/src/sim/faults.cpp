#include <atoll/sim/faults.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace atl::sim {

namespace {

constexpr std::array<fault_name, 21> names{{
    {"crashes", &fault_set::crashes},
    {"mass_crashes", &fault_set::mass_crashes},
    {"loss", &fault_set::loss},
    {"duplication", &fault_set::duplication},
    {"reordering", &fault_set::reordering},
    {"replays", &fault_set::replays},
    {"partitions", &fault_set::partitions},
    {"clogs", &fault_set::clogs},
    {"pauses", &fault_set::pauses},
    {"clock_drift", &fault_set::clock_drift},
    {"clock_jumps", &fault_set::clock_jumps},
    {"disk_stalls", &fault_set::disk_stalls},
    {"sync_failures", &fault_set::sync_failures},
    {"objections", &fault_set::objections},
    {"lost_answers", &fault_set::lost_answers},
    {"unreachable_hints", &fault_set::unreachable_hints},
    {"lazy_hosts", &fault_set::lazy_hosts},
    {"transfers", &fault_set::transfers},
    {"member_changes", &fault_set::member_changes},
    {"wiped_disks", &fault_set::wiped_disks},
    {"lost_states", &fault_set::lost_states},
}};

} // namespace

std::span<const fault_name> fault_names() {
  return names;
}

fault_set fault_set::all() {
  fault_set set;
  set.crashes = set.mass_crashes = set.loss = set.duplication = set.reordering = set.replays = true;
  set.partitions = set.clogs = set.pauses = set.disk_stalls = set.sync_failures = true;
  set.objections = set.lost_answers = set.unreachable_hints = set.lazy_hosts = true;
  set.clock_drift = set.clock_jumps = set.transfers = set.member_changes = true;
  return set;
}

fault_set fault_set::as_claimed(std::string_view trusts_clocks_with,
                                const spi::options& options) const {
  auto claimed = *this;
  if (trusts_clocks_with.empty() || !options.boolean(trusts_clocks_with))
    return claimed;
  claimed.clock_jumps = false;
  // With one clock slow and another fast by d, the bound allows (1 + d) / (1 - d).
  constexpr std::int64_t million = 1'000'000;
  auto bound = options.integer("clock_drift");
  claimed.drift_ppm_max = std::min(claimed.drift_ppm_max, bound * million / (2 * million + bound));
  return claimed;
}

fault_rates fault_rates::draw(const fault_set& allowed, spi::random_source& random) {
  fault_rates rates;
  // Every kind draws, allowed or not, so that allowing one more leaves the others unchanged.
  auto armed = [&random](bool may) { return random.chance(0.45) && may; };
  auto rate = [&random](bool on, double most) { return on ? most * random.unit() : 0.0; };
  rates.loss = rate(armed(allowed.loss), 0.3);
  rates.duplication = rate(armed(allowed.duplication), 0.3);
  rates.replay = rate(armed(allowed.replays), 0.05);
  rates.crashes = armed(allowed.crashes);
  rates.crash_in_batch = rate(armed(allowed.crashes), 0.0005);
  rates.mass_crashes = armed(allowed.mass_crashes);
  rates.partitions = armed(allowed.partitions);
  rates.clogs = armed(allowed.clogs);
  rates.pauses = armed(allowed.pauses);
  rates.clock_jumps = armed(allowed.clock_jumps);
  rates.drift_ppm = armed(allowed.clock_drift) ? random.between(0, allowed.drift_ppm_max) : 0;
  rates.disk_stall = rate(armed(allowed.disk_stalls), 0.002);
  rates.sync_failure = rate(armed(allowed.sync_failures), 0.0005);
  rates.objection = rate(armed(allowed.objections), 0.2);
  rates.lost_answer = rate(armed(allowed.lost_answers), 0.3);
  rates.unreachable_hint = rate(armed(allowed.unreachable_hints), 0.2);
  rates.lazy_drain = rate(armed(allowed.lazy_hosts), 0.8);
  rates.apply_lag = armed(allowed.lazy_hosts) ? random.between(1, 20'000) : 0;
  rates.delay_min = random.between(20, 500);
  rates.delay_jitter = armed(allowed.reordering) ? random.between(100, 20'000) : 0;
  rates.sync_min = random.between(20, 1'000);
  rates.sync_jitter = random.between(0, 4'000);
  rates.flush_every = random.between(10'000, 800'000);
  rates.fault_every = random.between(100'000, 1'500'000);
  rates.transfers = armed(allowed.transfers);
  rates.member_changes = armed(allowed.member_changes);
  rates.damage = random.unit() * (allowed.damageable.empty() ? 0 : 0.5);
  rates.lost_disk = random.unit() * (allowed.losable.empty() ? 0 : 0.3);
  rates.wiped_disks = armed(allowed.wiped_disks);
  rates.lost_states = armed(allowed.lost_states);
  // Each kind has a schedule of its own; all kinds together are as frequent as a single kind would
  // be.
  std::int64_t kinds = 0;
  for (auto on : {rates.crashes, rates.mass_crashes, rates.partitions, rates.clogs, rates.pauses,
                  rates.clock_jumps, rates.transfers, rates.wiped_disks, rates.lost_states})
    kinds += on ? 1 : 0;
  rates.fault_every *= std::max<std::int64_t>(1, kinds);
  return rates;
}

void fault_rates::remove(const fault_set& kinds) {
  auto rate = [](bool gone, auto& value) { value = gone ? 0 : value; };
  auto flag = [](bool gone, bool& on) { on = on && !gone; };
  rate(kinds.loss, loss);
  rate(kinds.duplication, duplication);
  rate(kinds.replays, replay);
  flag(kinds.crashes, crashes);
  rate(kinds.crashes, crash_in_batch);
  flag(kinds.mass_crashes, mass_crashes);
  flag(kinds.partitions, partitions);
  flag(kinds.clogs, clogs);
  flag(kinds.pauses, pauses);
  flag(kinds.clock_jumps, clock_jumps);
  rate(kinds.clock_drift, drift_ppm);
  rate(kinds.disk_stalls, disk_stall);
  rate(kinds.sync_failures, sync_failure);
  rate(kinds.objections, objection);
  rate(kinds.lost_answers, lost_answer);
  rate(kinds.unreachable_hints, unreachable_hint);
  rate(kinds.lazy_hosts, lazy_drain);
  rate(kinds.lazy_hosts, apply_lag);
  rate(kinds.reordering, delay_jitter);
  flag(kinds.transfers, transfers);
  flag(kinds.member_changes, member_changes);
  flag(kinds.wiped_disks, wiped_disks);
  flag(kinds.lost_states, lost_states);
}

std::string fault_rates::describe() const {
  std::string out =
      fmt::format("delay {}+{} us, sync {}+{} us", delay_min, delay_jitter, sync_min, sync_jitter);
  auto rate = [&out](const char* name, double value) {
    if (value > 0)
      out += fmt::format(", {} {:.4f}", name, value);
  };
  auto flag = [&out](const char* name, bool on) {
    if (on)
      out += fmt::format(", {}", name);
  };
  rate("loss", loss);
  rate("duplication", duplication);
  rate("replay", replay);
  rate("crash in a batch", crash_in_batch);
  rate("objections", objection);
  rate("lost answers", lost_answer);
  rate("unreachable hints", unreachable_hint);
  rate("lazy drains", lazy_drain);
  rate("failed syncs", sync_failure);
  rate("disk stalls", disk_stall);
  rate("damaged records", damage);
  rate("lost disks", lost_disk);
  flag("crashes", crashes);
  flag("mass crashes", mass_crashes);
  flag("partitions", partitions);
  flag("clogged links", clogs);
  flag("pauses", pauses);
  flag("clock jumps", clock_jumps);
  flag("transfers", transfers);
  flag("member changes", member_changes);
  flag("wiped disks", wiped_disks);
  flag("lost states", lost_states);
  if (drift_ppm > 0)
    out += fmt::format(", drift {} ppm", drift_ppm);
  if (apply_lag > 0)
    out += fmt::format(", apply lag {} us", apply_lag);
  if (crashes || mass_crashes || partitions || clogs || pauses || clock_jumps || transfers ||
      wiped_disks || lost_states)
    out += fmt::format(", one of each such kind in {} ms", fault_every / 1000);
  return out;
}

} // namespace atl::sim
