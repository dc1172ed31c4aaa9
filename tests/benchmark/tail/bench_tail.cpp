#include "dispatcher_front.hpp"
#include "free_port.hpp"
#include "haproxy.hpp"
#include "open_load.hpp"
#include "running_program.hpp"
#include "tail_report.hpp"
#include "temporary_folder.hpp"
#include "work_server.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

/// The tail of latency beside HAProxy: three HTTP servers of this machine, and in front of them
/// HAProxy or a dispatcher, in turn. Servers and proxies are processes of their own, new for each
/// measurement.
namespace {

constexpr std::size_t servers_count = 3;
/// All rows of a scenario are measured in turn, and that several times.
constexpr std::size_t rounds = 3;

struct benchmark_options {
  double seconds = 4;
  double per_second = 800;
  std::uint64_t seed = 1;
  bool is_constant = false;
  std::vector<std::string> balancers{"round_robin", "least_loaded", "power_of_two", "peak_ewma",
                                     "c3"};
  std::vector<std::string> scenarios;
  std::string json;
};

struct scenario {
  std::string name;
  std::string title;
  double slowness = 1;    ///< of the first server
  bool is_paused = false; ///< the first server, in the second and third quarter of the time
};

const std::vector<scenario> all_scenarios{
    {"equal", "all servers are equal", 1, false},
    {"slow", "one server is ten times slower", 10, false},
    {"paused", "one server is paused for half of the time", 1, true},
};

struct candidate {
  bool is_ours = false;
  std::string balancer;
  protection against_stalls = protection::none;

  std::string title() const {
    std::string text = (is_ours ? "dispatcher " : "HAProxy ") + balancer;
    if (against_stalls == protection::retries)
      text += ", retries";
    if (against_stalls == protection::hedges)
      text += ", retries, hedges";
    return text;
  }
};

std::vector<candidate> candidates(const benchmark_options& options) {
  std::vector<candidate> list;
  if (haproxy::available())
    for (auto against_stalls : {protection::none, protection::retries})
      for (auto* balance : {"roundrobin", "leastconn", "random(2)"})
        list.push_back({false, balance, against_stalls});
  for (auto against_stalls : {protection::none, protection::retries, protection::hedges})
    for (auto& balancer : options.balancers)
      list.push_back({true, balancer, against_stalls});
  return list;
}

/// The servers and the proxy of one measurement.
class processes {
 public:
  processes(const benchmark_options& options, const scenario& what, const candidate& who) {
    for (std::size_t i = 0; i < servers_count; ++i)
      start_server(options, i, i == 0 ? what.slowness : 1);
    auto log = folder_.path() / "proxy.log";
    if (who.is_ours) {
      std::vector<std::string> words{self, "front", std::to_string(port_), who.balancer,
                                     std::to_string(static_cast<int>(who.against_stalls))};
      for (auto port : server_ports_)
        words.push_back(std::to_string(port));
      programs_.emplace_back(std::move(words), log);
    } else {
      auto file =
          folder_.write("haproxy.cfg", haproxy::configuration(port_, server_ports_, who.balancer,
                                                              who.against_stalls));
      programs_.emplace_back(std::vector<std::string>{"haproxy", "-db", "-f", file.string()}, log);
    }
    programs_.back().wait_for_port(port_);
  }

  std::uint16_t port() const { return port_; }
  const running_program& first_server() const { return programs_.front(); }

 private:
  static constexpr auto self = "/proc/self/exe";

  void start_server(const benchmark_options& options, std::size_t index, double slowness) {
    server_ports_.push_back(free_port());
    programs_.emplace_back(
        std::vector<std::string>{self, "server", std::to_string(server_ports_.back()),
                                 std::to_string(5 * slowness), options.is_constant ? "1" : "0",
                                 std::to_string(options.seed + index)},
        folder_.path() / fmt::format("server-{}.log", index));
    programs_.back().wait_for_port(server_ports_.back());
  }

