// Measures a real cluster of processes on this machine, and the machine itself in the same run.
//
//   bench_cluster [--seconds N] [--json FILE]

#include "client/file_client.hpp"
#include "machine.hpp"
#include "running_cluster.hpp"
#include "table.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr std::uint64_t mebi = 1ULL << 20;
constexpr double mega = 1e6;

struct arguments {
  int seconds = 4;
  std::string json;

  std::uint64_t big_file() const { return static_cast<std::uint64_t>(seconds) * 256 * mebi; }
};

dfs::byte_source zeros(std::uint64_t bytes) {
  return [left = bytes](std::span<char> into) mutable -> atl::result<std::size_t> {
    auto size = std::min<std::uint64_t>(left, into.size());
    std::fill_n(into.begin(), size, 'x');
    left -= size;
    return static_cast<std::size_t>(size);
  };
}

void measure_big_files(const arguments& how, const fs::path& scratch, figures& all) {
  auto big_file = how.big_file();
  auto size = fmt::format("{} MiB", big_file / mebi);
  for (std::string durability : {"replicated", "fsync"}) {
    auto began = clock::now();
    running_cluster cluster{{.durability = durability}};
    auto client = must(dfs::file_client::connect(cluster.settings()), "connecting");
    must(client->put(zeros(100'000), "/first", {}), "put");
    all.add(durability + ": start to first PUT, 6 processes", seconds_since(began) * 1e3, "ms");
    auto dd = machine::dd_bytes_per_second(scratch, big_file, 3);
    all.add(durability + ": dd conv=fdatasync, three files in turn", dd / mega, "MB/s");
    began = clock::now();
    must(client->put(zeros(big_file), "/big", {}), "put");
    auto put = static_cast<double>(big_file) / seconds_since(began);
    all.add(fmt::format("{}: PUT {}, 3 replicas", durability, size), put / mega, "MB/s", put / dd,
            "dd x 3");
    auto loopback = machine::loopback_bytes_per_second(big_file * 2);
    all.add(durability + ": loopback socket copy", loopback / mega, "MB/s");
    began = clock::now();
    must(client->get("/big", [](std::string_view) -> atl::status { return {}; }), "get");
    auto get = static_cast<double>(big_file) / seconds_since(began);
    all.add(fmt::format("{}: GET {}, one reader", durability, size), get / mega, "MB/s",
            get / loopback, "loopback");
    for (auto& [node, peak] : cluster.peak_memory())
      all.add(durability + ": peak memory of " + node, peak, "MB");
    all.add(durability + ": peak memory of the client",
            static_cast<double>(machine::peak_resident_bytes(::getpid())) / mega, "MB");
  }
}

void measure_small_files(const arguments& how, const fs::path& scratch, figures& all) {
  for (std::uint64_t inline_bytes : {std::uint64_t{4096}, std::uint64_t{0}}) {
    std::string where = inline_bytes > 0 ? "in the name space" : "in chunks, 3 replicas";
    running_cluster cluster{{.inline_bytes = inline_bytes}};
    auto client = must(dfs::file_client::connect(cluster.settings()), "connecting");
    for (int clients : {1, 16}) {
      auto syncs = machine::syncs_per_second(scratch);
      std::atomic<int> stored{0};
      auto began = clock::now();
      std::vector<std::thread> threads;
      for (int c = 0; c < clients; ++c)
        threads.emplace_back([&, c] {
          for (int i = 0; seconds_since(began) < how.seconds; ++i) {
            must(client->put(zeros(4096), fmt::format("/{}-{}-{}", clients, c, i), {}), "put");
            ++stored;
          }
        });
      for (auto& thread : threads)
        thread.join();
      auto rate = stored / seconds_since(began);
      all.add(fmt::format("4 KiB files {}, {} client{}", where, clients, clients > 1 ? "s" : ""),
              rate, "files/s", rate / syncs, fmt::format("fdatasync ({:.0f}/s)", syncs));
    }
  }
}

} // namespace

int main(int argc, char** argv) {
  arguments how;
  CLI::App app{"Measures a cluster that stores and reads files, and the machine beside it"};
  app.add_option("--seconds", how.seconds, "For each figure; big files have 256 MiB for each")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  std::string alone;
  app.add_option("--alone", alone, "Measures only big or small files")
      ->check(CLI::IsMember({"big", "small"}));
  app.add_option("--json", how.json, "Where the figures go, for programs");
  CLI11_PARSE(app, argc, argv);
  try {
    temporary_folder scratch;
    figures all;
    if (alone != "small")
      measure_big_files(how, scratch.path(), all);
    if (alone != "big")
      measure_small_files(how, scratch.path(), all);
    if (!how.json.empty())
      std::ofstream{how.json} << all.json() << '\n';
  } catch (const std::exception& problem) {
    fmt::print(stderr, "bench_cluster: {}\n", problem.what());
    return 1;
  }
  return 0;
}
