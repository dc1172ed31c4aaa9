// Measures a real cluster of processes on this machine, and the machine itself in the same run.
//
//   bench_cluster [JSON_FILE]

#include "cli/launcher.hpp"
#include "client/file_client.hpp"
#include "free_port.hpp"
#include "machine.hpp"
#include "temporary_folder.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr std::uint64_t big_file = 1ULL << 30;
constexpr double mega = 1e6;

double seconds_since(clock::time_point began) {
  return std::chrono::duration<double>(clock::now() - began).count();
}

template <class T>
T must(atl::result<T> got, const char* what) {
  if (!got)
    throw std::runtime_error(fmt::format("{}: {}", what, got.error().message));
  return std::move(*got);
}

/// A cluster in a folder of its own, stopped with the object.
class running_cluster {
 public:
  running_cluster(const std::string& durability, int masters, std::uint64_t inline_bytes) {
    auto shared = fmt::format("[cluster]\nname = \"bench\"\n");
    for (int i = 1; i <= masters; ++i)
      shared += fmt::format("[[masters]]\nid = {0}\nname = \"master-{0}\"\n"
                            "address = \"127.0.0.1:{1}\"\n",
                            i, free_port());
    shared +=
        fmt::format("[files]\ndurability = \"{}\"\ninline_limit = {}\n", durability, inline_bytes);
    write("cluster.toml", shared);
    for (int i = 1; i <= masters; ++i)
      write(fmt::format("master-{}.toml", i),
            fmt::format("include = \"cluster.toml\"\n[node]\nname = \"master-{0}\"\n"
                        "roles = [\"master\"]\ndata = \"data/master-{0}\"\n",
                        i));
    for (int i = 1; i <= 3; ++i)
      write(fmt::format("storage-{}.toml", i),
            fmt::format("include = \"cluster.toml\"\n[node]\nname = \"storage-{0}\"\n"
                        "roles = [\"storage\"]\ndata = \"data/storage-{0}\"\n"
                        "bulk = \"127.0.0.1:{1}\"\n",
                        i, free_port()));
    auto command = fmt::format("{} up {} > {}/up.log 2>&1", program(), folder_.path().string(),
                               folder_.path().string());
    if (std::system(command.c_str()) != 0)
      throw std::runtime_error("the cluster didn't come up");
    auto config =
        must(atl::config::load(folder_ / "cluster.toml", dfs::cluster_schema()), "config");
    settings_ = must(dfs::read_cluster(config), "config");
  }
  ~running_cluster() {
    auto command = fmt::format("{} down {} > /dev/null 2>&1", program(), folder_.path().string());
    if (std::system(command.c_str()) != 0)
      fmt::print(stderr, "the cluster didn't stop cleanly\n");
  }

  std::unique_ptr<dfs::file_client> client() {
    return must(dfs::file_client::connect(settings_), "connecting");
  }
  json memory() {
    json peaks;
    for (auto& node : must(dfs::nodes_in(folder_.path()), "nodes"))
      if (auto pid = dfs::running(node))
        peaks[node.name] = static_cast<double>(machine::peak_resident_bytes(*pid)) / mega;
    return peaks;
  }

 private:
  std::string program() { return dfs::sibling_program("../bin/dfs").string(); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream{folder_ / name} << text;
  }

  temporary_folder folder_;
  dfs::cluster_settings settings_;
};

dfs::byte_source zeros(std::uint64_t bytes) {
  return [left = bytes](std::span<char> into) mutable -> atl::result<std::size_t> {
    auto size = std::min<std::uint64_t>(left, into.size());
    std::fill_n(into.begin(), size, 'x');
    left -= size;
    return static_cast<std::size_t>(size);
  };
}

void row(json& all, const std::string& what, double value, const std::string& unit, double ratio,
         const std::string& to) {
  fmt::print("{:<52} {:>10.1f} {:<8} {}\n", what, value, unit,
             to.empty() ? "" : fmt::format("{:>6.2f} x {}", ratio, to));
  all[what] = {{"value", value}, {"unit", unit}};
  if (!to.empty()) {
    all[what]["ratio"] = ratio;
    all[what]["ratio_to"] = to;
  }
}

void measure_big_files(const fs::path& scratch, json& all) {
  for (std::string durability : {"replicated", "fsync"}) {
    auto began = clock::now();
    running_cluster cluster{durability, 3, 0};
    auto client = cluster.client();
    must(client->put(zeros(100'000), "/first", {}), "put");
    row(all, durability + ": start to first PUT, 6 processes", seconds_since(began) * 1e3, "ms", 0,
        "");
    auto dd = machine::dd_bytes_per_second(scratch, big_file, 3);
    row(all, durability + ": dd conv=fdatasync, three files in turn", dd / mega, "MB/s", 0, "");
    began = clock::now();
    must(client->put(zeros(big_file), "/big", {}), "put");
    auto put = static_cast<double>(big_file) / seconds_since(began);
    row(all, durability + ": PUT 1 GiB, 3 replicas", put / mega, "MB/s", put / dd, "dd x 3");
    auto loopback = machine::loopback_bytes_per_second(big_file * 2);
    row(all, durability + ": loopback socket copy", loopback / mega, "MB/s", 0, "");
    began = clock::now();
    must(client->get("/big", [](std::string_view) -> atl::status { return {}; }), "get");
    auto get = static_cast<double>(big_file) / seconds_since(began);
    row(all, durability + ": GET 1 GiB, one reader", get / mega, "MB/s", get / loopback,
        "loopback");
    auto peaks = cluster.memory();
    for (auto& [node, peak] : peaks.items())
      row(all, durability + ": peak memory of " + node, peak.get<double>(), "MB", 0, "");
    row(all, durability + ": peak memory of the client",
        static_cast<double>(machine::peak_resident_bytes(::getpid())) / mega, "MB", 0, "");
  }
}

void measure_small_files(const fs::path& scratch, json& all) {
  for (std::uint64_t inline_bytes : {std::uint64_t{4096}, std::uint64_t{0}}) {
    std::string where = inline_bytes > 0 ? "in the name space" : "in chunks, 3 replicas";
    running_cluster cluster{"fsync", 3, inline_bytes};
    auto client = cluster.client();
    for (int clients : {1, 16}) {
      auto syncs = machine::syncs_per_second(scratch);
      std::atomic<int> stored{0};
      auto began = clock::now();
      std::vector<std::thread> threads;
      for (int c = 0; c < clients; ++c)
        threads.emplace_back([&, c] {
          for (int i = 0; seconds_since(began) < 3; ++i) {
            must(client->put(zeros(4096), fmt::format("/{}-{}-{}", clients, c, i), {}), "put");
            ++stored;
          }
        });
      for (auto& thread : threads)
        thread.join();
      auto rate = stored / seconds_since(began);
      row(all, fmt::format("4 KiB files {}, {} client{}", where, clients, clients > 1 ? "s" : ""),
          rate, "files/s", rate / syncs, fmt::format("fdatasync ({:.0f}/s)", syncs));
    }
  }
}

} // namespace

int main(int argc, char** argv) {
  try {
    temporary_folder scratch;
    json all;
    measure_big_files(scratch.path(), all);
    measure_small_files(scratch.path(), all);
    if (argc > 1)
      std::ofstream{argv[1]} << all.dump(2) << '\n';
  } catch (const std::exception& problem) {
    fmt::print(stderr, "bench_cluster: {}\n", problem.what());
    return 1;
  }
  return 0;
}
