#include "scenario_table.hpp"

namespace atl::verify {

namespace {

std::vector<scenario> make_table() {
  std::vector<scenario> out;
  for (auto list : {crash_scenarios, disk_scenarios, stalled_cut_scenarios, durability_scenarios,
                    network_scenarios, read_scenarios, leadership_scenarios, transfer_scenarios,
                    membership_scenarios, command_scenarios, long_run_scenarios, memory_scenarios,
                    same_run_scenarios})
    for (auto& each : list())
      out.push_back(std::move(each));
  return out;
}

} // namespace

const std::vector<scenario>& all_scenarios() {
  static const std::vector<scenario> all = make_table();
  return all;
}

std::string unless_safe_with_crashes(const tested_protocol& it) {
  return it.safe_with_crashes == "all" || it.safe_with_crashes == "minority"
             ? ""
             : "it claims no safety when replicas crash";
}

std::string unless_safe_with_mass_crashes(const tested_protocol& it) {
  return it.safe_with_crashes == "all" ? "" : "it claims no safety when all replicas crash";
}

std::string unless_live_with_a_minority_down(const tested_protocol& it) {
  return it.live_with_crashes == "minority" ? "" : "it doesn't claim to go on without a minority";
}

std::string unless_live_and_safe(const tested_protocol& it) {
  auto why = unless_safe_with_crashes(it);
  return why.empty() ? unless_live_with_a_minority_down(it) : why;
}

} // namespace atl::verify
