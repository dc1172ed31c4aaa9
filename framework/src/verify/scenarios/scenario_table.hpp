#pragma once

#include "../scenario_group.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// Scenarios: scripted sequences of events, each derived from a bug of a real implementation. A
/// scenario knows only the protocol's interface, claims and status.
namespace atl::verify {

struct scenario {
  const char* name; ///< for a command line
  const char* sentence;
  const char* claim = ""; ///< the claim that promises the property; empty: the interface does
  std::vector<std::uint32_t> sizes{3};
  bool any_size = true;      ///< is the scenario meaningful in larger groups?
  bool once = false;         ///< not repeated with other ids and options, because it takes long
  bool moves_clocks = false; ///< not run with a protocol that trusts clocks
  /// Why the scenario does not apply to this protocol; empty: it applies. No function: it always
  /// applies.
  std::string (*reason_to_skip)(const tested_protocol&) = nullptr;
  /// @returns how many cases it tried. Throws `broken`.
  std::uint64_t (*run)(const scenario_setting&);
};

// The scenarios of each file of this folder.
std::vector<scenario> crash_scenarios();
std::vector<scenario> network_scenarios();
std::vector<scenario> disk_scenarios();
std::vector<scenario> stalled_cut_scenarios();
std::vector<scenario> durability_scenarios();
std::vector<scenario> read_scenarios();
std::vector<scenario> leadership_scenarios();
std::vector<scenario> transfer_scenarios();
std::vector<scenario> membership_scenarios();
std::vector<scenario> command_scenarios();
std::vector<scenario> long_run_scenarios();
std::vector<scenario> memory_scenarios();
std::vector<scenario> same_run_scenarios();

/// All scenarios, in the order in which they run.
const std::vector<scenario>& all_scenarios();

// Requirements of scenarios on a protocol's claims. @returns empty if they are met, otherwise the
// reason.
std::string unless_safe_with_crashes(const tested_protocol& it);
std::string unless_safe_with_mass_crashes(const tested_protocol& it);
std::string unless_live_with_a_minority_down(const tested_protocol& it);
std::string unless_live_and_safe(const tested_protocol& it);

} // namespace atl::verify
