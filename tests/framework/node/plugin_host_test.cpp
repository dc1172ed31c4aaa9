#include "temporary_folder.hpp"

#include <atoll/node/plugin_host.hpp>
#include <atoll/node/unite_keys.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

/// The plugins that a configuration selects, and the errors of plugins that fail.
using namespace atl::node;

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

const std::vector<plugin_section>& sections() {
  using atl::spi::plugin_kind;
  static const std::vector<plugin_section> all{
      {"consensus.plugin", plugin_kind::consensus, "", ""},
      {"placement.balancer", plugin_kind::balancer, "", ""},
      {"reads.balancer", plugin_kind::balancer, "", ""},
      {"recovery.plugin", plugin_kind::recovery, "", ""}};
  return all;
}

std::vector<atl::key_spec> schema() {
  std::vector<std::vector<atl::key_spec>> lists{
      {{.key = "cluster.name"}, {.key = "plugins.path", .is_list = true, .is_path = true}}};
  for (auto& section : sections())
    lists.push_back(plugin_keys(section));
  return unite_keys(lists);
}

struct attempt {
  std::string problem;            ///< empty: none
  std::vector<std::string> steps; ///< subject and activity of each step
};

attempt load_and_try(const choice& it) {
  attempt made;
  auto config = atl::config::parse(text_of(it), "/etc/reef/node.toml", schema()).value();
  auto announce = [&](const atl::guarded_step& step) {
    made.steps.push_back(step.subject + ": " + step.activity);
  };
  auto plugins = plugin_host::load(config, sections(), config.paths("plugins.path"), announce);
  if (!plugins) {
    made.problem = plugins.error().message;
    return made;
  }
  if (auto tried = plugins->try_each(announce); !tried)
    made.problem += tried.error().message;
  if (auto tried = try_consensus(plugins->at("consensus.plugin"), {7}, announce); !tried)
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
        "/etc/reef/node.toml:6:10: consensus.plugin: " + file_of("silent") + ": loading");
  CHECK(made.steps[3] ==
        "/etc/reef/node.toml:12:10: recovery.plugin: " + file_of("whole") + ": loading");
  CHECK(made.steps[7] == "/etc/reef/node.toml:6:10: consensus.plugin: " + file_of("silent") +
                             ": creating an instance");
}

TEST_CASE("all failing factories are reported at once, each with its place in the file") {
  auto made = load_and_try({.placement = "throws", .reads = "nothing"});
  CHECK(made.problem ==
        fmt::format("/etc/reef/node.toml:8:12: placement.balancer: balancer plugin 'throws' ({}) "
                    "refused its set-up: index and seed contradict each other\n"
                    "/etc/reef/node.toml:10:12: reads.balancer: balancer plugin 'nothing' ({}) "
                    "created nothing",
                    file_of("throws"), file_of("nothing")));
}

TEST_CASE("a scheme that throws from its layout is named before a node starts with it") {
  auto made = load_and_try({.recovery = "shapeless"});
  CHECK(made.problem ==
        fmt::format("/etc/reef/node.toml:12:10: recovery.plugin: recovery plugin 'shapeless' ({}) "
                    "threw from its layout: no shape",
                    file_of("shapeless")));
}

TEST_CASE("a plugin that can't be found is reported with its place in the file") {
  auto made = load_and_try({.reads = "stipped"});
  CHECK(made.problem.starts_with("/etc/reef/node.toml:10:12: reads.balancer: there is no balancer "
                                 "plugin 'stipped'"));
}

TEST_CASE("the inventory names each plugin, its interface, and the bytes of its library") {
  auto config = atl::config::parse(text_of({}), "/etc/reef/node.toml", schema()).value();
  auto plugins = plugin_host::load(config, sections(), config.paths("plugins.path"),
                                   [](const atl::guarded_step&) {});
  REQUIRE(plugins.has_value());
  auto inventory = plugins->inventory();
  REQUIRE(inventory.size() == 4);
  CHECK(inventory[0].kind == "consensus");
  CHECK(inventory[0].name == "silent");
  CHECK(inventory[1].interface == "2.0");
  temporary_folder folder;
  auto sum = folder / "sum";
  REQUIRE(std::system(fmt::format("sha256sum {} > {}", file_of("whole"), sum.string()).c_str()) ==
          0);
  std::string expected;
  std::ifstream{sum} >> expected;
  CHECK(inventory[3].sha256 == expected);
}
