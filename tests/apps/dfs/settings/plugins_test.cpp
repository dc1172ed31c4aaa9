#include "settings/plugins.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

/// The plugins that a configuration selects, and the errors of plugins that fail.
using namespace dfs;

namespace {

struct choice {
  std::string consensus = "silent";
  std::string placement = "stripped";
  std::string reads = "stripped";
  std::string recovery = "whole";
};

std::string text_of(const choice& it) {
  return fmt::format(R"([cluster]
name = "reef"
[[masters]]
id = 7
name = "n"
address = "127.0.0.1:9001"
[plugins]
path = ["{}"]
[consensus]
plugin = "{}"
[placement]
balancer = "{}"
[reads]
balancer = "{}"
[recovery]
plugin = "{}"
)",
                     LOADER_TEST_PLUGINS, it.consensus, it.placement, it.reads, it.recovery);
}

struct attempt {
  std::string problem;            ///< empty: none
  std::vector<std::string> steps; ///< subject and activity of each step
};

attempt load_and_try(const choice& it) {
  attempt made;
  auto config = atl::config::parse(text_of(it), "/etc/dfs/node.toml", cluster_schema()).value();
  auto cluster = read_cluster(config).value();
  auto announce = [&](const atl::guarded_step& step) {
    made.steps.push_back(step.subject + ": " + step.activity);
  };
  auto plugins = load_plugins(config, cluster, announce);
  if (!plugins) {
    made.problem = plugins.error().message;
    return made;
  }
  if (auto tried = try_plugins(*plugins, announce); !tried)
    made.problem += tried.error().message;
  if (auto tried = try_consensus(*plugins, cluster, announce); !tried)
    made.problem += tried.error().message;
  return made;
}

std::string file_of(const std::string& plugin) {
  return fmt::format("{}/{}.so", LOADER_TEST_PLUGINS, plugin);
}

} // namespace

TEST_CASE("each plugin is announced before it is loaded, and before an instance is created") {
  auto made = load_and_try({});
  CHECK(made.problem == "");
  REQUIRE(made.steps.size() == 8);
  CHECK(made.steps[0] ==
        "/etc/dfs/node.toml:10:10: consensus.plugin: " + file_of("silent") + ": loading");
  CHECK(made.steps[3] ==
        "/etc/dfs/node.toml:16:10: recovery.plugin: " + file_of("whole") + ": loading");
  CHECK(made.steps[7] == "/etc/dfs/node.toml:10:10: consensus.plugin: " + file_of("silent") +
                             ": creating an instance");
}

TEST_CASE("all failing factories are reported at once, each with its place in the file") {
  auto made = load_and_try({.placement = "throws", .reads = "nothing"});
  CHECK(made.problem ==
        fmt::format("/etc/dfs/node.toml:12:12: placement.balancer: balancer plugin 'throws' ({}) "
                    "refused its set-up: index and seed contradict each other\n"
                    "/etc/dfs/node.toml:14:12: reads.balancer: balancer plugin 'nothing' ({}) "
                    "created nothing",
                    file_of("throws"), file_of("nothing")));
}

TEST_CASE("a scheme that throws from its layout is named before a node starts with it") {
  auto made = load_and_try({.recovery = "shapeless"});
  CHECK(made.problem ==
        fmt::format("/etc/dfs/node.toml:16:10: recovery.plugin: recovery plugin 'shapeless' ({}) "
                    "threw from its layout: no shape",
                    file_of("shapeless")));
}

TEST_CASE("a plugin that can't be found is reported with its place in the file") {
  auto made = load_and_try({.reads = "stipped"});
  CHECK(made.problem.starts_with("/etc/dfs/node.toml:14:12: reads.balancer: there is no balancer "
                                 "plugin 'stipped'"));
}
