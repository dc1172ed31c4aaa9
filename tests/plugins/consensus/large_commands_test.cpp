#include "protocol_under_test.hpp"

#include <cstdint>
#include <string>

/// A log that is full of a few large entries is cut like one that is full of many small ones.
namespace {

using under_test::protocol;

/// Commands of this size, without faults.
atl::sim::simulation_report written(std::size_t bytes, const under_test::overrides& options) {
  auto run = under_test::simulation_of(protocol(), 1, 3, options);
  run.faults = atl::sim::fault_set::none();
  run.workload.payload = bytes;
  run.workload.clients = 2;
  run.workload.think = std::chrono::milliseconds{100};
  run.duration = std::chrono::seconds{3};
  return simulate(run, under_test::factory_of(protocol()));
}

} // namespace

TEST_CASE("a log that large commands fill takes further ones once they are applied") {
  for (std::string keep : {"0", "512KiB", "1MiB"})
    for (std::size_t bytes : {200'000, 600'000, 1'040'000}) {
      auto report = written(bytes, {{"log_bytes", "1MiB"}, {"keep_bytes", keep}});
      CHECK_MESSAGE(report.ok, bytes, " bytes, keep_bytes = ", keep, ": ", report.reason);
    }
}
