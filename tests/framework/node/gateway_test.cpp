#include "author/gateway/gateway.hpp"
#include "free_port.hpp"
#include "node/running_node.hpp"
#include "temporary_folder.hpp"

#include <atoll/node/replicated_service.hpp>
#include <atoll/runtime/node_client.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

/// The gateway that docs/WRITING_A_SERVICE.md prints, in front of the job queue of that guide.
using namespace atl::node;

TEST_CASE("a gateway passes on what it is sent to a replicated service, and answers by it") {
  temporary_folder folder;
  atl::endpoint where{"127.0.0.1", free_port()};
  application program;
  program.name = "jobs";
  program.program = "jobsd";
  program.plugins = jobs::queue.plugins;
  program.roles = {std::make_shared<service_role<jobs::job_queue>>(jobs::queue),
                   std::make_shared<jobs::gateway>()};
  auto text = fmt::format("members = [{{ id = 1, name = \"a\", address = \"{}\" }}]\n[node]\nname "
                          "= \"a\"\nroles = [\"jobs\", \"gateway\"]\ndata = \"{}\"\n[cluster]\n"
                          "name = \"reef\"\n[consensus]\nplugin = \"raft\"\n",
                          to_string(where), (folder / "data").string());
  auto config = atl::config::parse(text, folder / "a.toml", schema_of(program));
  REQUIRE_MESSAGE(config.has_value(), config.error().message);
  config_errors problems{*config};
  auto cluster = read_cluster_config(*config, problems);
  auto self = read_node_config(*config, problems);
  REQUIRE(problems.finish().has_value());
  for (auto& role : program.roles)
    REQUIRE(role->check(*config).has_value());
  auto plugins =
      plugin_host::load(*config, program.plugins, {BUILT_PLUGINS}, [](const atl::guarded_step&) {});
  REQUIRE_MESSAGE(plugins.has_value(), plugins.error().message);
  auto failed = [](std::string_view, const atl::error& problem) { FAIL(problem.message); };
  start_orders orders;
  orders.found_group = true;
  auto node =
      running_node::start({{*config, cluster, self}, *plugins, orders, 1024, failed}, program);
  REQUIRE_MESSAGE(node.has_value(), node.error().message);

  atl::runtime::system actors{1, {"reef", "a test", {}, {}}};
  atl::runtime::node_info caller;
  caller.cluster = "reef";
  caller.name = "a test";
  atl::runtime::node_client client{actors, {caller}};
  auto send = [&](const std::string& job) {
    return client.ask(where, "gateway", atl::runtime::message_kind::application, job);
  };
  auto first = send("paint the fence"); // waits until the group is founded
  REQUIRE_MESSAGE(first.has_value(), first.error().message);
  auto second = send("mow the lawn");
  REQUIRE(second.has_value());
  CHECK(std::stoul(*second) > std::stoul(*first));

  atl::runtime::group_client::settings group;
  group.self = caller;
  group.role = jobs::queue.name;
  group.members = {{"a", where}};
  atl::runtime::service_client queue{actors, group};
  CHECK(atl::decode_answer(*queue.query("count")) == "2 0 0");
}
