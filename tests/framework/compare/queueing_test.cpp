#include "fake_strategies.hpp"

#include <atoll/compare/closed_forms.hpp>
#include <atoll/compare/queueing.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

using namespace atl::compare;

namespace {

strategy_result run(const workload& model, const strategy& how, std::uint64_t seed = 1) {
  auto result = run_queueing(model, how, seed);
  REQUIRE_MESSAGE(result, (result ? "" : result.error().message));
  return std::move(*result);
}

/// Whether a mean is as theory says, within five standard errors and 0.1 %.
void check_mean(const strategy_result& it, double theory) {
  CAPTURE(it.latency.mean);
  CAPTURE(theory);
  CHECK(std::abs(it.latency.mean - theory) < 5 * it.latency.mean_error + 0.001 * theory);
  CHECK(it.latency.mean_error < 0.05 * theory);
}

} // namespace

TEST_CASE("one member with exponential times is M/M/1, in its mean and its percentiles") {
  auto it = run(fakes::simple_workload(1), fakes::random_strategy);
  CHECK(it.answered == 90'000);
  check_mean(it, mmn_mean(1, 0.7, 10'000));
  CHECK(it.latency.p99 == doctest::Approx(it.latency.mean * std::log(100)).epsilon(0.1));
  CHECK(it.nodes[0].utilisation == doctest::Approx(0.7).epsilon(0.03));
}

TEST_CASE("a member with several servers is M/M/n") {
  auto model = fakes::simple_workload(1);
  model.members[0].servers = 8;
  model.arrivals.rate = 0.85 * model.capacity();
  auto it = run(model, fakes::random_strategy);
  check_mean(it, mmn_mean(8, 0.85, 10'000));
  CHECK(it.nodes[0].utilisation == doctest::Approx(0.85).epsilon(0.03));
}

TEST_CASE("random picks make each member an M/M/1 of its own") {
  auto it = run(fakes::simple_workload(10), fakes::random_strategy);
  check_mean(it, mmn_mean(1, 0.7, 10'000));
  for (auto& node : it.nodes)
    CHECK(node.share == doctest::Approx(0.1).epsilon(0.05));
}

TEST_CASE(
    "the mean of a shared processor doesn't depend on the distribution, that of a queue does") {
  auto model = fakes::simple_workload(4);
  model.service.distribution = service_distribution::lognormal;
  model.service.sigma = 0.8;
  auto queue = run(model, fakes::random_strategy);
  check_mean(queue, mg1_mean(0.7, 10'000, 1e8 * std::exp(0.64)));
  for (auto& member : model.members)
    member.discipline = queue_discipline::sharing;
  check_mean(run(model, fakes::random_strategy), mmn_mean(1, 0.7, 10'000));
}

TEST_CASE("constant and bounded Pareto times give what Pollaczek and Khinchine say") {
  auto model = fakes::simple_workload(4);
  model.service.distribution = service_distribution::constant;
  check_mean(run(model, fakes::random_strategy), mg1_mean(0.7, 10'000, 1e8));
  model.service.distribution = service_distribution::pareto;
  model.service.shape = 2.5;
  model.service.maximum = 200'000;
  auto theory = closed_forms(model).forms.front();
  check_mean(run(model, fakes::random_strategy), theory.mean);
}

TEST_CASE("the shortest queue lies between one queue for all and random picks") {
  auto it = run(fakes::simple_workload(10, 0.9), fakes::shortest_queue);
  CHECK(it.latency.mean > mmn_mean(10, 0.9, 10'000));
  CHECK(it.latency.mean < 0.5 * mmn_mean(1, 0.9, 10'000));
}

TEST_CASE("a slow member's own mean counts in the mean of nodes, not by its requests") {
  auto model = fakes::simple_workload(2);
  model.members[1].slow = 4;
  model.arrivals.rate = 0.5 / 40'000 * 2; // half of what the slow one can do, for each
  auto it = run(model, fakes::random_strategy);
  CHECK(it.nodes[1].utilisation == doctest::Approx(0.5).epsilon(0.05));
  CHECK(it.nodes[0].utilisation == doctest::Approx(0.125).epsilon(0.05));
  auto plain = (it.nodes[0].mean_latency + it.nodes[1].mean_latency) / 2;
  CHECK(it.mean_of_nodes == doctest::Approx(plain));
  check_mean(it, closed_forms(model).forms.front().mean);
}

TEST_CASE("the same seed gives the same result, another one another") {
  auto model = fakes::simple_workload(5);
  model.requests = 5'000;
  model.hosts = 3;
  model.members[2].antagonist = {4, 0.5, 50'000};
  model.members[3].fails = 0.3;
  model.tries_max = 2;
  auto one = run(model, fakes::random_strategy, 7), same = run(model, fakes::random_strategy, 7);
  CHECK(one.latencies == same.latencies);
  CHECK(one.retries == same.retries);
  CHECK(one.latencies != run(model, fakes::random_strategy, 8).latencies);
}

TEST_CASE("strategies with one seed meet the same arrivals and the same work") {
  auto model = fakes::simple_workload(1);
  model.requests = 2'000;
  CHECK(run(model, fakes::random_strategy).latencies ==
        run(model, fakes::shortest_queue).latencies);
}

TEST_CASE("requests that are recorded arrive at their times") {
  auto model = fakes::simple_workload(1);
  model.arrivals.process = arrival_process::recorded;
  model.arrivals.times = {0, 1'000, 2'000, 1e6};
  model.requests = 4;
  model.warmup = 0;
  model.service.distribution = service_distribution::recorded;
  model.service.times = {10'000};
  auto it = run(model, fakes::random_strategy);
  CHECK(it.latencies == std::vector<float>{10'000, 10'000, 19'000, 28'000});
}

TEST_CASE("bursts have the rate that is asked for on average, and longer queues") {
  auto model = fakes::simple_workload(2, 0.4);
  auto steady = run(model, fakes::random_strategy);
  model.arrivals.process = arrival_process::bursts;
  model.arrivals.on = 50'000;
  model.arrivals.off = 150'000;
  auto bursts = run(model, fakes::random_strategy);
  CHECK(bursts.nodes[0].utilisation == doctest::Approx(0.4).epsilon(0.1));
  CHECK(bursts.latency.mean > 2 * steady.latency.mean);
}

TEST_CASE("keys are asked for by Zipf's law") {
  auto model = fakes::simple_workload(10, 0.1);
  model.requests = 20'000;
  auto even = run(model, fakes::key_hash);
  model.keys.zipf = 2; // six of ten requests are about one key
  auto skewed = run(model, fakes::key_hash);
  auto largest = [](const strategy_result& it) {
    double share = 0;
    for (auto& node : it.nodes)
      share = std::max(share, node.share);
    return share;
  };
  CHECK(largest(even) < 0.2);
  CHECK(largest(skewed) > 0.6);
}

TEST_CASE("percentiles and shares count requests after the warm-up alone") {
  auto model = fakes::simple_workload(3);
  model.requests = 1'000;
  model.warmup = 0.4;
  auto it = run(model, fakes::random_strategy);
  CHECK(it.answered == 600);
  CHECK(it.latencies.size() == 600);
  CHECK(std::accumulate(it.nodes.begin(), it.nodes.end(), std::uint64_t{0},
                        [](auto sum, auto& node) { return sum + node.requests; }) == 600);
}
