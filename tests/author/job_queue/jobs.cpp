#include "../runners/run_command.hpp"
#include "job_queue.hpp"

#include <atoll/core/state/answer.hpp>
#include <atoll/node/group_commands.hpp>
#include <atoll/node/launcher_commands.hpp>
#include <atoll/node/node_command.hpp>
#include <atoll/node/service_connection.hpp>

#include <CLI/CLI.hpp>

#include <iostream>

namespace {

using atl::runtime::service_client;

/// Calls the service of a cluster's file, and prints the answer.
atl::status call(const std::string& file,
                 const std::function<atl::result<std::string>(service_client&)>& what) {
  auto to = read_service_address(file, jobs::queue);
  if (!to)
    return tl::unexpected{to.error()};
  atl::node::service_connection queue{*to};
  auto answer = what(*queue);
  auto text = answer ? atl::decode_answer(*answer) : answer;
  if (!text)
    return tl::unexpected{text.error()};
  std::cout << *text << '\n';
  return {};
}

} // namespace

/// The program of a person or a worker.
int main(int argc, char** argv) {
  CLI::App app{"jobs adds jobs to a queue, and works on them", "jobs"};
  app.require_subcommand(1);
  std::string file = "cluster.toml";
  std::string words;
  std::string id;
  app.add_option("-c,--cluster", file, "The cluster's file, or its folder")
      ->envname("JOBS_CLUSTER");
  std::function<atl::status()> chosen;
  auto choose = [&](std::function<atl::status()> what) { chosen = std::move(what); };
  atl::node::add_launch_commands(
      app, [] { return launch_settings_of(jobs::queue, "jobs", "jobsd"); }, choose);
  auto address = [&] { return read_service_address(file, jobs::queue); };
  atl::node::add_group_commands(*app.add_subcommand("member", "The members of the queue"),
                                jobs::queue, address, choose);
  atl::node::add_node_command(app, address, choose);
  atl::node::add_metrics_command(app, address, choose);
  auto run = [&](jobs::command command, std::string body) {
    choose([=, &file] { return call(file, [=](auto& it) { return it.run(command, body); }); });
  };
  auto* add = app.add_subcommand("add", "Add a job; prints its id");
  add->add_option("TEXT", words)->required();
  add->callback([&] { run(jobs::add, words); });
  auto* lease = app.add_subcommand("lease", "Take a job for some seconds; prints ID LEASE TEXT");
  lease->add_option("SECONDS", words)->required();
  lease->callback([&] { run(jobs::lease, words); });
  auto* finish = app.add_subcommand("done", "Say that a leased job is done");
  finish->add_option("ID", id)->required();
  finish->add_option("LEASE", words)->required();
  finish->callback([&] { run(jobs::finish, id + " " + words); });
  auto* count = app.add_subcommand("count", "Print how many jobs wait, are leased, and are done");
  count->callback([&] {
    choose([&] { return call(file, [](auto& queue) { return queue.query("count"); }); });
  });
  auto* run_now = app.add_subcommand("run", "Have some runner run a text, by the front of a node");
  run_now->add_option("NODE", id)->required();
  run_now->add_option("TEXT", words)->required();
  run_now->callback([&] { choose([&] { return jobs::run_text(file, id, words); }); });
  CLI11_PARSE(app, argc, argv);
  auto outcome = chosen();
  if (!outcome)
    std::cerr << "jobs: " << outcome.error().message << '\n';
  return outcome ? 0 : 1;
}
