#include "author/digger/digger.hpp"
#include "free_port.hpp"
#include "node/running_node.hpp"
#include "temporary_folder.hpp"

#include <atoll/runtime/node_client.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>
#include <set>
#include <sstream>
#include <string>

/// The role with a dispatcher that docs/WRITING_A_SERVICE.md prints.
using namespace atl::node;

namespace {

struct digging_node {
  application program;
  temporary_folder folder;
  atl::endpoint where{"127.0.0.1", free_port()};

  digging_node() {
    program.name = "digging";
    program.program = "diggerd";
    program.roles = {std::make_shared<digging::digger>()};
    program.plugins = {digging::workers.plugin()};
  }

  std::unique_ptr<running_node> start(const std::string& more) {
    auto text = fmt::format("[node]\nname = \"a\"\nroles = [\"digger\"]\ndata = \"{}\"\nlisten = "
                            "\"{}\"\n[cluster]\nname = \"reef\"\n{}",
                            (folder / "data").string(), to_string(where), more);
    auto config = atl::config::parse(text, folder / "a.toml", schema_of(program)).value();
    config_errors problems{config};
    auto cluster = read_cluster_config(config, problems);
    auto self = read_node_config(config, problems);
    REQUIRE(problems.finish().has_value());
    auto plugins = plugin_host::load(config, program.plugins, {BUILT_PLUGINS},
                                     [](const atl::guarded_step&) {});
    REQUIRE_MESSAGE(plugins.has_value(), plugins.error().message);
    auto failed = [](std::string_view, const atl::error& problem) { FAIL(problem.message); };
    return running_node::start({{config, cluster, self}, *plugins, {}, 1024, failed}, program)
        .value();
  }
};

} // namespace

TEST_CASE("a role with a dispatcher answers by its workers, and tells how they are") {
  digging_node it;
  auto node = it.start("[workers]\nbalancer = \"round_robin\"\nqueue = 5\n");
  atl::runtime::system actors{1, {"reef", "a test", {}, {}}};
  atl::runtime::node_info self;
  self.cluster = "reef";
  self.name = "a test";
  atl::runtime::node_client client{actors, {self}};
  std::set<std::string> answers;
  for (int i = 0; i < 4; ++i)
    answers.insert(
        client.ask(it.where, "digger", atl::runtime::message_kind::application, "gold").value());
  CHECK(answers == std::set<std::string>{"worker 1 dug gold", "worker 2 dug gold",
                                         "worker 3 dug gold", "worker 4 dug gold"});
  auto text = client.status(it.where).value().roles.at(0).text;
  CHECK_MESSAGE(text.starts_with("digger (round_robin): "), text);
}

TEST_CASE("the table of workers that the guide prints says what a role's check takes") {
  std::ifstream file{DIGGER_FOLDER "/workers.toml"};
  std::stringstream text;
  text << file.rdbuf();
  digging::digger role;
  auto keys = role.keys();
  for (auto& key : plugin_keys(digging::workers.plugin()))
    keys.push_back(key);
  auto config = atl::config::parse(text.str(), "workers.toml", keys);
  REQUIRE_MESSAGE(config.has_value(), config.error().message);
  CHECK(config->text("workers.overflow") == "drop_oldest");
  CHECK(role.check(*config).has_value());
}
