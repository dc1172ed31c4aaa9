#include <atoll/sim/faults.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace atl::sim {

namespace {

constexpr std::array<fault_name, 20> names{{
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
}};

} // namespace

std::span<const fault_name> fault_names() {
  return names;
}

fault_set fault_set::all() {
  fault_set it;
  it.crashes = it.mass_crashes = it.loss = it.duplication = it.reordering = it.replays = true;
  it.partitions = it.clogs = it.pauses = it.disk_stalls = it.sync_failures = true;
  it.objections = it.lost_answers = it.unreachable_hints = it.lazy_hosts = true;
  it.clock_drift = it.clock_jumps = it.transfers = it.member_changes = true;
  return it;
}

fault_set fault_set::as_claimed(std::string_view trusts_clocks_with,
                                const spi::options& options) const {
  auto it = *this;
  if (trusts_clocks_with.empty() || !options.boolean(trusts_clocks_with))
    return it;
  it.clock_jumps = false;
  // With one clock slow and another fast by d, the bound allows (1 + d) / (1 - d).
  constexpr std::int64_t million = 1'000'000;
  auto bound = options.integer("clock_drift");
  it.drift_ppm_max = std::min(it.drift_ppm_max, bound * million / (2 * million + bound));
  return it;
}

fault_rates fault_rates::draw(const fault_set& allowed, spi::random_source& random) {
  fault_rates it;
  // Every kind draws, allowed or not, so that allowing one more leaves the others unchanged.
  auto armed = [&random](bool may) { return random.chance(0.45) && may; };
  auto rate = [&random](bool on, double most) { return on ? most * random.unit() : 0.0; };
  it.loss = rate(armed(allowed.loss), 0.3);
  it.duplication = rate(armed(allowed.duplication), 0.3);
  it.replay = rate(armed(allowed.replays), 0.05);
  it.crashes = armed(allowed.crashes);
  it.crash_in_batch = rate(armed(allowed.crashes), 0.0005);
  it.mass_crashes = armed(allowed.mass_crashes);
  it.partitions = armed(allowed.partitions);
  it.clogs = armed(allowed.clogs);
  it.pauses = armed(allowed.pauses);
  it.clock_jumps = armed(allowed.clock_jumps);
  it.drift_ppm = armed(allowed.clock_drift) ? random.between(0, allowed.drift_ppm_max) : 0;
  it.disk_stall = rate(armed(allowed.disk_stalls), 0.002);
  it.sync_failure = rate(armed(allowed.sync_failures), 0.0005);
  it.objection = rate(armed(allowed.objections), 0.2);
  it.lost_answer = rate(armed(allowed.lost_answers), 0.3);
  it.unreachable_hint = rate(armed(allowed.unreachable_hints), 0.2);
  it.lazy_drain = rate(armed(allowed.lazy_hosts), 0.8);
  it.apply_lag = armed(allowed.lazy_hosts) ? random.between(1, 20'000) : 0;
  it.delay_min = random.between(20, 500);
  it.delay_jitter = armed(allowed.reordering) ? random.between(100, 20'000) : 0;
  it.sync_min = random.between(20, 1'000);
  it.sync_jitter = random.between(0, 4'000);
  it.flush_every = random.between(10'000, 800'000);
  it.fault_every = random.between(100'000, 1'500'000);
  it.transfers = armed(allowed.transfers);
  it.member_changes = armed(allowed.member_changes);
  it.damage = random.unit() * (allowed.damageable.empty() ? 0 : 0.5);
  it.lost_disk = random.unit() * (allowed.losable.empty() ? 0 : 0.3);
  it.wiped_disks = armed(allowed.wiped_disks);
  // Each kind has a schedule of its own; all together they come as often as one alone would.
  std::int64_t kinds = 0;
  for (auto on : {it.crashes, it.mass_crashes, it.partitions, it.clogs, it.pauses, it.clock_jumps,
                  it.transfers, it.wiped_disks})
    kinds += on ? 1 : 0;
  it.fault_every *= std::max<std::int64_t>(1, kinds);
  return it;
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
  if (drift_ppm > 0)
    out += fmt::format(", drift {} ppm", drift_ppm);
  if (apply_lag > 0)
    out += fmt::format(", apply lag {} us", apply_lag);
  if (crashes || mass_crashes || partitions || clogs || pauses || clock_jumps || transfers ||
      wiped_disks)
    out += fmt::format(", one of each such kind in {} ms", fault_every / 1000);
  return out;
}

} // namespace atl::sim