  temporary_folder folder_;
  std::uint16_t port_ = free_port();
  std::vector<std::uint16_t> server_ports_;
  std::vector<running_program> programs_;
};

load_outcome measure(const benchmark_options& options, const scenario& what, const candidate& who,
                     std::size_t round) {
  processes running{options, what, who};
  load_plan plan;
  plan.per_second = options.per_second;
  plan.measured =
      std::chrono::microseconds{static_cast<std::int64_t>(options.seconds * 1e6 / rounds)};
  plan.seed = options.seed + round;
  std::vector<timed_action> actions;
  if (what.is_paused) {
    actions.push_back({plan.measured / 4, [&] { running.first_server().pause(); }});
    actions.push_back({plan.measured * 3 / 4, [&] { running.first_server().resume(); }});
  }
  return run_open_load(running.port(), plan, actions);
}

nlohmann::json run_scenario(const benchmark_options& options, const scenario& what) {
  auto who = candidates(options);
  std::vector<std::vector<load_outcome>> runs(who.size());
  for (std::size_t round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < who.size(); ++i)
      runs[i].push_back(measure(options, what, who[i], round));
  std::vector<tail_row> rows;
  for (std::size_t i = 0; i < who.size(); ++i)
    rows.push_back(make_row(who[i].title(), who[i].is_ours,
                            who[i].against_stalls == protection::hedges, runs[i]));
  return report_scenario(what.title, rows);
}

void run_benchmark(const benchmark_options& options) {
  fmt::print(
      "{} requests/s for {} s in {} rounds (Poisson, seed {}) to {} servers that take {} 5 ms\n",
      options.per_second, options.seconds, rounds, options.seed, servers_count,
      options.is_constant ? "exactly" : "on average");
  auto haproxy_version = haproxy::available() ? haproxy::version() : std::string{};
  fmt::print("{}\n", haproxy_version.empty() ? "haproxy is not installed: the dispatcher alone"
                                             : haproxy_version);
  nlohmann::json all{{"haproxy", haproxy_version}, {"scenarios", nlohmann::json::array()}};
  for (auto& what : all_scenarios)
    if (options.scenarios.empty() || std::ranges::count(options.scenarios, what.name) > 0)
      all["scenarios"].push_back(run_scenario(options, what));
  if (!options.json.empty())
    std::ofstream{options.json} << all.dump(2) << '\n';
}

/// What this program does as one of its own processes.
void run_as_part(const std::vector<std::string>& words) {
  auto number = [&](std::size_t at) { return std::stoul(words.at(at)); };
  auto port = [&](std::size_t at) { return static_cast<std::uint16_t>(number(at)); };
  if (words.at(1) == "server") {
    work_settings settings;
    settings.port = port(2);
    settings.mean_ms = std::stod(words.at(3));
    settings.is_constant = words.at(4) == "1";
    settings.seed = number(5);
    return run_work_server(settings);
  }
  front_settings settings;
  settings.port = port(2);
  settings.balancer = words.at(3);
  settings.against_stalls = static_cast<protection>(number(4));
  for (std::size_t i = 5; i < words.size(); ++i)
    settings.servers.push_back(port(i));
  run_dispatcher_front(settings);
}

} // namespace

int main(int argc, char** argv) try {
  if (argc > 1 && (std::string{argv[1]} == "server" || std::string{argv[1]} == "front")) {
    run_as_part({argv, argv + argc});
    return 0;
  }
  benchmark_options options;
  std::vector<std::string> names;
  for (auto& it : all_scenarios)
    names.push_back(it.name);
  CLI::App app{"Measures the tail of latency of a dispatcher, and of HAProxy beside it"};
  app.add_option("--seconds", options.seconds, "For each row")->check(CLI::Range(1.0, 600.0));
  app.add_option("--rate", options.per_second, "Requests a second")->check(CLI::Range(1.0, 2000.0));
  app.add_option("--seed", options.seed, "Of arrivals and of the times that requests take");
  app.add_flag("--constant", options.is_constant,
               "Requests take exactly 5 ms; otherwise 5 ms on average, exponentially distributed");
  app.add_option("--balancers", options.balancers, "Plugins that pick for the dispatcher");
  app.add_option("--scenario", options.scenarios, "Only these")->check(CLI::IsMember(names));
  app.add_option("--json", options.json, "Where the figures go, for programs");
  CLI11_PARSE(app, argc, argv);
  run_benchmark(options);
  return 0;
} catch (const std::exception& problem) {
  fmt::print(stderr, "{}\n", problem.what());
  return 1;
}
