#include "storage_parameters.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace atl::sim {

namespace {

using std::chrono::microseconds;

keep::keeper_settings draw_settings(spi::random_source& random, std::uint64_t unit_bytes) {
  auto ms = [&random](std::int64_t low, std::int64_t high) {
    return microseconds{random.between(low, high) * 1'000};
  };
  keep::keeper_settings it;
  it.down_after = ms(1'500, 3'000);
  it.dead_after = it.down_after + ms(1'000, 10'000);
  it.grace = ms(500, 6'000);
  it.audit_period = ms(5'000, 20'000);
  it.audit_pause = ms(200, 2'000);
  it.streams_in = static_cast<std::uint32_t>(random.between(1, 4));
  it.streams_out = static_cast<std::uint32_t>(random.between(1, 4));
  // Units a second, so that a repair takes seconds and meets faults.
  auto rate = [&](double share) {
    return random.chance(share) ? static_cast<std::uint64_t>(random.between(1, 20)) * unit_bytes
                                : std::uint64_t{0};
  };
  it.repair_rate = rate(0.7);
  it.danger_rate = it.repair_rate != 0 ? rate(0.4) : 0;
  it.node_rate = rate(0.3);
  return it;
}

/// Half of the clusters rebalance; their nodes fill unevenly.
void draw_balance(storage_parameters& into, const storage_simulation_options& options,
                  spi::random_source& random) {
  auto is_on = random.chance(0.5) && options.units <= 10'000;
  auto threshold = static_cast<double>(random.between(20, 80)) / 1000;
  auto rate = static_cast<std::uint64_t>(random.between(1, 10)) * options.unit_bytes_max;
  auto is_bounded = random.chance(0.7);
  auto is_uneven = random.chance(0.5);
  std::vector<std::int64_t> joins_at;
  for (auto joins = random.between(0, 2); joins > 0; --joins)
    joins_at.push_back(random.between(1'000'000, options.duration.count()));
  if (!is_on || options.settings)
    return;
  into.settings.rebalance_threshold = threshold;
  into.settings.rebalance_rate = is_bounded ? rate : 0;
  into.are_disks_uneven = is_uneven;
  into.joins_at = std::move(joins_at);
}

} // namespace

storage_parameters draw_parameters(const storage_simulation_options& options,
                                   const fault_schedule& faults, std::uint32_t fragments) {
  auto random = faults.stream(purpose::workload);
  storage_parameters it;
  it.settings = draw_settings(random, options.unit_bytes_max);
  if (options.settings)
    it.settings = *options.settings;
  auto zones = static_cast<std::uint32_t>(random.between(1, std::max(1U, options.nodes)));
  it.zones = options.zones != 0 ? options.zones : zones;
  // Room for four times as much as there is, even if half of the nodes are gone.
  auto units_a_node = (std::uint64_t{options.units} + 50) * fragments / options.nodes + 4;
  it.disk_bytes = units_a_node * options.unit_bytes_max * 4;
  it.node_bytes_a_second =
      static_cast<std::uint64_t>(random.between(4, 100)) * options.unit_bytes_max;
  it.delay_min_us = random.between(50, 2'000);
  it.delay_jitter_us = random.between(50, 50'000);
  it.query_us_max = random.between(200, 20'000);
  // Short lists try more, but an audit of a large cluster would take hours of simulated time.
  auto is_short = random.chance(0.5) && options.units <= 10'000;
  it.slice_fragments = is_short ? static_cast<std::uint32_t>(random.between(8, 40))
                                : static_cast<std::uint32_t>(keep::slice_fragments_max);
  it.scrub_period_us = random.between(3'000'000, 20'000'000);
  it.upload_window_us = random.between(2'000'000, 8'000'000);
  it.think_us = random.between(100'000, 1'000'000);
  it.exceeds_promise = random.chance(0.15);
  draw_balance(it, options, random);
  return it;
}

} // namespace atl::sim
