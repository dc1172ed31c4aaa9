#include "namespace_network.hpp"
#include "proxy_network.hpp"
#include "recorded_load.hpp"
#include "test_cluster.hpp"

#include <atoll/core/plugin_loader.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/mount.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>
#include <vector>

/// Real masters under real faults; the histories of their clients are recorded and checked. One
/// test for all protocols: the claims of each plugin state what is expected.
namespace {

constexpr std::string_view protocol = ATOLL_TEST_PROTOCOL;

/// Whether the protocol claims availability with a minority of the replicas down.
bool tolerates_minority_failure() {
  atl::plugin_loader loader{
      {std::filesystem::path{ATOLL_BIN_FOLDER} / ".." / "lib" / "atoll" / "plugins"}};
  static auto plugin = loader.load(atl::spi::plugin_kind::consensus, protocol);
  REQUIRE_MESSAGE(plugin.has_value(), plugin.error().message);
  return (*plugin)->claim("live_with_crashes") == "minority";
}

cluster_shape group_of(int masters) {
  cluster_shape shape;
  shape.masters = masters;
  shape.storages = 0;
  shape.copies = 1;
  shape.consensus = protocol;
  shape.consensus_options = protocol == "two_phase_commit"
                                ? "heartbeat = \"50ms\", failure_timeout = \"300ms\""
                                : "heartbeat = \"50ms\", election_timeout = \"300ms\"";
  shape.files = "chunk_size = \"64KiB\"\ninline_limit = \"4KiB\"";
  shape.links = "heartbeat = \"100ms\"\nfailure_timeout = \"1s\"";
  return shape;
}

std::string master(int number) {
  return fmt::format("master-{}", number);
}

/// Checks the other masters while `missing` don't answer.
void check_service_without(test_cluster& cluster, recorded_load& load,
                           const std::vector<std::string>& missing) {
  if (tolerates_minority_failure()) {
    load.some_more_writes();
    load.some_more_reads();
    return;
  }
  // Writes are refused with the name of a missing master; reads without entries in doubt succeed.
  eventually("writes are refused with the name of a missing master", [&] {
    for (auto& view : cluster.masters()) {
      auto why = view.is_object() ? view["seen_by"]["blocked"].get<std::string>() : "";
      for (auto& name : missing)
        if (why.find(name.substr(name.size() - 1)) != std::string::npos)
          return true;
    }
    return false;
  });
}

/// The number of elections and attempted elections so far.
std::uint64_t elections(test_cluster& cluster) {
  cluster.must_lead_all();
  std::uint64_t term = 0;
  eventually("a master says in which term it is", [&] {
    for (auto& view : cluster.masters())
      if (view.is_object())
        term = std::max(term, view["seen_by"]["term"].get<std::uint64_t>());
    return term > 0;
  });
  return protocol == "paxos" ? term >> 32 : term; // the lower half of a ballot names the proposer
}

/// Says how long a write took that began when the leader was killed. No bound is checked, for a
/// busy machine delays everything.
void report_outages(std::vector<std::chrono::milliseconds> waits) {
  std::sort(waits.begin(), waits.end());
  auto part = [&](std::size_t tenths) { return waits[(waits.size() - 1) * tenths / 10]; };
  MESSAGE(fmt::format("from a kill to the end of a write that began then: median {} ms, nine in "
                      "ten {} ms, worst {} ms",
                      part(5).count(), part(9).count(), part(10).count()));
}

const std::vector<std::string> five_hosts{master(1), master(2), master(3), master(4), master(5)};

void check_partitions(host_network& network) {
  auto shape = group_of(5);
  shape.network = &network;
  test_cluster cluster{shape};
  cluster.up();
  recorded_load load{cluster.settings(), 4};
  load.some_more_writes();
  auto before = elections(cluster);
  auto leader = cluster.must_lead();
  auto other = leader == master(2) ? master(3) : master(2);

  SUBCASE("the leader alone") {
    network.isolate(leader);
    check_service_without(cluster, load, {leader});
    network.rejoin(leader);
  }
  SUBCASE("the leader with one follower, while clients reach both") {
    for (auto& host : five_hosts)
      if (host != leader && host != other)
        for (auto& minority : {leader, other}) {
          network.cut(minority, host);
          network.cut(host, minority);
        }
    if (tolerates_minority_failure())
      load.some_more_writes();
    else
      check_service_without(cluster, load, five_hosts);
    for (auto& host : five_hosts)
      if (host != leader && host != other)
        for (auto& minority : {leader, other}) {
          network.join(minority, host);
          network.join(host, minority);
        }
  }
  SUBCASE("one way: no follower receives from the leader, which receives from all of them") {
    for (auto& host : five_hosts)
      if (host != leader)
        network.cut(leader, host);
    check_service_without(cluster, load, {leader});
    for (auto& host : five_hosts)
      if (host != leader)
        network.join(leader, host);
  }
  load.some_more_writes();
  load.some_more_reads();
  eventually("all masters have applied the same index", [&] {
    auto views = cluster.masters();
    for (auto& view : views)
      if (!view.is_object() || view["seen_by"]["leader"] != views[0]["seen_by"]["leader"])
        return false;
    return true;
  });
  if (tolerates_minority_failure()) // otherwise the network did nothing
    CHECK(elections(cluster) > before);
  load.must_be_linearizable();
}

} // namespace

