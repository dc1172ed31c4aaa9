#pragma once

#include "broken_protocols.hpp"
#include "counting_service.hpp"
#include "plugins/consensus/plugin_under_test.hpp"

#include <atoll/verify/service_simulation.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);
extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0);
extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);

/// The service that counts, under each protocol, in groups in which everything fails.
namespace simulated_counts {

using namespace counting_service;

inline const spi::descriptor& raft = ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);
inline const spi::descriptor& paxos = ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0);
inline const spi::descriptor& two_phase_commit =
    ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);

inline sim::simulation_options group_of(const spi::descriptor& protocol) {
  auto group = under_test::simulation_of(protocol, 1, 3);
  group.spares = 2;
  group.workload.clients = 8;
  return group;
}

inline std::optional<service_finding> simulate_under(const spi::descriptor& protocol,
                                                     const service_under_test& service) {
  return simulate_service(service, under_test::factory_of(protocol), group_of(protocol));
}

/// The first finding, which the same seed alone must find again.
inline std::string found_under(const spi::descriptor& protocol, service_under_test service) {
  auto finding = simulate_under(protocol, service);
  if (!finding)
    return "nothing";
  service.first_seed = finding->seed;
  service.seeds = 1;
  auto again = simulate_under(protocol, service);
  REQUIRE(again.has_value());
  CHECK(again->what == finding->what);
  return finding->what;
}

inline spi::descriptor broken(const std::vector<broken_protocols::specimen>& all,
                              std::string_view mistake) {
  auto it = std::ranges::find(all, mistake, &broken_protocols::specimen::name);
  REQUIRE(it != all.end());
  return it->plugin;
}

} // namespace simulated_counts
