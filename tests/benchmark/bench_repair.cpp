// What a cluster of a master and four storage nodes does for its data, and what clients notice of
// that: how quickly the fragments of a node that is lost are made anew, beside a plain copy of as
// many bytes; how long clients wait meanwhile, beside a cluster at rest; and what a scrub takes
// from them. Each chunk has three copies, and repairs have no rate.
//
//   bench_repair [--mib N] [--seconds N] [--json FILE]

#include "client/file_client.hpp"
#include "running_cluster.hpp"
#include "table.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <signal.h>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;
using nlohmann::json;

constexpr std::chrono::milliseconds poll_interval{20};
constexpr std::chrono::minutes repair_timeout{10};
constexpr std::uint64_t mebi = 1 << 20;
constexpr std::uint64_t file_bytes = 32 * mebi;
constexpr std::size_t small_bytes = 256 << 10;
constexpr int small_files = 64;

struct arguments {
  std::uint64_t mib = 1024;
  int seconds = 4;
  std::string json;
};

dfs::byte_source bytes_of(std::uint64_t size) {
  return [left = size](std::span<char> into) mutable -> atl::result<std::size_t> {
    auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left, into.size()));
    std::fill_n(into.begin(), count, 'x');
    left -= count;
    return count;
  };
}

atl::status drop(std::string_view) {
  return {};
}

double p99(std::vector<double> values) {
  if (values.empty())
    throw std::runtime_error("nothing was measured");
  auto at = values.begin() + static_cast<std::ptrdiff_t>(values.size() * 99 / 100);
  std::ranges::nth_element(values, at);
  return *at;
}

json status_of(dfs::file_client& client) {
  auto text = client.masters().call(dfs::protocol::kind::status, "");
  return text ? json::parse(*text, nullptr, false) : json{};
}

bool is_counted(const json& status) {
  return status.is_object() && status["copies"].is_object() && status["repair"].is_object() &&
         status["copies"]["state"] == "counted";
}

/// Waits for a state of the cluster. @returns the status that had it
json wait_until(dfs::file_client& client, const std::string& what,
                const std::function<bool(const json&)>& holds) {
  auto give_up = clock::now() + repair_timeout;
  while (clock::now() < give_up) {
    auto status = status_of(client);
    if (is_counted(status) && holds(status))
      return status;
    std::this_thread::sleep_for(poll_interval);
  }
  throw std::runtime_error("it takes too long until " + what);
}

std::uint64_t copied_bytes(const json& status) {
  return status["repair"]["bytes_copied"].get<std::uint64_t>();
}

bool is_whole(const json& status) {
  return status["copies"]["short"] == 0 && status["repair"]["tasks"] == 0;
}

/// Of how many storage nodes does that hold?
std::size_t count_nodes(const json& status, const std::function<bool(const json&)>& holds) {
  std::size_t count = 0;
  for (const auto& node : status["storages"])
    count += holds(node) ? 1 : 0;
  return count;
}

struct repair_result {
  std::uint64_t bytes = 0;
  double seconds = 0;
};

/// Loses a storage node, and waits until all that it had is made anew.
/// @param on_begin is called when the first fragment is on its way
repair_result lose_and_repair(running_cluster& cluster, dfs::file_client& client,
                              const std::string& node, const std::function<void()>& on_begin = {}) {
  auto before = copied_bytes(wait_until(client, "all is in order", is_whole));
  auto process = atl::node::running(cluster.node(node));
  if (!process)
    throw std::runtime_error(node + " doesn't run");
  ::kill(*process, SIGKILL);
  wait_until(client, "the repair begins", [&](const json& status) {
    return status["repair"]["tasks"] > 0 || copied_bytes(status) > before;
  });
  auto began = clock::now();
  if (on_begin)
    on_begin();
  auto after = wait_until(client, "all is repaired", [&](const json& status) {
    return is_whole(status) && copied_bytes(status) > before;
  });
  return {copied_bytes(after) - before, seconds_since(began)};
}

