#pragma once

#include "plugin_under_test.hpp"
#include "seed_count.hpp"

#include <doctest/doctest.h>

#include <functional>

namespace under_test {

inline std::uint64_t seeds(std::uint64_t quick) {
  return seed_count(quick);
}

/// Runs a group of a plugin's replicas under the faults of each seed, and checks every promise.
inline void check_promises(const atl::spi::descriptor& plugin, std::uint32_t replicas,
                           std::uint64_t count,
                           const std::function<void(atl::sim::simulation_options&)>& change,
                           const atl::sim::consensus_factory& make) {
  std::uint64_t answered = 0;
  std::uint64_t crashes = 0;
  std::uint64_t changes = 0;
  std::uint64_t snapshots = 0;
  std::uint64_t settled = 0;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    auto options = simulation_of(plugin, seed, replicas);
    if (change)
      change(options);
    auto report = simulate(options, make);
    if (!report.ok)
      FAIL_CHECK(report.summary());
    answered += report.stats.answered;
    crashes += report.stats.crashes;
    changes += report.stats.member_changes;
    snapshots += report.stats.snapshots;
    settled += report.checked ? 1 : 0;
  }
  MESSAGE(count, " seeds, ", answered, " operations answered, ", crashes, " crashes, ", changes,
          " changes of members, ", snapshots, " snapshots");
  CHECK(answered > count * 20);
  CHECK(settled == count);
}

inline void check_promises(const atl::spi::descriptor& plugin, std::uint32_t replicas,
                           std::uint64_t count,
                           const std::function<void(atl::sim::simulation_options&)>& change = {}) {
  check_promises(plugin, replicas, count, change, factory_of(plugin));
}

/// The same seed makes the same run to the last byte, traced or not; another seed a different run.
inline void repeat(const atl::spi::descriptor& plugin, std::uint32_t replicas) {
  using namespace atl::sim;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto options = simulation_of(plugin, seed, replicas);
    auto once = simulate(options, factory_of(plugin));
    std::size_t lines = 0;
    options.trace = [&lines](std::string_view) { ++lines; };
    auto again = simulate(options, factory_of(plugin));
    CHECK(once.hash == again.hash);
    CHECK(once.stats.events == again.stats.events);
    CHECK(lines > 100);
    options.seed = seed + 1000;
    CHECK(simulate(options, factory_of(plugin)).hash != once.hash);
  }
}

/// Heavy load for groups with a small window and small batches: responses must not multiply
/// messages.
inline void add_heavy_load(atl::sim::simulation_options& it) {
  it.limits.in_flight = 10'000;
  it.workload.clients = 32;
  it.workload.keys = 16;
  it.workload.think = std::chrono::milliseconds{2};
  it.workload.payload = 700;
}

} // namespace under_test
