#include "known_plugins.hpp"
#include "plugin_under_test.hpp"

#include <atoll/sim/simulation.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace spi = atl::spi;

extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, faulty, 1, 0, 0);
extern "C" const spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(consensus, faulty, 1, 0, 0);
const auto& raft = ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);

spi::options options_with(const std::vector<std::string>& assignments) {
  return known_plugins::options_for(plugin, assignments, {&raft});
}

/// What a replica sends that campaigns a few hundred times and never hears of the others.
struct messages {
  std::size_t count = 0;
  std::size_t bytes = 0;
};

messages sent_with(const std::vector<std::string>& assignments) {
  auto options = options_with(assignments);
  std::unique_ptr<spi::consensus> replica{plugin.create.consensus({options, 1, {1, 2, 3}, 1, 1})};
  replica->start({}, 0, spi::timestamp{0});
  messages out;
  std::vector<spi::effect> effects;
  for (int i = 0; i < 400; ++i) {
    replica->advance(replica->deadline());
    effects.clear();
    replica->drain(effects);
    for (auto& each : effects)
      if (auto* message = std::get_if<spi::send>(&each)) {
        ++out.count;
        out.bytes += message->bytes.size();
      }
  }
  return out;
}

/// Runs of three replicas with all faults of the simulator besides.
void must_be_safe(const std::vector<std::string>& assignments) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    atl::sim::simulation_options run;
    run.seed = seed;
    run.replicas = 3;
    run.demand_liveness = false;
    run.protocol_options = options_with(assignments);
    auto report = atl::sim::simulate(run, under_test::factory_of(plugin));
    CHECK_MESSAGE(report.kind == atl::sim::violation_kind::none, report.summary());
  }
}

} // namespace

TEST_CASE("messages are lost, repeated and cut short, each a share of them") {
  auto all = sent_with({});
  REQUIRE(all.count > 200);
  CHECK(sent_with({"fail=1"}).count == 0);
  auto some = sent_with({"fail=0.5"});
  CHECK(some.count > all.count / 4);
  CHECK(some.count < all.count * 3 / 4);
  CHECK(sent_with({"repeat=1"}).count == 2 * all.count);
  auto garbled = sent_with({"garble=1"});
  CHECK(garbled.count == all.count);
  CHECK(garbled.bytes < all.bytes);
}

TEST_CASE("a late message is sent when it is due, which the deadline says") {
  auto options = options_with({"delay=1", "delay_time=5ms"});
  std::unique_ptr<spi::consensus> replica{plugin.create.consensus({options, 1, {1, 2, 3}, 1, 1})};
  replica->start({}, 0, spi::timestamp{0});
  std::vector<spi::effect> effects;
  auto drain = [&] {
    effects.clear();
    replica->drain(effects);
    return std::ranges::any_of(effects,
                               [](auto& each) { return std::holds_alternative<spi::send>(each); });
  };
  auto campaign = replica->deadline();
  replica->advance(campaign);
  CHECK_FALSE(drain());
  auto due = replica->deadline();
  REQUIRE(due <= campaign + std::chrono::milliseconds{5});
  replica->advance(due);
  CHECK(drain());
}

TEST_CASE("whatever happens to messages, the protocol keeps its promises") {
  must_be_safe({"fail=0.1", "repeat=0.1", "garble=0.1", "delay=0.3"});
  must_be_safe({"fail=0.5", "repeat=0.5", "delay=0.5", "delay_time=1s"});
}
