#include "client/control.hpp"
#include "client/paths.hpp"
#include "misbehaving_port.hpp"
#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <signal.h>
#include <string>
#include <vector>

/// One of three masters is closed, silent, frozen, or another program: clients that start, clients
/// that are connected, and masters that start turn to the others.
namespace {

using namespace std::chrono_literals;
using milliseconds = std::chrono::milliseconds;
using clock_type = std::chrono::steady_clock;

constexpr std::string_view protocol = ATOLL_TEST_PROTOCOL;
/// It needs all of its participants for a write, and none but the asked one for a read.
constexpr bool writes_need_all = protocol == "two_phase_commit";
/// Of one command, on however busy a machine. `links.failure_timeout` is longer, so that a program
/// that waits for the master that doesn't answer takes longer.
constexpr milliseconds command_time_max = 30s;

/// A thread runs on for a moment after SIGSTOP was sent to its process.
bool is_stopped(pid_t process) {
  auto tasks = std::filesystem::path{"/proc"} / std::to_string(process) / "task";
  for (auto& task : std::filesystem::directory_iterator{tasks}) {
    std::ifstream file{task.path() / "stat"};
    std::string stat{std::istreambuf_iterator<char>{file}, {}};
    auto state = stat.rfind(") "); // after the name, which may contain anything
    if (state == std::string::npos || stat[state + 2] != 'T')
      return false;
  }
  return true;
}

cluster_shape three_masters() {
  cluster_shape shape;
  shape.masters = 3;
  shape.storages = 0;
  shape.copies = 1;
  shape.consensus = protocol;
  shape.consensus_options = writes_need_all ? "heartbeat = \"50ms\", failure_timeout = \"300ms\""
                                            : "heartbeat = \"50ms\", election_timeout = \"300ms\"";
  shape.links = "heartbeat = \"100ms\"\nfailure_timeout = \"40s\"";
  if (writes_need_all)
    shape.client = "refusal_timeout = \"100ms\""; // refused writes are repeated for so long
  return shape;
}

template <class Function>
milliseconds time_of(Function&& run) {
  auto began = clock_type::now();
  run();
  return std::chrono::duration_cast<milliseconds>(clock_type::now() - began);
}

/// Tries to change something. Where that is possible, a refusal is no failure: refused writes are
/// repeated for a short time only, and a master may have stood still for longer.
void check_write(bool is_possible, const std::function<bool()>& write) {
  if (is_possible && writes_need_all)
    eventually("a write is carried out", write);
  else
    CHECK(write() == is_possible);
}

/// The times of commands.
class durations {
 public:
  void add(milliseconds one) { all_.push_back(one); }
  milliseconds worst() const { return *std::max_element(all_.begin(), all_.end()); }
  std::string text() const {
    auto sorted = all_;
    std::sort(sorted.begin(), sorted.end());
    return fmt::format("median {} ms, worst {} ms, first {} ms", sorted[sorted.size() / 2].count(),
                       sorted.back().count(), all_.front().count());
  }

 private:
  std::vector<milliseconds> all_;
};

/// Runs commands in new processes, and checks their outcomes and times. The first client may
/// remember who led before; the others remember nothing.
void check_new_clients(test_cluster& cluster, const std::string& when, bool are_writes_possible) {
  static int directories = 0;
  durations writes;
  durations reads;
  for (int i = 0; i < 10; ++i) {
    ++directories;
    outcome made;
    INFO(made.err);
    check_write(are_writes_possible, [&] {
      writes.add(time_of([&] {
        made = cluster.dfs({"mkdir", "-p", fmt::format("/new-{}", directories)});
      }));
      return made.code == 0;
    });
    std::filesystem::remove_all(cluster.cache_folder());
    outcome listed;
    reads.add(time_of([&] { listed = cluster.dfs({"ls", "/"}); }));
    CHECK_MESSAGE(listed.code == 0, listed.err);
    CHECK(listed.out.find("writable") != std::string::npos);
    std::filesystem::remove_all(cluster.cache_folder());
  }
  MESSAGE(fmt::format("{}, {}: mkdir {}; ls {}", protocol, when, writes.text(), reads.text()));
  CHECK(writes.worst() < command_time_max);
  CHECK(reads.worst() < command_time_max);
}

/// A client that is connected before anything happens.
class connected_client {
 public:
  explicit connected_client(test_cluster& cluster) : masters_{cluster.settings()} {
    check_write(true,
                [&] { return dfs::run_make_directory(masters_, "/connected", true).has_value(); });
    REQUIRE(masters_.query(dfs::queries::list{}).has_value());
  }

