#include "../reference_run.hpp"
#include "scenario_table.hpp"

#include <thread>

namespace atl::verify {

namespace {

/// After this pause, a clock of whole seconds shows another value.
constexpr auto pause = std::chrono::milliseconds{1'050};

/// A protocol's behaviour must not depend on the process, the time or memory addresses.
std::uint64_t run_in_two_processes(const scenario_setting& setting) {
  auto first =
      setting.reference ? *setting.reference : run_in_another_process(setting.protocol, false);
  std::this_thread::sleep_until(first.at + pause);
  if (run_in_another_process(setting.protocol, true).hash != first.hash)
    throw broken("the same seeds run otherwise in another process a second later: it looks at a "
                 "clock, at addresses, or at the process");
  return 2;
}

} // namespace

std::vector<scenario> same_run_scenarios() {
  return {
      {.name = "same_run_elsewhere",
       .sentence = "another process runs the same a second later",
       .any_size = false,
       .once = true,
       .run = run_in_two_processes},
  };
}

} // namespace atl::verify
