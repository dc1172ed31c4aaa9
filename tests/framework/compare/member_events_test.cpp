#include "compare/probe_answers.hpp"
#include "fake_strategies.hpp"

#include <doctest/doctest.h>

using namespace atl::compare;
namespace spi = atl::spi;

namespace {

strategy_result run(const workload& model, const strategy& how) {
  auto result = run_queueing(model, how, 1);
  REQUIRE_MESSAGE(result, (result ? "" : result.error().message));
  return std::move(*result);
}

/// Ten members under 10,000 requests, which come in some 14 s.
workload small_workload() {
  auto it = fakes::simple_workload(10);
  it.requests = 10'000;
  it.warmup = 0;
  return it;
}

} // namespace

TEST_CASE("a member that fails requests fails its share, unless they are tried again elsewhere") {
  auto model = small_workload();
  model.members[0].fails = 1;
  auto once = run(model, fakes::random_strategy);
  CHECK(once.failed == doctest::Approx(1'000).epsilon(0.15));
  CHECK(once.nodes[0].failed == once.failed);
  CHECK(once.answered + once.failed == 10'000);
  CHECK(once.retries == 0);
  model.tries_max = 2;
  auto twice = run(model, fakes::random_strategy);
  CHECK(twice.failed == 0);
  CHECK(twice.answered == 10'000);
  CHECK(twice.retries == twice.nodes[0].failed);
  CHECK(twice.retries > 800);
}

TEST_CASE("retries stop when no member is left") {
  auto model = small_workload();
  model.requests = 100;
  model.members.resize(2);
  for (auto& member : model.members)
    member.fails = 1;
  model.tries_max = 2;
  auto two = run(model, fakes::shortest_queue);
  CHECK(two.failed == 100);
  CHECK(two.retries == 100);
  model.tries_max = 3;
  auto three = run(model, fakes::shortest_queue);
  CHECK(three.rejected + three.failed == 100);
  CHECK(three.rejected > 0);
  CHECK(three.answered == 0);
  CHECK(three.latency.mean == 0);
}

TEST_CASE("requests at a member that pauses wait until it goes on") {
  auto model = small_workload();
  auto before = run(model, fakes::random_strategy);
  model.members[0].paused = {{2e6, 4e6}};
  auto it = run(model, fakes::random_strategy);
  CHECK(it.answered == 10'000);
  CHECK(it.latency.max > 1.9e6);
  CHECK(before.latency.max < 1e6);
}

TEST_CASE("requests at a member that goes down fail, until hosts see it and go elsewhere") {
  auto model = small_workload();
  model.members[0].down = {{2e6, 4e6}};
  model.detection = 500'000;
  auto late = run(model, fakes::random_strategy);
  CHECK(late.failed > 20); // 0.5 s at 70 requests a second
  CHECK(late.failed < 60);
  model.detection = 0;
  auto at_once = run(model, fakes::random_strategy);
  CHECK(at_once.failed < 20); // those that it had
  CHECK(at_once.nodes[0].requests < at_once.nodes[1].requests);
  CHECK(at_once.nodes[0].requests > 0.5 * static_cast<double>(at_once.nodes[1].requests));
}

TEST_CASE("requests that a member loses as it goes down are tried again elsewhere") {
  auto model = small_workload();
  model.arrivals.rate = 0.9 * model.capacity();
  model.members[0].down = {{2e6, 4e6}};
  model.detection = 0;
  model.tries_max = 2;
  auto it = run(model, fakes::random_strategy);
  CHECK(it.answered == 10'000);
  CHECK(it.retries > 0);
  CHECK(it.retries == it.nodes[0].failed);
}

TEST_CASE("a member that is down stays so for hosts when another one joins") {
  auto model = small_workload();
  model.members[0].down = {{2e6, 10e6}};
  model.detection = 0;
  model.members[9].joins = 3e6;
  CHECK(run(model, fakes::random_strategy).failed < 20);
}

TEST_CASE("each host ejects a member that fails again and again, for as long as it is told") {
  auto model = small_workload();
  model.members[0].fails = 1;
  model.eject_failures = 5;
  model.ejection = 1e9; // longer than the run
  CHECK(run(model, fakes::random_strategy).failed == 5);
  model.hosts = 3;
  CHECK(run(model, fakes::random_strategy).failed == 15);
  model.hosts = 1;
  model.ejection = 1e6;
  auto back = run(model, fakes::random_strategy).failed;
  CHECK(back > 5);
  CHECK(back < 100);
}

TEST_CASE("a member that joins starts slowly") {
  auto model = small_workload();
  model.members[9].joins = 4e6;
  auto at_once = run(model, fakes::random_strategy).nodes[9].requests;
  model.slow_start = 8e6;
  auto slowly = run(model, fakes::random_strategy).nodes[9].requests;
  CHECK(slowly < 0.8 * static_cast<double>(at_once));
  CHECK(slowly > 0.2 * static_cast<double>(at_once));
}

TEST_CASE("a member rejects what its queue doesn't hold") {
  auto model = small_workload();
  model.members.resize(1);
  model.arrivals.rate = 3 * model.capacity();
  model.members[0].queue_max = 5;
  auto it = run(model, fakes::random_strategy);
  CHECK(it.failed == doctest::Approx(20'000 / 3.0).epsilon(0.05));
  CHECK(it.latency.max < 300'000); // at most five times of service
}

TEST_CASE("antagonists make requests take longer, and change") {
  auto model = small_workload();
  model.members.resize(4);
  model.arrivals.rate = 0.1 * model.capacity();
  auto calm = run(model, fakes::random_strategy);
  for (auto& member : model.members)
    member.antagonist = {9, 1, 100'000};
  auto busy = run(model, fakes::random_strategy);
  CHECK(busy.latency.mean > 4 * calm.latency.mean);
  CHECK(busy.nodes[0].utilisation > 3 * calm.nodes[0].utilisation);
  // Each member is slow and fast in turn.
  for (auto& node : busy.nodes)
    CHECK(node.mean_latency == doctest::Approx(busy.latency.mean).epsilon(0.4));
}

TEST_CASE("a hash of keys moves the least share of them, picks at random keep none") {
  auto model = small_workload();
  model.keys.count = 5'000;
  model.members[9].joins = 3e6;
  model.members[0].leaves = 6e6;
  auto it = run(model, fakes::key_hash);
  REQUIRE(it.moves.size() == 2);
  CHECK(it.moves[0].at == 3e6);
  CHECK(it.moves[0].joined == 1);
  CHECK(it.moves[0].left == 0);
  CHECK(it.moves[0].least == doctest::Approx(0.1));
  REQUIRE(it.moves[0].moved);
  CHECK(*it.moves[0].moved == doctest::Approx(0.1).epsilon(0.2));
  CHECK(it.moves[1].left == 1);
  CHECK(it.moves[1].least == doctest::Approx(0.1));
  REQUIRE(it.moves[1].moved);
  CHECK(*it.moves[1].moved == doctest::Approx(0.1).epsilon(0.2));
  auto random = run(model, fakes::random_strategy);
  REQUIRE(random.moves.size() == 2);
  CHECK_FALSE(random.moves[0].moved);
  CHECK(random.nodes[9].requests < random.nodes[5].requests);
  CHECK(random.nodes[0].requests < random.nodes[5].requests);
  CHECK(random.answered == 10'000);
  model.keys.count = 5'040; // a multiple of any number of members here
  for (auto& move : run(model, fakes::in_turn).moves)
    CHECK_FALSE(move.moved);
}

TEST_CASE("members that change at one time are one change") {
  auto model = small_workload();
  model.requests = 1'000;
  model.members[8].joins = model.members[9].joins = model.members[0].leaves = 1e6;
  auto it = run(model, fakes::key_hash);
  REQUIRE(it.moves.size() == 1);
  CHECK(it.moves[0].joined == 2);
  CHECK(it.moves[0].left == 1);
}

TEST_CASE("probes are counted, and answered after their delay") {
  auto model = small_workload();
  model.requests = 1'000;
  auto it = run(model, fakes::probing);
  CHECK(it.probes == 1'000);
  CHECK(it.nodes[5].requests > 50);
  model.probe_delay = 1e9; // longer than the run
  CHECK(run(model, fakes::probing).nodes[0].requests == 1'000);
}

TEST_CASE("a member that pauses or is down answers no probe") {
  auto model = small_workload();
  model.requests = 1'000;
  model.members[1].paused = model.members[2].down = {{0, 1e9}};
  model.detection = 1e9;
  auto it = run(model, fakes::probing);
  CHECK(it.nodes[1].requests == 0);
  CHECK(it.nodes[2].requests == 0);
}

TEST_CASE("a probe says the latency of requests that met as many others") {
  probe_answers answers;
  CHECK(answers.estimate(3).count() == 0);
  for (int i = 0; i < 30; ++i) {
    answers.add(0, 100 + i);
    answers.add(10, 5'000 + i);
  }
  CHECK(answers.estimate(0).count() < 200);
  CHECK(answers.estimate(12).count() > 4'000);
}

TEST_CASE("a few quick requests among many do not make a member look quick") {
  probe_answers answers;
  for (int i = 0; i < 64; ++i)
    answers.add(4, i % 32 < 9 ? 10 : 1'000);
  CHECK(answers.estimate(4).count() == 1'000);
}

TEST_CASE("hosts hear how many requests a member has with its answers, unless the workload says "
          "that answers carry no reports") {
  std::uint32_t most = 0;
  struct listener : fakes::uniform {
    listener(std::uint64_t seed, std::uint32_t& most) : uniform{seed}, most_{most} {}
    spi::slot pick(const spi::pick_request& request, const spi::member_facts& facts) override {
      most_ = std::max(most_, *std::max_element(facts.reported_in_flight.begin(),
                                                facts.reported_in_flight.end()));
      return uniform::pick(request, facts);
    }
    std::uint32_t& most_;
  };
  strategy listening{"listener", "listener", [&](std::uint64_t seed) {
                       return atl::result<std::shared_ptr<spi::balancer>>{
                           std::make_shared<listener>(seed, most)};
                     }};
  auto model = small_workload();
  model.requests = 1'000;
  run(model, listening);
  CHECK(most > 0);
  most = 0;
  model.has_reports = false;
  run(model, listening);
  CHECK(most == 0);
}

TEST_CASE(
    "a member that was busy and is idle now doesn't answer with the latency of its busy time") {
  probe_answers answers;
  for (int i = 0; i < 128; ++i)
    answers.add(9, 5'000);
  CHECK(answers.estimate(9).count() == 5'000);
  CHECK(answers.estimate(0).count() == 500);
}

TEST_CASE("errors of the plugin fail their request, and are counted") {
  auto model = small_workload();
  model.requests = 1'000;
  auto it = run(model, fakes::throwing);
  CHECK(it.plugin_errors == 500);
  CHECK(it.failed == 500);
  CHECK(it.answered == 500);
  CHECK(it.first_error.find("thrower") != std::string::npos);
}

TEST_CASE("several hosts deal requests alike") {
  auto model = small_workload();
  model.hosts = 4;
  auto it = run(model, fakes::shortest_queue);
  CHECK(it.answered == 10'000);
  model.hosts = 1;
  CHECK(it.latency.mean > 1.1 * run(model, fakes::shortest_queue).latency.mean); // each knows less
}

TEST_CASE("a balancer that can't be made is an error") {
  strategy broken{"x", "x", [](std::uint64_t) -> atl::result<std::shared_ptr<atl::spi::balancer>> {
                    return atl::fail(atl::errc::invalid, "no");
                  }};
  auto it = run_queueing(small_workload(), broken, 1);
  REQUIRE_FALSE(it);
  CHECK(it.error().message == "no");
}
