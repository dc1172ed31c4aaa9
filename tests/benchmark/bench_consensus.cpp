// Measures the masters' consensus on this machine: durable commits, linearizable reads, and how
// long nobody is answered after the leader is killed; and etcd, and the disk, in the same run.
//
//   bench_consensus [--protocol NAME]… [--seconds N] [--kills N] [--no-etcd] [--sync-us N]
//                   [--json FILE]

#include "client/control.hpp"
#include "etcd.hpp"
#include "load.hpp"
#include "machine.hpp"
#include "running_cluster.hpp"
#include "table.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <map>
#include <poll.h>
#include <thread>
#include <unistd.h>

namespace {

constexpr std::size_t command_bytes = 256;

struct arguments {
  std::vector<std::string> protocols{"raft", "paxos", "two_phase_commit"};
  int seconds = 4;
  int kills = 20;
  bool no_etcd = false;
  int sync_us = 0;
  std::string json;
};

/// A process descriptor can be read once the process has ended.
void wait_for_end(int process) {
  pollfd it{process, POLLIN, 0};
  while (::poll(&it, 1, -1) < 0 && errno == EINTR)
    continue;
}

/// A file in the name space, replaced again and again: 256 bytes in the log, as encoded.
dfs::action put_own_file(int client) {
  dfs::commands::make put;
  put.where.path = fmt::format("client-{}", client);
  put.existing = dfs::commands::make::if_exists::replace;
  put.content.push_back({0, 0, std::string{}});
  auto empty = encode(dfs::command{{}, 1, 1, dfs::action{put}}).size();
  auto length = command_bytes - empty;
  put.content.front() = {0, length, std::string(length, 'x')};
  return put;
}

operation commits(dfs::control& masters) {
  return [&masters](int client, std::function<void(bool)> done) {
    masters.submit(put_own_file(client), [done](auto answer) {
      done(answer && dfs::decode_response<dfs::commands::make::response>(*answer).has_value());
    });
  };
}

operation reads(dfs::control& masters) {
  return [&masters](int client, std::function<void(bool)> done) {
    dfs::queries::open what{{dfs::root_inode, fmt::format("client-{}", client)}, 0};
    masters.query(dfs::encode(dfs::query_message{what}), [done](auto answer) {
      done(answer && dfs::decode_response<dfs::responses::opened>(*answer).has_value());
    });
  };
}

cluster_plan plan_for(const std::string& protocol) {
  return {.storages = 0,
          .consensus = fmt::format("plugin = \"{}\"", protocol),
          .inline_bytes = command_bytes};
}

class benchmark {
 public:
  explicit benchmark(const arguments& how) : how_{how} {}

  void run() {
    std::map<int, double> etcd_puts, etcd_ranges;
    if (!how_.no_etcd && etcd_group::available())
      measure_etcd(etcd_puts, etcd_ranges);
    else
      fmt::print("etcd isn't measured: {}\n",
                 how_.no_etcd ? "as wished" : "there is no etcd or no etcdctl");
    for (auto& protocol : how_.protocols)
      measure_masters(protocol, etcd_puts, etcd_ranges);
    if (how_.kills > 0)
      for (auto& protocol : how_.protocols)
        if (protocol != "two_phase_commit") // which waits for the one that was killed
          measure_kills(protocol);
    if (!how_.json.empty())
      std::ofstream{how_.json} << all_.json() << '\n';
  }

 private:
  std::chrono::milliseconds time() const { return std::chrono::seconds{how_.seconds}; }

  double disk() {
    auto rate = machine::syncs_per_second(scratch_.path());
    all_.add("disk: fdatasync of 4 KiB appends, one stream", rate, "/s");
    return rate;
  }

  void add_latency(const std::string& what, const load_result& got) {
    all_.add(what + ", median", got.median_us, "us");
    all_.add(what + ", 99th percentile", got.p99_us, "us");
    all_.add(what + ", processor time of the servers", got.processor_us, "us");
    if (got.failed > 0)
      all_.add(what + ", failed", got.failed, "");
  }

  void measure_etcd(std::map<int, double>& puts, std::map<int, double>& ranges) {
    fmt::print("{}\n", etcd_group::version());
    etcd_group etcd;
    for (int clients : client_counts) {
      auto syncs = disk();
      auto what = fmt::format("etcd: 256-byte puts, {} clients", clients);
      auto got =
          run_load(clients, time(), etcd.put(clients), [&] { return etcd.processor_seconds(); });
      puts[clients] = got.per_second;
      all_.add(what, got.per_second, "/s", got.per_second / syncs, "fdatasync");
      add_latency(what, got);
    }
    for (int clients : client_counts) {
      auto what = fmt::format("etcd: linearizable ranges, {} clients", clients);
      auto got =
          run_load(clients, time(), etcd.range(clients), [&] { return etcd.processor_seconds(); });
      ranges[clients] = got.per_second;
      all_.add(what, got.per_second, "/s");
      add_latency(what, got);
    }
    fmt::print("etcdctl check perf --load=m:\n{}", etcd.check_perf());
  }

