#include "fake_strategies.hpp"

#include <atoll/compare/closed_forms.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

using namespace atl::compare;

namespace {

const closed_form* find(const closed_forms_of_workload& in, std::string_view name) {
  auto at =
      std::find_if(in.forms.begin(), in.forms.end(), [&](auto& it) { return it.name == name; });
  return at == in.forms.end() ? nullptr : &*at;
}

} // namespace

TEST_CASE("Erlang's C formula has the values of the textbooks") {
  CHECK(erlang_c(1, 0.7) == doctest::Approx(0.7));
  CHECK(erlang_c(2, 0.5) == doctest::Approx(1.0 / 3));     // 2 rho^2 / (1 + rho)
  CHECK(erlang_c(3, 2.0 / 3) == doctest::Approx(4.0 / 9)); // offered load 2
  CHECK(erlang_c(10, 0.9) == doctest::Approx(0.6687).epsilon(0.001));
  CHECK(erlang_c(10'000, 0.5) < 1e-100);
}

TEST_CASE("M/M/1 is M/M/n with one server, and its times are exponential") {
  CHECK(mmn_mean(1, 0.9, 1) == doctest::Approx(10));
  CHECK(mmn_tail(1, 0.9, 1, 0) == doctest::Approx(1));
  for (auto time : {1.0, 10.0, 46.05})
    CHECK(mmn_tail(1, 0.9, 1, time) == doctest::Approx(std::exp(-time / 10)));
  // 1 + C / (n (1 - rho))
  CHECK(mmn_mean(10, 0.9, 1) == doctest::Approx(1.669).epsilon(0.001));
  // Two servers at a load of 0.5: as many requests are served a second as one of them leaves spare.
  CHECK(mmn_tail(2, 0.5, 1, 2) == doctest::Approx(std::exp(-2) * (1 + 2.0 / 3)));
}

TEST_CASE("the tail of M/M/n integrates to its mean") {
  double sum = 0;
  for (double time = 0.005; time < 100; time += 0.01)
    sum += 0.01 * mmn_tail(4, 0.8, 1, time);
  CHECK(sum == doctest::Approx(mmn_mean(4, 0.8, 1)).epsilon(0.001));
}

TEST_CASE("Pollaczek and Khinchine's mean is that of M/M/1 and half the wait with constant times") {
  CHECK(mg1_mean(0.8, 1, 2) == doctest::Approx(mmn_mean(1, 0.8, 1)));
  CHECK(mg1_mean(0.8, 1, 1) - 1 == doctest::Approx((mmn_mean(1, 0.8, 1) - 1) / 2));
}

TEST_CASE("a choice of d queues has the means of Mitzenmacher's table") {
  CHECK(power_of_d_mean(1, 0.9, 1) == doctest::Approx(10));
  CHECK(power_of_d_mean(2, 0.5, 1) == doctest::Approx(1.2657).epsilon(0.0001));
  CHECK(power_of_d_mean(2, 0.9, 1) == doctest::Approx(2.6141).epsilon(0.0001));
  CHECK(power_of_d_mean(2, 0.99, 1) == doctest::Approx(5.4320).epsilon(0.0001));
  CHECK(power_of_d_mean(3, 0.99, 1) == doctest::Approx(3.8578).epsilon(0.0001));
}

TEST_CASE("members alike under exponential times have all formulas, in the unit of the service") {
  auto all = closed_forms(fakes::simple_workload(10, 0.9));
  CHECK(all.why_none.empty());
  REQUIRE(find(all, "random"));
  CHECK(find(all, "random")->mean == doctest::Approx(100'000));
  CHECK(*find(all, "random")->p99 == doctest::Approx(100'000 * std::log(100)));
  REQUIRE(find(all, "power of 2"));
  CHECK(find(all, "power of 2")->mean == doctest::Approx(26'141).epsilon(0.0001));
  REQUIRE(find(all, "one queue for all"));
  CHECK(find(all, "one queue for all")->mean == doctest::Approx(16'687).epsilon(0.001));
  REQUIRE(find(all, "join the shortest queue"));
  CHECK(find(all, "join the shortest queue")->mean_max == find(all, "random")->mean);
}

TEST_CASE("a member that is too slow for its share makes the mean infinite, by weight it needn't") {
  auto model = fakes::simple_workload(2, 0.5);
  model.members[1].slow = 10;
  model.members[1].weight = 0.1;
  model.arrivals.rate = 0.5 * model.capacity();
  auto all = closed_forms(model);
  REQUIRE(find(all, "random"));
  CHECK(std::isinf(find(all, "random")->mean));
  CHECK_FALSE(find(all, "random")->p99);
  REQUIRE(find(all, "random by weight")); // both at 0.5: 20 ms and 200 ms, by 10 to 1
  CHECK(find(all, "random by weight")->mean == doctest::Approx((10 * 20'000 + 200'000) / 11.0));
  CHECK_FALSE(find(all, "one queue for all"));
}

TEST_CASE("where no formula holds the reason is told") {
  auto why = [](auto change) {
    auto model = fakes::simple_workload(3);
    change(model);
    auto all = closed_forms(model);
    CHECK(all.forms.empty());
    return all.why_none;
  };
  CHECK(why([](auto& it) { it.arrivals.process = arrival_process::bursts; }) ==
        "arrivals aren't Poisson");
  CHECK(why([](auto& it) { it.members[1].joins = 1; }) == "members join or leave");
  CHECK(why([](auto& it) { it.members[1].fails = 0.1; }) == "members fail or pause");
  CHECK(why([](auto& it) { it.members[1].queue_max = 3; }) == "members reject requests");
  CHECK(why([](auto& it) {
          it.members[1].antagonist = {2, 0.1, 1'000};
        }) == "members have antagonists");
  CHECK(why([](auto& it) { it.arrivals.rate *= 2; }).starts_with("the load is 1 or more"));
  CHECK(why([](auto& it) {
          it.service.distribution = service_distribution::constant;
          it.members[1].servers = 2;
        }).starts_with("members have several servers"));
}
