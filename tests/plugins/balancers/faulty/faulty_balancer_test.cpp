#include "known_plugins.hpp"
#include "pool_fixture.hpp"

#include <atoll/spi/balancer.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

using namespace balancer_test;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, faulty, 1, 0, 0);
extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(balancer, round_robin, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(balancer, faulty, 1, 0, 0);
const auto& round_robin = ATOLL_PLUGIN_SYMBOL(balancer, round_robin, 1, 0, 0);

/// The picks of a thousand requests, for four members.
std::vector<spi::slot> picks_of(spi::balancer& balancer) {
  pool_fixture pool{4};
  pool.update(balancer);
  std::vector<spi::slot> picks;
  for (int i = 0; i < 1000; ++i)
    picks.push_back(balancer.pick({}, pool.facts()));
  return picks;
}

std::vector<spi::slot> picks_with(const std::vector<std::string>& assignments) {
  auto options = known_plugins::options_for(plugin, assignments, {&round_robin});
  std::unique_ptr<spi::balancer> balancer{plugin.create.balancer({options, 7})};
  return picks_of(*balancer);
}

} // namespace

TEST_CASE("without shares it picks as the plugin that it wraps") {
  auto options = known_plugins::options_for(round_robin, {}, {});
  std::unique_ptr<spi::balancer> wrapped{round_robin.create.balancer({options, 7})};
  CHECK(picks_with({}) == picks_of(*wrapped));
}

TEST_CASE("a share of the picks picks none") {
  auto picks = picks_with({"fail=0.2"});
  auto none = std::ranges::count(picks, spi::no_slot);
  CHECK(none > 100);
  CHECK(none < 300);
  CHECK(std::ranges::count_if(picks, [](auto slot) { return slot != spi::no_slot && slot > 3; }) ==
        0);
}

TEST_CASE("a share of the picks is of another member, or of none that exists") {
  auto picks = picks_with({"garble=0.5"});
  auto right = picks_with({});
  CHECK(std::ranges::count_if(picks, [](auto slot) { return slot > 3; }) > 50);
  int others = 0;
  for (std::size_t i = 0; i < picks.size(); ++i)
    others += picks[i] < 4 && picks[i] != right[i];
  CHECK(others > 50);
}

TEST_CASE("several picks of one call fail together, or one of them is wrong") {
  pool_fixture pool{4};
  auto count_with = [&](const char* share) {
    auto options = known_plugins::options_for(plugin, {share}, {&round_robin});
    std::unique_ptr<spi::balancer> balancer{plugin.create.balancer({options, 7})};
    pool.update(*balancer);
    std::vector<spi::slot> picks(3);
    return balancer->pick_many({}, pool.facts(), picks);
  };
  CHECK(count_with("fail=0") == 3);
  CHECK(count_with("fail=1") == 0);
  CHECK(count_with("garble=1") == 3);
}

TEST_CASE("the same seed fails the same picks") {
  CHECK(picks_with({"fail=0.2", "garble=0.2"}) == picks_with({"fail=0.2", "garble=0.2"}));
  CHECK(picks_with({"fail=0.2"}) != picks_with({"fail=0.2", "seed=2"}));
}