TEST_CASE("no acknowledged write is lost when the leader is killed fifty times in a row under "
          "load") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  recorded_load load{cluster.settings(), 4};
  auto before = elections(cluster);
  std::vector<std::chrono::microseconds> kills;
  for (int round = 0; round < 50; ++round) {
    load.some_more_writes();
    auto leader = cluster.must_lead_all();
    kills.push_back(load.now());
    cluster.kill(leader, SIGKILL);
    if (round % 10 == 0 || tolerates_minority_failure())
      check_service_without(cluster, load, {leader});
    cluster.start(leader);
    load.some_more_writes(1);
  }
  auto held = elections(cluster) - before;
  load.stop();
  if (tolerates_minority_failure()) {
    report_outages(load.waits_for_a_write(kills));
    CHECK(held >= kills.size());
    CHECK(held <= 10 * kills.size()); // candidates do not obstruct each other
  }
  load.must_be_linearizable();
}

TEST_CASE("no acknowledged write is lost when the next leader is killed before the previous one "
          "is back") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  recorded_load load{cluster.settings(), 4};
  std::vector<std::chrono::microseconds> kills;
  for (int round = 0; round < 50; ++round) {
    load.some_more_writes();
    auto leader = cluster.must_lead();
    kills.push_back(load.now());
    cluster.kill(leader, SIGKILL);
    if (tolerates_minority_failure())
      check_service_without(cluster, load, {leader});
    cluster.start(leader);
    load.some_more_writes(1);
  }
  load.stop();
  if (tolerates_minority_failure()) // a majority needs one more start
    report_outages(load.waits_for_a_write(kills));
  load.must_be_linearizable();
}

TEST_CASE("a master whose disk is lost is declared lost and replaced, and no acknowledged write "
          "is lost") {
  auto shape = group_of(3);
  test_cluster cluster{shape};
  cluster.up();
  {
    recorded_load load{cluster.settings(), 3};
    load.some_more_writes(20);
    load.must_be_linearizable();
  }
  auto lost = cluster.must_lead();
  cluster.kill(lost, SIGKILL);
  std::filesystem::remove_all(cluster.data_of(lost));
  auto removed = cluster.dfs({"admin", "master", "remove", "--lost", lost});
  CHECK_MESSAGE(removed.code == 0, removed.err);
  recorded_load load{cluster.settings(), 3, 3, 100};
  load.some_more_writes();
  shape.masters = 4;
  shape.joining_masters = 1;
  cluster.write_configuration(shape);
  cluster.start(master(4));
  auto added = cluster.dfs({"admin", "master", "add", master(4)});
  CHECK_MESSAGE(added.code == 0, added.err);
  load.some_more_writes();
  // The new master counts: with another one restarted nothing is missing.
  auto other = lost == master(3) ? master(2) : master(3);
  cluster.kill(other, SIGKILL);
  cluster.start(other);
  load.some_more_writes();
  load.must_be_linearizable();
}

