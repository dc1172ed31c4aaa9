#include "raft.hpp"

#include <doctest/doctest.h>

#include <cstdlib>

using namespace atl::sim;

namespace {

/// More seeds than in a quick run: ATOLL_SIM_SEEDS=n multiplies. Under a sanitizer each takes some
/// twenty times as long, so there are fewer.
std::uint64_t seeds(std::uint64_t quick) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  quick /= 10;
#endif
  auto text = std::getenv("ATOLL_SIM_SEEDS");
  return text ? quick * std::strtoull(text, nullptr, 10) : quick;
}

void survive(std::uint32_t replicas, std::uint64_t count,
             const std::function<void(simulation_options&)>& change = {}) {
  std::uint64_t answered = 0;
  std::uint64_t crashes = 0;
  std::uint64_t settled = 0;
  for (std::uint64_t seed = 1; seed <= count; ++seed) {
    auto options = raft::options(seed, replicas);
    if (change)
      change(options);
    auto report = simulate(options, raft::factory());
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
  survive(3, seeds(600));
}
TEST_CASE("five replicas keep every promise under whatever faults a seed draws") {
  survive(5, seeds(300));
}
TEST_CASE("a single replica keeps every promise under whatever faults a seed draws") {
  survive(1, seeds(100));
}
TEST_CASE("logs are cut early, so that replicas which were away need snapshots") {
  survive(3, seeds(300), [](simulation_options& it) {
    it.protocol_options = under_test::make_options(raft::plugin(), {{"keep_entries", "5"}});
  });
}
TEST_CASE("a damaged record stops its replica, and loses nothing") {
  survive(3, seeds(300), [](simulation_options& it) {
    it.faults.damageable = {2};
    it.fatal_is_failure = false;
    it.demand_liveness = false;
  });
}
TEST_CASE("a small window and small batches under load") {
  survive(3, seeds(20), [](simulation_options& it) {
    it.workload.clients = 32;
    it.workload.keys = 16;
    it.workload.think = std::chrono::milliseconds{2};
    it.workload.payload = 700;
    it.protocol_options = under_test::make_options(
        raft::plugin(), {{"max_in_flight", "8"}, {"batch_bytes", "1KiB"}, {"keep_bytes", "64KiB"}});
  });
}

TEST_CASE("the same seed makes the same run to the last byte, traced or not") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    auto options = raft::options(seed, 3);
    auto once = simulate(options, raft::factory());
    std::size_t lines = 0;
    options.trace = [&lines](std::string_view) { ++lines; };
    auto again = simulate(options, raft::factory());
    CHECK(once.hash == again.hash);
    CHECK(once.stats.events == again.stats.events);
    CHECK(lines > 100);
    options.seed = seed + 1000;
    CHECK(simulate(options, raft::factory()).hash != once.hash);
  }
}