  void check(const std::string& when, bool are_writes_possible) {
    durations writes;
    durations reads;
    for (int i = 0; i < 10; ++i) {
      check_write(are_writes_possible, [&] {
        auto is_made = false;
        writes.add(time_of(
            [&] { is_made = dfs::run_make_directory(masters_, "/connected", true).has_value(); }));
        return is_made;
      });
      reads.add(time_of([&] { CHECK(masters_.query(dfs::queries::list{}).has_value()); }));
    }
    MESSAGE(fmt::format("{}, {}: a connected client's mkdir {}; list {}", protocol, when,
                        writes.text(), reads.text()));
    CHECK(writes.worst() < command_time_max);
    CHECK(reads.worst() < command_time_max);
  }

 private:
  dfs::control masters_;
};

/// Does this master answer, and know a leader? Asks this master alone.
bool follows_a_leader(const test_cluster& cluster, const std::string& master) {
  auto settings = cluster.settings();
  std::erase_if(settings.masters, [&](auto& each) { return each.name != master; });
  settings.links.failure_timeout = 1s;
  dfs::control alone{settings};
  auto answer = alone.call_each(dfs::protocol::kind::status).front();
  auto view = answer ? nlohmann::json::parse(*answer, nullptr, false) : nlohmann::json{};
  return view.is_object() && view["seen_by"]["leader"] != 0;
}

std::string master_other_than(const std::vector<std::string>& taken) {
  for (auto* name : {"master-3", "master-2", "master-1"})
    if (std::find(taken.begin(), taken.end(), name) == taken.end())
      return name;
  return {};
}

/// What becomes of a master.
struct fault {
  const char* name;
  bool is_frozen = false; ///< the process is stopped; otherwise it is killed
  std::function<std::unique_ptr<misbehaving_port>(std::uint16_t)> takes_the_port;
};

const std::vector<fault>& faults() {
  static const std::vector<fault> all{
      {"a closed port", false, nullptr},
      {"a silent port", false, [](auto port) { return std::make_unique<silent_port>(port); }},
      {"a frozen process", true, nullptr},
      {"an HTTP server", false, [](auto port) { return std::make_unique<http_port>(port); }},
  };
  return all;
}

void check_fault(const fault& what, bool strikes_leader) {
  CAPTURE(what.name);
  test_cluster cluster{three_masters()};
  cluster.up();
  auto leader = cluster.must_lead_all();
  auto victim = strikes_leader ? leader : master_other_than({leader});
  auto when =
      fmt::format("{} in place of {}", what.name, strikes_leader ? "the leader" : "a follower");
  check_new_clients(cluster, "all masters up", true);
  connected_client connected{cluster};
  cluster.wait_until_writable();
  auto memory = cluster.folder() / "memory"; // of who leads before the fault
  std::filesystem::rename(cluster.cache_folder(), memory);
  std::unique_ptr<misbehaving_port> port;
  cluster.kill(victim, what.is_frozen ? SIGSTOP : SIGKILL);
  if (what.is_frozen)
    eventually("the victim is frozen", [&] { return is_stopped(cluster.process_of(victim)); });
  if (what.takes_the_port)
    port = what.takes_the_port(cluster.port_of(victim));
  connected.check(when, !writes_need_all);
  std::filesystem::remove_all(cluster.cache_folder());
  std::filesystem::rename(memory, cluster.cache_folder());
  check_new_clients(cluster, when, !writes_need_all);
  auto other = master_other_than({leader, victim});
  cluster.kill(other, SIGTERM);
  CHECK(cluster.wait_for_exit(other) == 0);
  cluster.start(other);
  // Without the coordinator no participant of two_phase_commit has a leader.
  if (!writes_need_all || !strikes_leader)
    eventually("the restarted master follows a leader",
               [&] { return follows_a_leader(cluster, other); });
  if (!writes_need_all)
    cluster.wait_until_writable();
  check_new_clients(cluster, when + ", and another one restarted", !writes_need_all);
  port.reset();
  if (what.is_frozen)
    cluster.kill(victim, SIGCONT);
  else
    cluster.start(victim);
  cluster.wait_until_writable();
  connected.check("all masters up again", true);
}

} // namespace

TEST_CASE("clients and masters go on without a follower, whatever answers in its place") {
  for (auto& each : faults())
    check_fault(each, false);
}

TEST_CASE("clients and masters go on without the leader, whatever answers in its place") {
  for (auto& each : faults())
    check_fault(each, true);
}
