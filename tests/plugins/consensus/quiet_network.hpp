#pragma once

#include "plugin_under_test.hpp"

#include <atoll/sim/scripted_simulation.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// One event triggers few messages, whatever the network does to them. A response that triggers two
/// messages, which trigger two responses, is a storm.
namespace under_test {

/// A group with a spare replica, and small messages, so that a few entries need many messages.
class message_count_group : public atl::sim::scripted_simulation {
 public:
  using replica_id = atl::spi::replica_id;

  explicit message_count_group(const atl::spi::descriptor& plugin)
      : scripted_simulation{options(plugin), factory_of(plugin)} {}

  replica_id leader() const {
    for (replica_id id = 1; id <= 4; ++id)
      if (up(id) && status(id).role == atl::spi::replica_role::leader && status(id).blocked.empty())
        return id;
    return 0;
  }
  void must_lead() {
    REQUIRE(run_until([this] { return leader() != 0; }));
  }
  /// Proposes so many entries at once, each as large as a message, and waits for the last.
  void must_write(std::uint64_t entries) {
    using namespace atl::sim;
    must_lead();
    ticket last = 0;
    for (std::uint64_t i = 0; i < entries; ++i) {
      ++commands_;
      register_command it{commands_, commands_, 1, 1, operation_kind::write, 1, {}};
      last = propose(leader(), encode(it, 1000));
    }
    REQUIRE(await(last).kind == answer_kind::applied);
  }

 private:
  static atl::sim::simulation_options options(const atl::spi::descriptor& plugin) {
    return simulation_of(plugin, 7, 3, {{"batch_bytes", "1KiB"}});
  }

  std::uint64_t commands_ = 0;
};

/// A replica joins over a network that reorders its messages in both directions.
inline void join_out_of_order(const atl::spi::descriptor& plugin) {
  constexpr std::uint64_t entries = 200;
  struct packet {
    atl::spi::replica_id from, to;
    std::string bytes;
  };
  std::vector<packet> under_way;
  std::uint64_t sent = 0;
  message_count_group group{plugin};
  group.must_write(entries);
  group.filter([&](auto from, auto to, std::string_view bytes) {
    if (from != 4 && to != 4)
      return atl::sim::filter_action::pass;
    ++sent;
    under_way.push_back({from, to, std::string{bytes}});
    return atl::sim::filter_action::drop;
  });
  group.reconfigure(group.leader(), {1, 2, 3}, {4});
  atl::spi::random_source random{1};
  auto learnt = [&] {
    return group.up(4) && group.applied(4) == group.applied(1) && group.applied(4) > entries;
  };
  for (int round = 0; round < 2000 && !learnt() && sent < 100 * entries; ++round) {
    group.run_for(std::chrono::milliseconds{2});
    auto now = std::exchange(under_way, {});
    for (auto left = now.size(); left > 0; --left)
      std::swap(now[left - 1], now[random.below(left)]);
    for (auto& it : now)
      if (group.up(it.to))
        group.deliver(it.from, it.to, std::move(it.bytes));
  }
  CHECK(learnt());
  CHECK(sent < 20 * entries);
  CHECK(group.violation() == "");
}

/// The host of a leader reports each message to a replica as undelivered.
inline void send_heartbeats_to_unreachable_peer(const atl::spi::descriptor& plugin) {
  constexpr std::uint64_t entries = 200;
  message_count_group group{plugin};
  group.must_write(1);
  auto first = group.leader();
  auto away = first % 3 + 1;
  std::uint64_t sent = 0;
  std::uint64_t hints = 0;
  group.filter([&](auto from, auto to, std::string_view) {
    if (from != away && to != away)
      return atl::sim::filter_action::pass;
    sent += to == away ? 1 : 0;
    hints += from == first ? 1 : 0;
    return atl::sim::filter_action::drop;
  });
  group.must_write(entries);
  for (int round = 0; round < 2000; ++round) {
    group.run_for(std::chrono::milliseconds{1});
    for (auto left = std::exchange(hints, 0); left > 0; --left)
      group.unreachable(first, away);
  }
  CHECK(sent < 2 * entries);
  group.filter({});
  CHECK(group.run_until([&] { return group.applied(away) == group.applied(first); }));
  CHECK(group.violation() == "");
}

/// The disk of a replica is slow: entries that have arrived there are not resent.
inline void keep_sent_entries_for_a_slow_disk(const atl::spi::descriptor& plugin) {
  constexpr std::uint64_t entries = 200;
  message_count_group group{plugin};
  group.must_write(1);
  auto first = group.leader();
  auto slow = first % 3 + 1;
  std::uint64_t sent = 0;
  group.filter([&](auto, auto to, std::string_view) {
    sent += to == slow ? 1 : 0;
    return atl::sim::filter_action::pass;
  });
  group.stall_disk(slow, std::chrono::seconds{5});
  group.must_write(entries);
  group.run_for(std::chrono::seconds{4});
  CHECK(sent < 2 * entries);
  CHECK(group.run_until([&] { return group.applied(slow) == group.applied(first); }));
  CHECK(group.violation() == "");
}

} // namespace under_test
