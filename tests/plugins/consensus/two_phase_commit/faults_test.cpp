#include "two_phase_commit.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

using namespace atl::sim;

namespace {

/// More seeds than in a quick run: ATOLL_SIM_SEEDS=n multiplies.
std::uint64_t seeds(std::uint64_t quick) {
  auto text = std::getenv("ATOLL_SIM_SEEDS");
  return text ? quick * std::strtoull(text, nullptr, 10) : quick;
}

void survive(std::uint32_t replicas, std::uint64_t count,
             const std::function<void(simulation_options&)>& change = {}) {
  std::uint64_t answered = 0;
  std::uint64_t crashes = 0;
  std::uint64_t settled = 0;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    auto options = two_phase_commit::options(seed, replicas);
    if (change)
      change(options);
    auto report = simulate(options, two_phase_commit::factory());
    if (!report.ok)
      FAIL_CHECK(report.summary());
    answered += report.stats.answered;
    crashes += report.stats.crashes;
    settled += report.checked ? 1 : 0;
  }
  MESSAGE(count, " seeds, ", answered, " operations answered, ", crashes, " crashes");
  CHECK(answered > count * 20);
  CHECK(settled == count);
}

} // namespace

TEST_CASE("three replicas keep every promise under whatever faults a seed draws") {
  survive(3, seeds(200));
}
TEST_CASE("five replicas keep every promise under whatever faults a seed draws") {
  survive(5, seeds(120));
}
TEST_CASE("a single replica keeps every promise under whatever faults a seed draws") {
  survive(1, seeds(60));
}
