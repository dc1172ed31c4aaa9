#include "plugins/consensus/plugin_under_test.hpp"

#include <atoll/compare/availability.hpp>

#include <doctest/doctest.h>

using namespace atl::compare;
namespace spi = atl::spi;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0);
extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);
extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);

namespace {

measured_availability measure(const spi::descriptor& protocol, std::uint32_t replicas) {
  auto it = measure_availability(protocol.name, under_test::factory_of(protocol),
                                 under_test::make_options(protocol), replicas, 1);
  REQUIRE_MESSAGE(it, (it ? "" : it.error().message));
  return std::move(*it);
}

/// Whether writes commit exactly while at most so many are down.
void check_tolerates(const measured_availability& it, std::uint32_t most) {
  CAPTURE(it.protocol);
  REQUIRE(it.by_down.size() == it.replicas + 1);
  for (auto& each : it.by_down) {
    CAPTURE(each.down);
    CHECK(each.all_tried);
    CHECK(each.tried > 0);
    CHECK(each.committed == (each.down <= most ? each.tried : 0));
  }
}

} // namespace

TEST_CASE("the formulas have the values that one computes by hand") {
  CHECK(write_all_availability(3, 0.1) == doctest::Approx(0.729));
  CHECK(majority_availability(3, 0.1) == doctest::Approx(0.972)); // 0.729 + 3 x 0.081
  CHECK(majority_availability(5, 0.1) == doctest::Approx(0.99144));
  CHECK(majority_availability(4, 0.1) == doctest::Approx(0.9477)); // needs three of four
  CHECK(majority_availability(1, 0.1) == doctest::Approx(0.9));
  CHECK(naive_availability(0.1) == doctest::Approx(0.9));
  CHECK(down_probability(3, 3, 0.1) == doctest::Approx(0.001));
  CHECK(majority_availability(7, 0) == 1);
  CHECK(majority_availability(7, 1) == 0);
}

TEST_CASE("raft and paxos commit exactly while a majority is up") {
  for (auto* protocol : {&ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0),
                         &ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0)})
    for (std::uint32_t replicas : {3, 4, 5}) {
      auto it = measure(*protocol, replicas);
      check_tolerates(it, (replicas - 1) / 2);
      CHECK(it.probability(0.1) == doctest::Approx(majority_availability(replicas, 0.1)));
    }
}

TEST_CASE("two-phase commit commits exactly while all are up") {
  for (std::uint32_t replicas : {1, 3, 5}) {
    auto it = measure(ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0), replicas);
    check_tolerates(it, 0);
    CHECK(it.probability(0.1) == doctest::Approx(write_all_availability(replicas, 0.1)));
  }
}

TEST_CASE("of large groups a sample of the sets is tried") {
  auto it = measure(ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0), 9);
  CHECK(it.by_down[0].all_tried);
  CHECK(it.by_down[1].tried == 9);
  CHECK(it.by_down[4].tried == 40);
  CHECK_FALSE(it.by_down[4].all_tried);
  CHECK(it.probability(0.1) == doctest::Approx(write_all_availability(9, 0.1)));
}
