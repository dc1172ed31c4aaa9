// Measures how long a new cluster of a master and three storage nodes takes from the start of its
// processes to the first file that it stores, and the memory that each process holds then. Compares
// that with another build, or with what the program alone takes.
//
//   bench_start [--rounds N] [--against FOLDER] [--json FILE]

#include "free_port.hpp"
#include "machine.hpp"
#include "running_cluster.hpp"
#include "table.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <spawn.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr std::chrono::seconds start_timeout{30};
constexpr std::chrono::seconds stop_timeout{20};
constexpr double mega = 1e6;

/// A figure's name, and its value in each round.
using samples = std::map<std::string, std::vector<double>>;

double median(std::vector<double> values) {
  auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

struct ended_program {
  int status = 0;
  double memory_mb = 0; ///< the most it was
};

/// Runs a program to its end, with its output in `log`.
ended_program run(std::vector<std::string> words, const fs::path& log) {
  std::vector<char*> arguments;
  for (auto& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  pid_t process = 0;
  auto failed = ::posix_spawn(&process, arguments[0], &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0)
    throw std::runtime_error("can't start " + words[0]);
  ended_program ended;
  rusage used{};
  ::wait4(process, &ended.status, 0, &used);
  ended.memory_mb = static_cast<double>(used.ru_maxrss) * 1024 / mega;
  return ended;
}

std::string content_of(const fs::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// A cluster like that of configs/quickstart, of the programs in a folder; stopped with the object.
class new_cluster {
 public:
  explicit new_cluster(fs::path programs) : programs_{std::move(programs)} {
    folder_.write("cluster.toml", fmt::format("[cluster]\nname = \"bench\"\n[[masters]]\nid = 1\n"
                                              "name = \"master-1\"\naddress = \"127.0.0.1:{}\"\n"
                                              "[consensus]\nplugin = \"two_phase_commit\"\n",
                                              free_port()));
    add_node("master-1", "master", {});
    for (int i = 1; i <= 3; ++i)
      add_node(fmt::format("storage-{}", i), "storage",
               fmt::format("bulk = \"127.0.0.1:{}\"\n", free_port()));
    folder_.write("4KiB", std::string(4096, 'x'));
  }
  ~new_cluster() {
    for (auto& [name, process] : processes_)
      ::kill(process, SIGTERM);
    for (auto& [name, process] : processes_) {
      static_cast<void>(atl::node::stop(process, stop_timeout));
      ::waitpid(process, nullptr, 0);
    }
  }

  void start() {
    for (auto& node : nodes_) {
      std::vector<std::string> more;
      if (node.name == "master-1")
        more.push_back("--found-group"); // otherwise it waits for nodes that know a group
      processes_[node.name] =
          must(atl::node::start(node, programs_ / "dfsd", more), "start").process;
    }
  }
  /// Stores a file of 4 KiB, as soon as the cluster does.
  void put() {
    auto give_up = clock::now() + start_timeout;
    auto said = folder_ / "put.log";
    while (run({(programs_ / "dfs").string(), "-c", (folder_ / "cluster.toml").string(), "put",
                (folder_ / "4KiB").string(), "/first"},
               said)
               .status != 0)
      if (clock::now() >= give_up)
        throw std::runtime_error("no file could be stored: " + content_of(said));
  }
  const std::map<std::string, pid_t>& processes() const { return processes_; }

 private:
  void add_node(const std::string& name, const std::string& role, const std::string& more) {
    auto file = folder_.write(name + ".toml",
                              fmt::format("include = \"cluster.toml\"\n[node]\nname = \"{0}\"\n"
                                          "roles = [\"{1}\"]\ndata = \"data/{0}\"\n{2}",
                                          name, role, more));
    nodes_.push_back(
        {name, file, folder_ / "run" / (name + ".log"), folder_ / "run" / (name + ".pid")});
  }

  const fs::path programs_;
  temporary_folder folder_;
  std::vector<atl::node::local_node> nodes_;
  std::map<std::string, pid_t> processes_;
};

void measure_start(const fs::path& programs, samples& all) {
  new_cluster cluster{programs};
  auto began = clock::now();
  cluster.start();
  cluster.put();
  all["start to first PUT of 4 KiB, 4 processes"].push_back(seconds_since(began) * 1e3);
  for (auto& [name, process] : cluster.processes())
    all["resident memory of " + name].push_back(
        static_cast<double>(machine::resident_bytes(process)) / mega);
}

/// What the program takes that only prints its version.
struct bare_program {
  std::vector<double> milliseconds;
  std::vector<double> megabytes;

  void measure(const fs::path& programs, const fs::path& scratch) {
    auto began = clock::now();
    auto ended = run({(programs / "dfsd").string(), "--version"}, scratch / "version");
    milliseconds.push_back(seconds_since(began) * 1e3);
    megabytes.push_back(ended.memory_mb);
  }
};

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Measures the start of a cluster, and the memory of its processes"};
  int rounds = 5;
  std::string against;
  std::string json;
  app.add_option("--rounds", rounds, "The figures are medians of so many starts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--against", against,
                 "A folder with dfsd and dfs of another build, measured in turn with this one")
      ->check(CLI::ExistingDirectory);
  app.add_option("--json", json, "Where the figures go, for programs");
  CLI11_PARSE(app, argc, argv);
  try {
    auto programs = atl::node::sibling_program("../bin");
    samples ours;
    samples theirs;
    bare_program bare;
    temporary_folder scratch;
    ::setenv("XDG_CACHE_HOME", scratch.path().c_str(), 1); // where dfs remembers the leader
    for (int round = 0; round < rounds; ++round) {
      measure_start(programs, ours);
      if (!against.empty())
        measure_start(against, theirs);
      else
        bare.measure(programs, scratch.path());
    }
    figures all;
    for (auto& [what, values] : ours) {
      auto is_time = what.starts_with("start");
      auto value = median(values);
      auto other = !against.empty() ? median(theirs.at(what))
                                    : median(is_time ? bare.milliseconds : bare.megabytes);
      auto baseline = against.empty() ? "dfsd --version" : "the other build";
      all.add(what, value, is_time ? "ms" : "MB", value / other,
              fmt::format("{} ({:.1f})", baseline, other));
    }
    if (!json.empty())
      std::ofstream{json} << all.json() << '\n';
  } catch (const std::exception& problem) {
    fmt::print(stderr, "bench_start: {}\n", problem.what());
    return 1;
  }
  return 0;
}
