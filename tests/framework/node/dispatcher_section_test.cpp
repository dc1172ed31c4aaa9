#include <atoll/core/watched_balancer.hpp>
#include <atoll/node/dispatcher_section.hpp>
#include <atoll/node/unite_keys.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

/// The table of a node's file that describes a dispatcher.
using namespace atl::node;
using namespace std::chrono_literals;

namespace {

const dispatcher_section section{"workers", "stripped"};

std::vector<atl::key_spec> schema() {
  return unite_keys({{{.key = "plugins.path", .is_list = true, .is_path = true}},
                     plugin_keys(section.plugin()),
                     dispatcher_keys(section)});
}

atl::result<atl::config> parse(const std::string& lines) {
  return atl::config::parse("[workers]\n" + lines, "/etc/reef/node.toml", schema());
}

struct reading {
  dispatcher_config read;
  std::string problem;
};
reading read(const std::string& lines) {
  auto config = parse(lines);
  if (!config)
    return {{}, config.error().message};
  config_errors problems{*config};
  auto read = read_dispatcher(*config, section, problems);
  auto fine = problems.finish();
  return {read, fine ? std::string{} : fine.error().message};
}

} // namespace

TEST_CASE("a dispatcher's table has a default for everything") {
  auto it = read("");
  CHECK(it.problem.empty());
  CHECK(it.read.deadline == 10s);
  CHECK_FALSE(it.read.repeatable);
  CHECK(it.read.options.busy_pause == atl::dispatch_options{}.busy_pause);
  CHECK(it.read.options.retries_max == 2);
  CHECK(it.read.options.hedge_after == 0us);
  CHECK(it.read.options.hedge_quantile == 0);
}

TEST_CASE("each key of a dispatcher's table says what it says") {
  auto it = read(R"(worker_requests = 3
queue = 4
queue_bytes = "5KiB"
overflow = "drop_oldest"
deadline = "6s"
repeatable = true
retries = 7
retry_budget = 0.5
attempt_timeout = "2s"
hedge_after = "8ms"
eject_after = 9
eject_for = "10m"
busy_pause = "14ms"
slow_start = "11s"
balancer_timeout = "13ms"
)");
  CHECK(it.problem.empty());
  auto& options = it.read.options;
  CHECK(options.worker_requests_max == 3);
  CHECK(options.queue.requests_max == 4);
  CHECK(options.queue.bytes_max == 5 << 10);
  CHECK(options.queue.overflow == atl::overflow_policy::drop_oldest);
  CHECK(it.read.deadline == 6s);
  CHECK(it.read.repeatable);
  CHECK(options.retries_max == 7);
  CHECK(options.budget.share == 0.5);
  CHECK(options.attempt_timeout == 2s);
  CHECK(options.hedge_after == 8ms);
  CHECK(options.outliers.failures == 9);
  CHECK(options.outliers.ejection == 10min);
  CHECK(options.outliers.ejection_max == 10min);
  CHECK(options.busy_pause == 14ms);
  CHECK(options.slow_start == 11s);
  CHECK(it.read.balancer_timeout == 13ms);
  CHECK(read("hedge_after = \"95%\"").read.options.hedge_quantile == doctest::Approx(0.95));
  CHECK(read("hedge_after = \"99.5%\"").read.options.hedge_quantile == doctest::Approx(0.995));
}

TEST_CASE("what is wrong in a dispatcher's table is named with its place") {
  CHECK(read("queue = 1\noverflow = \"drop\"").problem.starts_with("/etc/reef/node.toml:3:12: "));
  for (auto wrong : {"20", "0ms", "100%", "49%", "%", "95 %", "nan%", "inf%", "soon", ""})
    CHECK(read(fmt::format("queue = 1\nhedge_after = \"{}\"", wrong)).problem ==
          fmt::format("/etc/reef/node.toml:3:15: workers.hedge_after: '{}' is no time for a hedge; "
                      "expected a duration above 0 such as \"20ms\", a part of the requests from "
                      "\"50%\" to below \"100%\", or \"off\"",
                      wrong));
  CHECK(read("attempt_timeout = \"20s\"").problem ==
        "/etc/reef/node.toml:2:19: workers.attempt_timeout: 20s never comes before "
        "workers.deadline, which is 10s");
  CHECK(read("retries = 2\nretry = 3").problem.find("node.toml:3:1") != std::string::npos);
}

TEST_CASE("a dispatcher's balancer is the plugin that its table names") {
  auto config = parse("queue = 7").value();
  std::vector sections{section.plugin()};
  auto plugins =
      plugin_host::load(config, sections, {LOADER_TEST_PLUGINS}, [](const atl::guarded_step&) {});
  REQUIRE_MESSAGE(plugins.has_value(), plugins.error().message);
  auto made = make_dispatcher(config, section, *plugins, "jobs", 5);
  REQUIRE(made.has_value());
  CHECK(made->name == "jobs");
  CHECK(made->balancer_name == "stripped");
  CHECK(made->balancer != nullptr);
  CHECK(made->options.queue.requests_max == 7);
  CHECK(made->options.seed == 5);
  CHECK_FALSE(made->repeatable);
  CHECK(make_dispatcher(parse("repeatable = true").value(), section, *plugins, "jobs", 5)
            .value()
            .repeatable);
  auto is_watched = [&](const std::string& lines) {
    auto made = make_dispatcher(parse(lines).value(), section, *plugins, "jobs", 5);
    return dynamic_cast<atl::watched_balancer*>(made.value().balancer.get()) != nullptr;
  };
  CHECK(is_watched("balancer_timeout = \"1s\""));
  CHECK_FALSE(is_watched(""));
}
