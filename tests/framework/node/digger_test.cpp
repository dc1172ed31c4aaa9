#include "author/digger/digger.hpp"
#include "free_port.hpp"
#include "node/metrics_json.hpp"
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

struct asking {
  atl::runtime::system actors{1, {"reef", "a test", {}, {}}};
  atl::runtime::node_client client{actors, {self()}};

  static atl::runtime::node_info self() {
    atl::runtime::node_info self;
    self.cluster = "reef";
    self.name = "a test";
    return self;
  }
  atl::result<std::string> ask(const atl::endpoint& where) {
    return client.ask(where, "digger", atl::runtime::message_kind::application, "gold");
  }
};

} // namespace

TEST_CASE("a role with a dispatcher answers by its workers, and tells how they are") {
  digging_node it;
  auto node = it.start("[workers]\nbalancer = \"round_robin\"\nqueue = 5\n");
  asking from;
  std::set<std::string> answers;
  for (int i = 0; i < 4; ++i)
    answers.insert(from.ask(it.where).value());
  CHECK(answers == std::set<std::string>{"worker 1 dug gold", "worker 2 dug gold",
                                         "worker 3 dug gold", "worker 4 dug gold"});
  auto text = from.client.status(it.where).value().roles.at(0).text;
  CHECK_MESSAGE(text.starts_with("digger (round_robin): "), text);
}

TEST_CASE("a node tells what its dispatchers measure, as JSON and for Prometheus") {
  digging_node it;
  auto node = it.start("[workers]\nbalancer = \"round_robin\"\n");
  asking from;
  for (int i = 0; i < 8; ++i)
    REQUIRE(from.ask(it.where).has_value());
  nlohmann::json shown;
  do // the numbers are at most a tenth of a second old
    shown = dispatchers_as_json(from.client.metrics(it.where).value());
  while (shown.at(0)["answered"] != 8);
  REQUIRE(shown.size() == 1);
  auto& digger = shown[0];
  CHECK(digger["role"] == "digger");
  CHECK(digger["name"] == "digger");
  CHECK(digger["balancer"] == "round_robin");
  CHECK(digger["workers"] == 4);
  CHECK(digger["workers_available"] == 4);
  CHECK(digger["attempts"] == 8);
  CHECK(digger["retries"] == 0);
  CHECK(digger["plugin_errors"] == 0);
  CHECK(digger["latency_seconds"]["count"] == 8);
  CHECK(digger["latency_seconds"]["sum"] > 0);
  CHECK(digger["latency_seconds"]["0.99"] == 0); // of a hundred and more it is known
  REQUIRE(digger["worker_list"].size() == 4);
  CHECK(digger["worker_list"][3]["name"] == "worker 4");
  CHECK(digger["worker_list"][3]["id"] == "4");
  CHECK(digger["worker_list"][3]["available"] == 1);
  CHECK(digger["worker_list"][3]["ejected"] == 0);
  CHECK(digger["worker_list"][3]["in_flight"] == 0);
  CHECK(digger["worker_list"][3]["latency_seconds"] > 0);

  auto text = to_prometheus_text(from.client.metrics(it.where).value());
  for (auto line : {"atoll_role_serving{role=\"digger\"} 1\n",
                    "# TYPE atoll_dispatcher_answered_total counter\n",
                    "atoll_dispatcher_answered_total{role=\"digger\",dispatcher=\"digger\"} 8\n",
                    "atoll_dispatcher_worker_available{role=\"digger\",dispatcher=\"digger\","
                    "worker=\"worker 1\",worker_id=\"1\"} 1\n"})
    CHECK_MESSAGE(text.find(line) != std::string::npos, text);
  auto all = metrics_as_json(from.client.metrics(it.where).value());
  CHECK(all[0]["name"] == "atoll_node_info");
  CHECK(all[0]["samples"][0]["labels"]["node"] == "a");
  CHECK(all[0]["samples"][0]["value"] == 1);

  // A role that is down is asked no more.
  node->take_down("digger", {atl::errc::internal, "a mistake"});
  auto left = from.client.metrics(it.where).value();
  CHECK(left.find("atoll_dispatcher_workers") == nullptr);
  CHECK(left.find("atoll_role_serving")->samples.at(0).value == 0);
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
