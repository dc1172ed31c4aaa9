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
  std::string_view scenario; ///< finds it
  std::string_view detail;   ///< and says this of it
  atl::verify::scenario_choice choice{};
  under_test::overrides options{};
};

std::vector<scenario_mutant> raft_mutants();
std::vector<scenario_mutant> paxos_mutants();
std::vector<scenario_mutant> two_phase_commit_mutants();

} // namespace broken_protocols
