// How long files take to be read and stored while a storage node says nothing: clusters of
// processes on this machine, of which one is stopped, in turn. Each chunk has three copies.
//
//   bench_frozen [--files N] [--json FILE]

#include "client/file_client.hpp"
#include "running_cluster.hpp"
#include "table.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <signal.h>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds poll_interval{20};

struct arguments {
  int files = 20;
  std::string json;
};

dfs::byte_source bytes_of(std::size_t size) {
  return [left = size](std::span<char> into) mutable -> atl::result<std::size_t> {
    auto count = std::min(left, into.size());
    std::fill_n(into.begin(), count, 'x');
    left -= count;
    return count;
  };
}

double worst(const std::vector<double>& times) {
  return *std::ranges::max_element(times);
}

/// Until the masters call every storage node healthy again.
void wait_until_all_are_up(dfs::file_client& client) {
  auto is_up = [](const dfs::protocol::storage_view& node) { return node.healthy; };
  while (!std::ranges::all_of(must(client.masters().cluster_info(), "asking a master").storages,
                              is_up))
    std::this_thread::sleep_for(poll_interval);
}

/// Stores and reads files of one size while each node is stopped in turn.
void measure(const arguments& how, int nodes, std::size_t size, figures& all) {
  cluster_plan plan;
  plan.storages = nodes;
  running_cluster cluster{plan};
  auto client = must(dfs::file_client::connect(cluster.settings()), "connecting");
  for (int i = 0; i < how.files; ++i)
    must(client->put(bytes_of(size), fmt::format("/before-{}", i), {}), "put");
  std::vector<double> gets, puts;
  for (int node = 1; node <= nodes; ++node) {
    auto process = atl::node::running(cluster.node(fmt::format("storage-{}", node)));
    if (!process)
      throw std::runtime_error("a storage node doesn't run");
    ::kill(*process, SIGSTOP);
    for (int i = 0; i < how.files; ++i) {
      auto began = clock::now();
      must(client->get(fmt::format("/before-{}", i),
                       [](std::string_view) -> atl::status { return {}; }),
           "get");
      gets.push_back(seconds_since(began) * 1e3);
      began = clock::now();
      must(client->put(bytes_of(size), fmt::format("/during-{}-{}", node, i), {}), "put");
      puts.push_back(seconds_since(began) * 1e3);
    }
    ::kill(*process, SIGCONT);
    wait_until_all_are_up(*client);
  }
  auto what = fmt::format("{} KiB, one of {} storage nodes stopped", size >> 10, nodes);
  all.add(what + ": worst GET", worst(gets), "ms");
  all.add(what + ": worst PUT", worst(puts), "ms");
}

} // namespace

int main(int argc, char** argv) {
  arguments how;
  CLI::App app{"Measures how long files take while a storage node says nothing"};
  app.add_option("--files", how.files, "Read and stored while each node is stopped")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--json", how.json, "Where the figures go, for programs");
  CLI11_PARSE(app, argc, argv);
  try {
    figures all;
    for (int nodes : {3, 4})
      for (std::size_t size : {64 << 10, 20 << 20})
        measure(how, nodes, size, all);
    if (!how.json.empty())
      std::ofstream{how.json} << all.json() << '\n';
  } catch (const std::exception& problem) {
    fmt::print(stderr, "bench_frozen: {}\n", problem.what());
    return 1;
  }
  return 0;
}
