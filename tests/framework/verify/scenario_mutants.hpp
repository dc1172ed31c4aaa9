#pragma once

#include "broken_protocols.hpp"
#include "plugins/consensus/plugin_under_test.hpp"

#include <atoll/verify/scenarios.hpp>

#include <string_view>
#include <vector>

/// Protocols with a mistake for which one scenario was written. Seeds of the simulator find these
/// mistakes late or never.
namespace broken_protocols {

struct scenario_mutant {
  std::string_view name;
  std::string_view mistake;
  atl::spi::descriptor plugin;
  std::string_view scenario; ///< the scenario that must find the mistake
  std::string_view detail;   ///< a part of the scenario's report
  atl::verify::scenario_choice choice{};
  under_test::overrides options{};
};

std::vector<scenario_mutant> raft_mutants();
std::vector<scenario_mutant> raft_host_mutants();
std::vector<scenario_mutant> paxos_mutants();
std::vector<scenario_mutant> two_phase_commit_mutants();

template <class Flawed>
scenario_mutant scenario_mutant_of(std::string_view name, std::string_view mistake,
                                   std::string_view scenario, std::string_view detail,
                                   const atl::verify::scenario_choice& choice = {},
                                   const under_test::overrides& options = {}) {
  return {name, mistake, like<Flawed>(Flawed::correct()), scenario, detail, choice, options};
}

/// Raft with stale reads that throws after some of them.
atl::spi::descriptor reads_stale_and_throws();

} // namespace broken_protocols