  void measure_masters(const std::string& protocol, const std::map<int, double>& etcd_puts,
                       const std::map<int, double>& etcd_ranges) {
    running_cluster cluster{plan_for(protocol)};
    dfs::control masters{cluster.settings()};
    for (int clients : client_counts) {
      auto syncs = disk();
      auto what = fmt::format("{}: 256-byte commits, {} clients", protocol, clients);
      auto got =
          run_load(clients, time(), commits(masters), [&] { return cluster.processor_seconds(); });
      all_.add(what, got.per_second, "/s", got.per_second / syncs, "fdatasync");
      compare(what, got.per_second, etcd_puts, clients);
      add_latency(what, got);
    }
    for (int clients : client_counts) {
      auto what = fmt::format("{}: linearizable reads, {} clients", protocol, clients);
      auto got =
          run_load(clients, time(), reads(masters), [&] { return cluster.processor_seconds(); });
      all_.add(what, got.per_second, "/s");
      compare(what, got.per_second, etcd_ranges, clients);
      add_latency(what, got);
    }
    for (auto& [node, peak] : cluster.peak_memory())
      all_.add(fmt::format("{}: peak memory of {}", protocol, node), peak, "MB");
  }

  void compare(const std::string& what, double rate, const std::map<int, double>& etcd,
               int clients) {
    if (auto theirs = etcd.find(clients); theirs != etcd.end() && theirs->second > 0)
      all_.add(what + ", to etcd's", rate, "/s", rate / theirs->second, "etcd");
  }

  /// kill -9 of the leader, again and again under load: how long was nobody answered?
  void measure_kills(const std::string& protocol) {
    running_cluster cluster{plan_for(protocol)};
    dfs::control masters{cluster.settings()};
    std::vector<double> gaps;
    {
      steady_load load{16, commits(masters)};
      for (int i = 0; i < how_.kills; ++i) {
        auto leader = wait_for_leader(masters);
        auto& node = cluster.node(leader);
        auto killed = std::chrono::steady_clock::now();
        auto pid = *atl::node::running(node);
        auto ended = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
        ::kill(pid, SIGKILL);
        auto gap = load.longest_gap(killed, killed + std::chrono::milliseconds{200});
        gaps.push_back(static_cast<double>(gap.count()) / 1e3);
        wait_for_end(ended);
        ::close(ended);
        cluster.start(leader);
      }
    }
    std::sort(gaps.begin(), gaps.end());
    auto what =
        fmt::format("{}: unanswered after kill -9 of the leader, {} kills", protocol, gaps.size());
    all_.add(what + ", median", gaps[gaps.size() / 2], "ms");
    all_.add(what + ", worst", gaps.back(), "ms");
  }

  /// Once all masters answer, the one that leads.
  std::string wait_for_leader(dfs::control& masters) {
    for (;;) {
      std::string leader;
      std::size_t up = 0;
      for (auto& answer : masters.call_each(dfs::protocol::kind::status)) {
        auto view = answer ? nlohmann::json::parse(*answer, nullptr, false) : nlohmann::json{};
        if (!view.is_object())
          continue;
        ++up;
        if (view["seen_by"]["role"] == "leader")
          leader = view["seen_by"]["name"];
      }
      if (up == 3 && !leader.empty())
        return leader;
      std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
  }

  static constexpr std::array client_counts{1, 16, 256};
  arguments how_;
  figures all_;
  temporary_folder scratch_;
};

/// Begins anew, together with all programs that are started from here, on a disk that is as slow.
/// Not etcd, which makes its system calls itself.
void slow_syncs_down(int microseconds, char** argv) {
  constexpr auto variable = "ATOLL_BENCH_SYNC_US";
  if (microseconds == 0 || std::getenv(variable))
    return;
  auto self = std::filesystem::read_symlink("/proc/self/exe");
  ::setenv("LD_PRELOAD", (self.parent_path() / "slow_sync.so").c_str(), 1);
  ::setenv(variable, std::to_string(microseconds).c_str(), 1);
  ::execv(self.c_str(), argv);
  throw std::runtime_error("can't start anew");
}

} // namespace

int main(int argc, char** argv) {
  arguments how;
  CLI::App app{"Measures the masters' consensus, and etcd beside it"};
  app.add_option("--protocol", how.protocols, "Which")->capture_default_str();
  app.add_option("--seconds", how.seconds, "For each figure")
      ->check(CLI::Range(1, 600))
      ->capture_default_str();
  app.add_option("--kills", how.kills, "Of the leader; 0: none")->capture_default_str();
  app.add_flag("--no-etcd", how.no_etcd, "Don't measure etcd");
  app.add_option("--sync-us", how.sync_us,
                 "No sync of the masters, nor of the one stream, takes less; without etcd")
      ->capture_default_str();
  app.add_option("--json", how.json, "Where the figures go, for programs");
  CLI11_PARSE(app, argc, argv);
  how.no_etcd = how.no_etcd || how.sync_us > 0;
  try {
    slow_syncs_down(how.sync_us, argv);
    benchmark{how}.run();
  } catch (const std::exception& problem) {
    fmt::print(stderr, "bench_consensus: {}\n", problem.what());
    return 1;
  }
  return 0;
}
