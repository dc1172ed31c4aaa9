// What a recovery scheme costs: storing and reading a file, with all nodes and with some killed,
// and the space that it takes, in a cluster of processes on this machine for each scheme. Three
// copies are what the others are compared with, and all with the machine's disk and loopback.
//
//   bench_schemes [--mib N] [--json FILE]

#include "client/file_client.hpp"
#include "machine.hpp"
#include "running_cluster.hpp"
#include "table.hpp"
#include "temporary_folder.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <signal.h>
#include <span>
#include <string>
#include <thread>

namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr std::uint64_t mebi = 1ULL << 20;
constexpr double mega = 1e6;
constexpr int storages = 7;
constexpr std::chrono::milliseconds poll_interval{20};

struct arguments {
  std::uint64_t mib = 1024;
  std::string json;
};

struct tested_scheme {
  std::string name;
  std::string plugin;
  std::string options;
  int losses = 0; ///< that it survives
  std::string durability = "replicated";
};

const tested_scheme schemes[] = {
    {"replicate 3", "replicate", "copies = 3", 2},
    {"reed_solomon 2 + 1", "reed_solomon", "k = 2, m = 1", 1},
    {"reed_solomon 4 + 2", "reed_solomon", "k = 4, m = 2", 2},
    {"local_reconstruction 4 + 2 + 1", "local_reconstruction", "k = 4, groups = 2, globals = 1", 2},
    {"clay 4 + 2", "clay", "k = 4, m = 2", 2},
    {"replicate 3, fsync", "replicate", "copies = 3", 2, "fsync"},
    {"check_and_recover 3, fsync", "check_and_recover", "copies = 3", 2, "fsync"},
    {"retransmit", "retransmit", "", 0},
};

/// What the others are compared with, in bytes a second.
struct baselines {
  double disk = 0; ///< one file written and synced by `dd`
  double loopback = 0;
  double put = 0; ///< of three copies, as the next
  double get = 0;
};

dfs::byte_source bytes_of(std::uint64_t size) {
  return [left = size](std::span<char> into) mutable -> atl::result<std::size_t> {
    auto count = std::min<std::uint64_t>(left, into.size());
    std::fill_n(into.begin(), count, 'x');
    left -= count;
    return static_cast<std::size_t>(count);
  };
}

/// @returns bytes a second
double get(dfs::file_client& client, std::uint64_t bytes) {
  auto began = clock::now();
  must(client.get("/file", [](std::string_view) -> atl::status { return {}; }), "get");
  return static_cast<double>(bytes) / seconds_since(began);
}

std::uint64_t bytes_stored(const running_cluster& cluster) {
  std::uint64_t sum = 0;
  for (int i = 1; i <= storages; ++i)
    for (auto& file : fs::recursive_directory_iterator{cluster.folder() / "data" /
                                                       fmt::format("storage-{}", i) / "chunks"})
      if (file.is_regular_file())
        sum += file.file_size();
  return sum;
}

/// Until the masters have noticed that so many nodes are down.
void kill_node(const running_cluster& cluster, dfs::file_client& client, int number) {
  auto pid = atl::node::running(cluster.node(fmt::format("storage-{}", number)));
  if (!pid)
    throw std::runtime_error("a storage node has ended by itself");
  ::kill(*pid, SIGKILL);
  auto is_up = [](const dfs::protocol::storage_view& node) { return node.healthy; };
  while (std::ranges::count_if(must(client.masters().cluster_info(), "asking a master").storages,
                               is_up) > storages - number)
    std::this_thread::sleep_for(poll_interval);
}

void measure(const arguments& how, const tested_scheme& scheme, baselines& base, figures& all) {
  cluster_plan plan;
  plan.masters = 1;
  plan.storages = storages;
  plan.durability = scheme.durability;
  plan.more = fmt::format("dead_after = \"1h\"\n[recovery]\nplugin = \"{}\"\noptions = {{ {} }}\n",
                          scheme.plugin, scheme.options);
  running_cluster cluster{plan};
  auto client = must(dfs::file_client::connect(cluster.settings()), "connecting");
  auto bytes = how.mib * mebi;
  auto began = clock::now();
  must(client->put(bytes_of(bytes), "/file", {}), "put");
  auto put = static_cast<double>(bytes) / seconds_since(began);
  auto healthy = get(*client, bytes);
  if (base.put == 0) {
    base.put = put;
    base.get = healthy;
  }
  all.add(fmt::format("{}: PUT {} MiB", scheme.name, how.mib), put / mega, "MB/s", put / base.put,
          "replicate 3");
  all.add(fmt::format("{}: GET {} MiB", scheme.name, how.mib), healthy / mega, "MB/s",
          healthy / base.get, "replicate 3");
  all.add(scheme.name + ": PUT beside the disk", put / mega, "MB/s", put / base.disk, "dd");
  all.add(scheme.name + ": GET beside loopback", healthy / mega, "MB/s", healthy / base.loopback,
          "a socket");
  auto stored = static_cast<double>(bytes_stored(cluster));
  all.add(scheme.name + ": space", stored / mega, "MB", stored / static_cast<double>(bytes),
          "the file");
  for (int down = 1; down <= scheme.losses; ++down) {
    kill_node(cluster, *client, down);
    auto degraded = get(*client, bytes);
    all.add(fmt::format("{}: GET with {} of {} nodes killed", scheme.name, down, storages),
            degraded / mega, "MB/s", degraded / healthy, "with all");
  }
}

} // namespace

int main(int argc, char** argv) {
  arguments how;
  CLI::App app{"Measures what recovery schemes cost"};
  app.add_option("--mib", how.mib, "Size of the file")
      ->check(CLI::Range(1, 65'536))
      ->capture_default_str();
  app.add_option("--json", how.json, "Where the figures go, for programs");
  CLI11_PARSE(app, argc, argv);
  try {
    figures all;
    temporary_folder scratch;
    baselines base;
    base.disk = machine::dd_bytes_per_second(scratch.path(), how.mib * mebi, 1);
    all.add("dd conv=fdatasync", base.disk / mega, "MB/s");
    base.loopback = machine::loopback_bytes_per_second(how.mib * mebi);
    all.add("loopback socket copy", base.loopback / mega, "MB/s");
    for (auto& scheme : schemes)
      measure(how, scheme, base, all);
    if (!how.json.empty())
      std::ofstream{how.json} << all.json() << '\n';
  } catch (const std::exception& problem) {
    fmt::print(stderr, "bench_schemes: {}\n", problem.what());
    return 1;
  }
  return 0;
}