TEST_CASE("five masters lose no acknowledged write when two of them are killed at a time") {
  test_cluster cluster{group_of(5)};
  cluster.up();
  recorded_load load{cluster.settings(), 3};
  for (int round = 0; round < 5; ++round) {
    load.some_more_writes();
    auto leader = cluster.must_lead();
    auto other = leader == master(1 + round) ? master(1 + (round + 1) % 5) : master(1 + round);
    cluster.kill(leader, SIGKILL);
    cluster.kill(other, SIGKILL);
    check_service_without(cluster, load, {leader, other});
    cluster.start(leader);
    cluster.start(other);
    load.some_more_writes();
  }
  load.must_be_linearizable();
}

TEST_CASE("a leader that was frozen and still believes that it leads serves no stale read") {
  test_cluster cluster{group_of(3)};
  cluster.up();
  recorded_load load{cluster.settings(), 4};
  for (int round = 0; round < 3; ++round) {
    load.some_more_writes();
    auto leader = cluster.must_lead();
    cluster.kill(leader, SIGSTOP);
    if (tolerates_minority_failure())
      load.some_more_writes(20);
    cluster.kill(leader, SIGCONT);
    load.some_more_writes(20);
    load.some_more_reads(20);
  }
  load.must_be_linearizable();
}

TEST_CASE("histories stay linearizable when the network is partitioned in every way and heals") {
  if (!namespace_network::possible()) {
    MESSAGE("not tried in the kernel: it wants root and iproute2, for network namespaces");
    return;
  }
  namespace_network network{five_hosts};
  check_partitions(network);
}

TEST_CASE("histories stay linearizable when proxies partition the network") {
  proxy_network network;
  check_partitions(network);
}

TEST_CASE("a master whose disk is full stops writing, loses nothing, and recovers") {
  if (::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0 ||
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    MESSAGE("not tried: it wants root, for a small disk");
    return;
  }
  auto shape = group_of(3);
  test_cluster cluster{shape};
  std::filesystem::create_directories(cluster.folder() / "data");
  // The disk of a follower, whichever protocol: the coordinator of two-phase commit is master-1.
  auto small = cluster.data_of(master(3));
  std::filesystem::create_directories(small);
  REQUIRE(::mount("none", small.c_str(), "tmpfs", 0, "size=48m,mode=755") == 0);
  cluster.up();
  recorded_load load{cluster.settings(), 3};
  load.some_more_writes();
  auto filler = small / "filler";
  {
    std::string block(1 << 20, 'x');
    auto file = ::open(filler.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    while (::write(file, block.data(), block.size()) > 0) {
    }
    ::close(file);
  }
  if (tolerates_minority_failure()) {
    load.some_more_writes(200);
  } else {
    eventually("writes are refused", [&] {
      auto put = cluster.dfs({"put", "-", "/refused"}, "x");
      return put.code != 0;
    });
    load.some_more_reads();
  }
  std::filesystem::remove(filler);
  eventually("a write is accepted", [&] {
    if (!cluster.is_running(master(3))) { // it may end for want of space, also a moment later
      CHECK(cluster.wait_for_exit(master(3)) != 0);
      CHECK(cluster.log_of(master(3)).find("o space left") != std::string::npos);
      cluster.start(master(3));
    }
    return cluster.dfs({"put", "-", "/accepted"}, "x").code == 0;
  });
  load.some_more_writes(20);
  load.must_be_linearizable();
  for (int i = 1; i <= 3; ++i)
    if (cluster.is_running(master(i)))
      cluster.kill(master(i), SIGKILL);
  ::umount2(small.c_str(), MNT_DETACH);
}
