#include "compare/random_draws.hpp"
#include "temporary_folder.hpp"

#include <atoll/compare/workload.hpp>

#include <doctest/doctest.h>

#include <algorithm>

using namespace atl::compare;

namespace {

constexpr const char* least = R"([arrivals]
load = 0.5
[service]
mean = "10ms"
[[members]]
)";

std::string problems(const std::string& text) {
  auto it = parse_workload(text, "w.toml");
  return it ? "" : it.error().message;
}

} // namespace

TEST_CASE("a workload of a few lines has sensible defaults") {
  auto it = parse_workload(least, "w.toml");
  REQUIRE_MESSAGE(it, (it ? "" : it.error().message));
  CHECK(it->requests == 200'000);
  CHECK(it->members.size() == 1);
  CHECK(it->load() == doctest::Approx(0.5));
  CHECK(it->arrivals.rate == doctest::Approx(50e-6));
  CHECK(it->service.distribution == service_distribution::exponential);
  CHECK(it->members[0].discipline == queue_discipline::fifo);
  CHECK(it->eject_failures == 5);
  CHECK(it->has_reports);
}

TEST_CASE("every key of a workload is read") {
  auto it = parse_workload(R"(
name = "all"
[run]
requests = 1000
warmup = 0.25
hosts = 3
[arrivals]
process = "bursts"
rate = 200
on = "1s"
off = "3s"
[service]
distribution = "pareto"
mean = "5ms"
shape = 1.5
maximum = "1s"
[keys]
count = 77
zipf = 1.1
[retries]
tries = 4
[pool]
probe_delay = "2ms"
reports = false
detection = "3ms"
eject_failures = 6
ejection = "8s"
slow_start = "4s"
[[members]]
count = 2
weight = 2.5
servers = 4
discipline = "sharing"
slow = 1.5
fails = 0.125
queue_max = 9
domain = "rack"
antagonist = 3
antagonist_share = 0.5
antagonist_period = "7s"
joins = "1s"
leaves = "9s"
paused = ["2s..2500ms", "3s..4s"]
down = ["5s..6s"]
[[members]]
)",
                           "w.toml");
  REQUIRE_MESSAGE(it, (it ? "" : it.error().message));
  CHECK(it->name == "all");
  CHECK(it->requests == 1'000);
  CHECK(it->warmup == 0.25);
  CHECK(it->hosts == 3);
  CHECK(it->arrivals.process == arrival_process::bursts);
  CHECK(it->arrivals.rate == doctest::Approx(200e-6));
  CHECK(it->arrivals.on == 1e6);
  CHECK(it->arrivals.off == 3e6);
  CHECK(it->service.distribution == service_distribution::pareto);
  CHECK(it->service.mean == 5'000);
  CHECK(it->service.shape == 1.5);
  CHECK(it->service.maximum == 1e6);
  CHECK(it->keys.count == 77);
  CHECK(it->keys.zipf == 1.1);
  CHECK(it->tries_max == 4);
  CHECK(it->probe_delay == 2'000);
  CHECK_FALSE(it->has_reports);
  CHECK(it->detection == 3'000);
  CHECK(it->eject_failures == 6);
  CHECK(it->ejection == 8e6);
  CHECK(it->slow_start == 4e6);
  REQUIRE(it->members.size() == 3);
  auto& member = it->members[1];
  CHECK(member.weight == 2.5);
  CHECK(member.servers == 4);
  CHECK(member.discipline == queue_discipline::sharing);
  CHECK(member.slow == 1.5);
  CHECK(member.fails == 0.125);
  CHECK(member.queue_max == 9);
  CHECK(member.domain == "rack");
  CHECK(member.antagonist.stretch == 3);
  CHECK(member.antagonist.share == 0.5);
  CHECK(member.antagonist.period == 7e6);
  CHECK(member.joins == 1e6);
  CHECK(member.leaves == 9e6);
  REQUIRE(member.paused.size() == 2);
  CHECK(member.paused[0].to == 2.5e6);
  CHECK(member.down[0].from == 5e6);
  CHECK(it->capacity() == doctest::Approx(1 / 5'000.0)); // the others join later
}

TEST_CASE("mistakes are named with file, line and column") {
  CHECK(problems("[arrivals]\nload = 0.5\n[service]\nmean = \"10ms\"\n[[members]]\nsloww = 2\n") ==
        "w.toml:6:1: unknown key 'members[0].sloww'; did you mean 'members[0].slow'?");
  CHECK(problems(std::string{least} + "slow = 0\n") ==
        "w.toml:6:8: members[0].slow is 0.0, and must be 0.001 to 1000000");
  CHECK(problems(std::string{least} + "paused = [\"2s-3s\"]\n") ==
        "w.toml:6:10: members[0].paused has '2s-3s'; expected an interval such as \"2s..2500ms\"");
  CHECK(problems(std::string{least} + "paused = [\"2s..3s\", \"2500ms..4s\"]\n")
            .starts_with("w.toml:6:10: members[0].paused has '2500ms..4s', which begins before"));
  CHECK(problems(std::string{least} + "joins = \"1s\"\n") ==
        "w.toml:6:9: members[0].joins leaves no member for the beginning; one must not join");
  CHECK(problems(std::string{least} + "leaves = \"1s\"\njoins = \"2s\"\n[[members]]\n") ==
        "w.toml:6:10: members[0].leaves must be after its joins; 0s: never");
  CHECK(problems(std::string{least} + "count = 9999\n[[members]]\ncount = 2\n") ==
        "w.toml:8:9: members[1].count makes more than 10000 members");
  CHECK(problems("[arrivals]\nload = ").starts_with("w.toml:2:"));
}

TEST_CASE("keys that a model needs or has no use for are named") {
  CHECK(problems("[arrivals]\nload = 0.5\nrate = 3\n[service]\nmean = \"1ms\"\n[[members]]\n") ==
        "w.toml:2:8: arrivals.load and arrivals.rate say the same; leave one out");
  CHECK(problems("[arrivals]\nprocess = \"poisson\"\n[service]\nmean = \"1ms\"\n[[members]]\n") ==
        "w.toml:2:11: arrivals.load is missing; write it or arrivals.rate");
  CHECK(problems("[arrivals]\nload = 1\non = \"1s\"\n[service]\nmean = \"1ms\"\n[[members]]\n") ==
        "w.toml:3:6: arrivals.on means nothing with arrivals.process = \"poisson\"; leave it out");
  CHECK(problems("[service]\ndistribution = \"lognormal\"\nshape = 2\n[[members]]\n") ==
        "w.toml:2:16: service.mean is missing; it is needed with service.distribution = "
        "\"lognormal\"\n"
        "w.toml:3:9: service.shape means nothing with service.distribution = \"lognormal\"; leave "
        "it out\n"
        "w.toml:2:16: service.sigma is missing; it is needed with service.distribution = "
        "\"lognormal\"");
  CHECK(
      problems("[arrivals]\nload = 1\n[service]\ndistribution = \"pareto\"\nmean = \"2s\"\nshape = "
               "2\nmaximum = \"1s\"\n[[members]]\n") ==
      "w.toml:7:11: service.maximum must be above service.mean");
}

TEST_CASE("recorded times are read from files beside the workload") {
  temporary_folder folder;
  folder.write("arrivals", "# seconds\n10.0\n\n10.5\n11\n");
  folder.write("service", "0.25\n0.75\n");
  auto file = folder.write("w.toml", "[arrivals]\nprocess = \"recorded\"\nfile = \"arrivals\"\n"
                                     "[service]\ndistribution = \"recorded\"\nfile = \"service\"\n"
                                     "[[members]]\n");
  auto it = load_workload(file);
  REQUIRE_MESSAGE(it, (it ? "" : it.error().message));
  CHECK(it->arrivals.times == std::vector<double>{0, 5e5, 1e6});
  CHECK(it->arrivals.rate == doctest::Approx(2e-6));
  CHECK(it->requests == 3);
  CHECK(it->service.mean == 5e5);
  CHECK(second_moment(it->service) == doctest::Approx(0.3125e12));
}

TEST_CASE("recorded times that can't be used are named by their line") {
  temporary_folder folder;
  auto why = [&](const char* times) {
    folder.write("times", times);
    auto file = folder.write("w.toml", "[arrivals]\nprocess = \"recorded\"\nfile = \"times\"\n"
                                       "[service]\nmean = \"1ms\"\n[[members]]\n");
    auto it = load_workload(file);
    REQUIRE_FALSE(it);
    CHECK(it.error().message.starts_with(file.string() + ":3:8: arrivals.file "));
    return it.error().message;
  };
  auto times = (folder / "times").string();
  auto holds = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  CHECK(holds(why("1\n  x2\n"), times + ":2:3: 'x2' is no time"));
  CHECK(holds(why("1\n-1\n"), times + ":2:1: '-1' is no time"));
  CHECK(holds(why("1\nnan\n"), times + ":2:1: 'nan' is no time"));
  CHECK(holds(why("2\n1\n"), times + ":2:1: '1' is before the time above it"));
  CHECK(holds(why("\n"), times + ":1:1: has no times"));
  CHECK(holds(why("1\n1\n"), "has no two different times"));
}

TEST_CASE("a file that isn't there is named") {
  auto it = load_workload("/nowhere/w.toml");
  REQUIRE_FALSE(it);
  CHECK(it.error().message.find("/nowhere/w.toml") != std::string::npos);
}

TEST_CASE("distributions have the mean and the second moment that they say") {
  for (auto distribution : {service_distribution::exponential, service_distribution::pareto,
                            service_distribution::lognormal, service_distribution::constant}) {
    service_model model{distribution, 1'000, 2.5, 50'000, 0.7, {}};
    service_draw draw{model};
    atl::spi::random_source random{1};
    double sum = 0, squares = 0, least = 1;
    constexpr int draws = 400'000;
    for (int i = 0; i < draws; ++i) {
      auto time = draw(random);
      least = std::min(least, time);
      sum += time;
      squares += time * time;
    }
    CAPTURE(static_cast<int>(distribution));
    CHECK(least > 0);
    CHECK(sum / draws == doctest::Approx(1'000).epsilon(0.01));
    CHECK(squares / draws == doctest::Approx(second_moment(model)).epsilon(0.05));
  }
}

TEST_CASE("antagonists that would change almost without end are a mistake of the file") {
  auto with = [](const char* period, const char* stretch) {
    return parse_workload(std::string{"[arrivals]\nrate = 1\n[service]\nmean = \"1ms\"\n"
                                      "[[members]]\ncount = 2\nantagonist_period = "} +
                              period + "\nantagonist = " + stretch + "\n",
                          "w.toml");
  };
  auto it = with("\"1ms\"", "3.0"); // 200,000 s, in which each of two changes 200 million times
  REQUIRE_FALSE(it);
  CHECK(it.error().message.starts_with(
      "w.toml:7:21: members[0].antagonist_period makes antagonists change 4e+08 times"));
  CHECK(with("\"5ms\"", "3.0"));
  CHECK(with("\"1ms\"", "1.0")); // without an antagonist
}

TEST_CASE("the sample workloads can be read") {
  for (auto name :
       {"steady", "one-slow", "antagonists", "bursts", "zipf", "one-paused", "prequal"}) {
    auto it = load_workload(std::string{ATOLL_WORKLOADS} + "/" + name + ".toml");
    REQUIRE_MESSAGE(it, (it ? "" : it.error().message));
    CHECK(it->load() < 1);
  }
}