/// Copies files as a person would: reads each, writes it, and syncs it. @returns bytes a second
double copy_files(const std::vector<fs::path>& files, const fs::path& into) {
  std::vector<char> buffer(mebi);
  std::uint64_t bytes = 0;
  auto began = clock::now();
  for (auto& file : files) {
    int in = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    int out = ::open(into.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (in < 0 || out < 0)
      throw std::runtime_error("can't copy " + file.string());
    while (auto got = ::read(in, buffer.data(), buffer.size())) {
      if (got < 0 || ::write(out, buffer.data(), static_cast<std::size_t>(got)) != got)
        throw std::runtime_error("can't copy " + file.string());
      bytes += static_cast<std::uint64_t>(got);
    }
    if (::fdatasync(out) != 0)
      throw std::runtime_error("can't sync a copy");
    ::close(in);
    ::close(out);
  }
  auto rate = static_cast<double>(bytes) / seconds_since(began);
  fs::remove(into);
  return rate;
}

std::vector<fs::path> fragments_of(const running_cluster& cluster, const std::string& node) {
  std::vector<fs::path> files;
  for (auto& entry : fs::recursive_directory_iterator(cluster.folder() / "data" / node / "chunks"))
    if (entry.is_regular_file() && entry.file_size() > mebi)
      files.push_back(entry.path());
  return files;
}

/// A client that reads small files and one that stores some, each after the other, until stopped.
class steady_clients {
 public:
  explicit steady_clients(const dfs::cluster_settings& cluster)
      : reading_{std::async(std::launch::async, [this, &cluster] { return read(cluster); })},
        writing_{std::async(std::launch::async, [this, &cluster] { return write(cluster); })} {}
  ~steady_clients() { stopped_ = true; }

  struct latencies {
    std::vector<double> gets, puts; ///< milliseconds
  };
  latencies stop() {
    stopped_ = true;
    return {reading_.get(), writing_.get()};
  }

 private:
  std::vector<double> read(const dfs::cluster_settings& cluster) {
    auto client = must(dfs::file_client::connect(cluster), "connecting");
    std::vector<double> times;
    for (int i = 0; !stopped_; ++i) {
      auto began = clock::now();
      must(client->get(fmt::format("/small-{}", i % small_files), drop), "get");
      times.push_back(seconds_since(began) * 1e3);
    }
    return times;
  }
  std::vector<double> write(const dfs::cluster_settings& cluster) {
    auto client = must(dfs::file_client::connect(cluster), "connecting");
    std::vector<double> times;
    for (int i = 0; !stopped_; ++i) {
      auto began = clock::now();
      must(client->put(bytes_of(small_bytes), fmt::format("/put-{}", i % small_files), {}), "put");
      times.push_back(seconds_since(began) * 1e3);
    }
    return times;
  }

  std::atomic<bool> stopped_ = false;
  std::future<std::vector<double>> reading_, writing_;
};

std::string large_file(std::uint64_t number) {
  return fmt::format("/large-{}", number);
}

/// Bytes a second that a client reads of the large files.
double read_for(dfs::file_client& client, std::uint64_t files, double seconds) {
  std::uint64_t bytes = 0;
  auto began = clock::now();
  for (std::uint64_t i = 0; seconds_since(began) < seconds; ++i)
    bytes += must(client.get(large_file(i % files), drop), "get");
  return static_cast<double>(bytes) / seconds_since(began);
}

/// Comes last: storage nodes end the scrub, although nobody waits for it any more.
void measure_scrub(const arguments& how, running_cluster& cluster, dfs::file_client& client,
                   std::uint64_t files, figures& all) {
  auto dfs_program = atl::node::sibling_program("../bin/dfs").string();
  auto without = read_for(client, files, how.seconds);
  auto scrub = fmt::format("timeout {} {} -q -c {} scrub > /dev/null 2>&1", how.seconds + 1,
                           dfs_program, cluster.folder().string());
  auto scrubbing = std::async(std::launch::async, [&scrub] { return std::system(scrub.c_str()); });
  wait_until(client, "the scrub begins", [](const json& status) {
    return count_nodes(status, [](const json& node) {
             return node.contains("scrub") && node["scrub"].is_object() &&
                    node["scrub"]["done_bytes"] > 0;
           }) > 0;
  });
  auto during = read_for(client, files, how.seconds);
  static_cast<void>(scrubbing.get()); // `timeout` ends it
  all.add("GET during a scrub", during / 1e6, "MB/s", during / without, "without");
}

void measure(const arguments& how, figures& all) {
  cluster_plan plan;
  plan.masters = 1;
  plan.storages = 4;
  plan.consensus = "plugin = \"two_phase_commit\"";
  plan.more = "dead_after = \"3s\"\ngrace = \"1s\"\n[repair]\nrate = 0\nnode_rate = 0\n";
  running_cluster cluster{plan};
  auto client = must(dfs::file_client::connect(cluster.settings()), "connecting");
  auto files = std::max<std::uint64_t>(1, how.mib * mebi / file_bytes);
  for (std::uint64_t i = 0; i < files; ++i)
    must(client->put(bytes_of(file_bytes), large_file(i), {}), "put");
  for (int i = 0; i < small_files; ++i)
    must(client->put(bytes_of(small_bytes), fmt::format("/small-{}", i), {}), "put");

  auto copied = copy_files(fragments_of(cluster, "storage-4"), cluster.folder() / "copy");
  auto repaired = lose_and_repair(cluster, *client, "storage-4");
  auto rate = static_cast<double>(repaired.bytes) / repaired.seconds;
  all.add(fmt::format("repair of {} MiB", repaired.bytes / mebi), rate / 1e6, "MB/s", rate / copied,
          "a copy with fdatasync");

  cluster.start("storage-4");
  wait_until(*client, "the node is back and all is in order", [](const json& status) {
    return is_whole(status) && count_nodes(status, [](const json& node) {
                                 return node.contains("health") && node["health"] == "up" &&
                                        node["state"] == "active";
                               }) == 4;
  });
  steady_clients at_rest{cluster.settings()};
  std::this_thread::sleep_for(std::chrono::seconds{how.seconds});
  auto idle = at_rest.stop();
  std::unique_ptr<steady_clients> beside;
  auto again = lose_and_repair(cluster, *client, "storage-3", [&] {
    beside = std::make_unique<steady_clients>(cluster.settings());
  });
  auto busy = beside->stop();
  all.add(fmt::format("repair of {} MiB beside clients", again.bytes / mebi),
          static_cast<double>(again.bytes) / again.seconds / 1e6, "MB/s");
  all.add("GET of 256 KiB during the repair, p99", p99(busy.gets), "ms",
          p99(busy.gets) / p99(idle.gets), "at rest");
  all.add("PUT of 256 KiB during the repair, p99", p99(busy.puts), "ms",
          p99(busy.puts) / p99(idle.puts), "at rest");

  measure_scrub(how, cluster, *client, files, all);
}

} // namespace

int main(int argc, char** argv) {
  arguments how;
  CLI::App app{"Measures repairs and scrubs, and what clients notice of them"};
  app.add_option("--mib", how.mib, "MiB of files, of which each is stored three times")
      ->check(CLI::Range(64, 1 << 20))
      ->capture_default_str();
  app.add_option("--seconds", how.seconds, "How long clients are measured at rest")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--json", how.json, "Where the figures go, for programs");
  CLI11_PARSE(app, argc, argv);
  try {
    figures all;
    measure(how, all);
    if (!how.json.empty())
      std::ofstream{how.json} << all.json() << '\n';
  } catch (const std::exception& problem) {
    fmt::print(stderr, "bench_repair: {}\n", problem.what());
    return 1;
  }
  return 0;
}
