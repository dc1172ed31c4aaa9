#pragma once

#include "plugin_under_test.hpp"

#include <atoll/sim/scripted_simulation.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <set>
#include <vector>

/// What a majority does once its hosts report the leader as unreachable. With the default
/// options silence alone causes an election after 1 to 2 s; heartbeats come every 100 ms.
namespace under_test {

constexpr std::chrono::milliseconds election_timeout{1000};
constexpr std::chrono::milliseconds heartbeat{100};

class leaderless_group : public atl::sim::scripted_simulation {
 public:
  using replica_id = atl::spi::replica_id;

  leaderless_group(const atl::spi::descriptor& plugin, std::uint64_t seed, std::uint32_t replicas,
                   const overrides& changed = {})
      : scripted_simulation{simulation_of(plugin, seed, replicas, changed), factory_of(plugin)},
        replicas_{replicas} {
    must_lead();
    run_for(std::chrono::seconds{1});
  }

  replica_id leader() const {
    for (replica_id id = 1; id <= replicas_; ++id)
      if (up(id) && status(id).role == atl::spi::replica_role::leader && status(id).blocked.empty())
        return id;
    return 0;
  }
  replica_id must_lead() {
    REQUIRE(run_until([this] { return leader() != 0; }));
    return leader();
  }
  std::vector<replica_id> others() const {
    std::vector<replica_id> list;
    for (replica_id id = 1; id <= replicas_; ++id)
      if (id != leader_ && up(id))
        list.push_back(id);
    return list;
  }
  /// kill -9: the connections to the leader break. @param speaking its last messages are in transit
  void crash_leader(bool speaking = true) {
    leader_ = leader();
    auto spoke = !speaking;
    filter([&](auto from, auto, auto) {
      spoke = spoke || from == leader_;
      return atl::sim::filter_action::pass;
    });
    REQUIRE(run_until([&] { return spoke; }));
    filter({});
    crash(leader_);
    for (auto id : others())
      unreachable(id, leader_);
  }
  /// Waits until another leader can commit.
  duration time_without_leader() {
    auto since = now();
    must_lead();
    return now() - since;
  }

 private:
  std::uint32_t replicas_;
  replica_id leader_ = 0;
};

inline void replace_crashed_leader_early(const atl::spi::descriptor& plugin) {
  std::chrono::microseconds all{0};
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    leaderless_group group{plugin, seed, seed % 2 == 0 ? 3u : 5u};
    group.crash_leader();
    auto time = group.time_without_leader();
    CHECK(time < election_timeout / 2);
    CHECK(group.violation() == "");
    all += time;
  }
  // The first replica that asks for pre-votes is elected: the others have lost the leader, too.
  CHECK(all / 50 < 3 * heartbeat);
}

inline void elect_single_candidate(const atl::spi::descriptor& plugin) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    leaderless_group group{plugin, seed, seed % 2 == 0 ? 3u : 5u};
    group.crash_leader();
    // The election timers of all have run out when the first hears of the second.
    group.filter([](auto, auto, auto) { return atl::sim::filter_action::hold; });
    group.run_for(election_timeout * 2 + heartbeat);
    group.filter({});
    group.release_held();
    std::set<atl::spi::replica_id> stood;
    auto committed_by_one = [&] {
      for (auto id : group.others())
        if (group.status(id).role == atl::spi::replica_role::candidate)
          stood.insert(id);
      return group.leader() != 0;
    };
    CHECK(group.run_until(committed_by_one, heartbeat));
    CHECK(stood.size() == 1);
    CHECK(group.violation() == "");
  }
}

/// Only connections break.
inline void keep_leader_despite_broken_connections(const atl::spi::descriptor& plugin) {
  leaderless_group group{plugin, 1, 3};
  auto leader = group.leader();
  auto term = group.status(leader).term;
  for (int times = 0; times < 100; ++times) {
    for (auto id : group.others())
      if (id != leader)
        group.unreachable(id, leader);
    group.run_for(std::chrono::milliseconds{37});
  }
  CHECK(group.leader() == leader);
  CHECK(group.status(leader).term == term);
}

/// One replica receives nothing from a leader that the others receive heartbeats from.
inline void keep_leader_that_one_replica_lost(const atl::spi::descriptor& plugin) {
  leaderless_group group{plugin, 1, 3};
  auto leader = group.leader();
  auto term = group.status(leader).term;
  auto alone = leader % 3 + 1;
  group.cut(leader, alone);
  group.unreachable(alone, leader);
  group.run_for(std::chrono::seconds{20});
  CHECK(group.leader() == leader);
  CHECK(group.status(leader).term == term);
}

/// Reads that a crashed leader did not answer are answered by the next leader.
inline void answer_reads_of_crashed_leader(const atl::spi::descriptor& plugin) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    leaderless_group group{plugin, seed, 3};
    group.crash_leader();
    std::vector<atl::sim::scripted_simulation::ticket> reads;
    for (auto id : group.others())
      reads.push_back(group.read(id, 1));
    for (auto it : reads)
      CHECK(group.await(it).kind == atl::sim::answer_kind::read);
    CHECK(group.violation() == "");
  }
}

} // namespace under_test
