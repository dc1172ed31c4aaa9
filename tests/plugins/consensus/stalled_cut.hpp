#pragma once

#include "plugin_under_test.hpp"

#include <atoll/sim/scripted_simulation.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

/// The record of a log cut waits for a stalled disk. No message depends on the cut, so none
/// waits.
namespace under_test {

/// A group that keeps no entry that all replicas have applied, so that each command causes a cut.
class eager_cut_group : public atl::sim::scripted_simulation {
 public:
  using replica_id = atl::spi::replica_id;

  explicit eager_cut_group(const atl::spi::descriptor& plugin, overrides changed = {})
      : scripted_simulation{options(plugin, std::move(changed)), factory_of(plugin)} {}

  replica_id leader() const {
    for (replica_id id = 1; id <= 3; ++id)
      if (up(id) && status(id).role == atl::spi::replica_role::leader && status(id).blocked.empty())
        return id;
    return 0;
  }
  void must_write() {
    using namespace atl::sim;
    REQUIRE(run_until([this] { return leader() != 0; }));
    ++commands_;
    auto& got =
        await(propose(leader(), {commands_, commands_, 1, 1, operation_kind::write, 1, {}}));
    REQUIRE_MESSAGE(got.kind == answer_kind::applied, got.reason);
  }
  /// The disk of `id` takes three seconds for the next writes, which include a cut, or a cut
  /// waits for them.
  void stall_with_a_cut(replica_id id) {
    must_write();
    REQUIRE(run_until([&] { return status(id).accepted == status(leader()).accepted; }));
    auto before = status(id).first;
    stall_disk(id, std::chrono::seconds{3});
    REQUIRE(run_until([&] { return status(id).first > before; }, std::chrono::seconds{1}));
  }
  /// @returns the number of messages that leave `id` in that time
  std::uint64_t messages_of(replica_id id, duration time) {
    std::uint64_t sent = 0;
    filter([&](auto from, auto, std::string_view) {
      sent += from == id ? 1 : 0;
      return atl::sim::filter_action::pass;
    });
    run_for(time);
    filter({});
    return sent;
  }

 private:
  static atl::sim::simulation_options options(const atl::spi::descriptor& plugin,
                                              overrides changed) {
    changed.emplace("keep_entries", "0");
    return simulation_of(plugin, 7, 3, changed);
  }

  std::uint64_t commands_ = 0;
};

/// A replica whose disk stalls continues to send messages, and no replica is taken for dead.
inline void send_heartbeats_while_a_cut_waits(const atl::spi::descriptor& plugin) {
  for (atl::spi::replica_id slow = 1; slow <= 3; ++slow) {
    CAPTURE(slow);
    eager_cut_group group{plugin};
    group.must_write();
    auto first = group.leader();
    auto term = group.status(first).term;
    group.stall_with_a_cut(slow);
    CHECK(group.messages_of(slow, std::chrono::milliseconds{2500}) >= 20);
    CHECK(group.leader() == first);
    for (atl::spi::replica_id id = 1; id <= 3; ++id) {
      CHECK(group.status(id).blocked == "");
      CHECK(group.status(id).term == term);
    }
    CHECK(group.violation() == "");
  }
}

/// Reads at the leader, and at a replica whose own disk stalls, need no disk.
inline void read_while_a_cut_waits(const atl::spi::descriptor& plugin,
                                   const overrides& changed = {}) {
  for (atl::spi::replica_id slow = 1; slow <= 3; ++slow)
    for (atl::spi::replica_id at = 1; at <= 3; ++at) {
      CAPTURE(slow);
      CAPTURE(at);
      eager_cut_group group{plugin, changed};
      group.stall_with_a_cut(slow);
      auto asked = group.read(at, 1);
      CHECK(group.await(asked, std::chrono::milliseconds{200}).kind == atl::sim::answer_kind::read);
      CHECK(group.violation() == "");
    }
}

/// Durable entries of a follower are acknowledged again at once when the leader resends them.
inline void acknowledge_while_a_cut_waits(const atl::spi::descriptor& plugin) {
  eager_cut_group group{plugin};
  group.must_write();
  auto first = group.leader();
  auto slow = first % 3 + 1;
  std::string said; // the message with the newest command
  group.filter([&](auto from, auto to, std::string_view bytes) {
    if (from == first && to == slow && bytes.size() > said.size())
      said = bytes;
    return atl::sim::filter_action::pass;
  });
  group.stall_with_a_cut(slow);
  std::uint64_t answers = 0;
  group.filter([&](auto from, auto to, std::string_view) {
    answers += from == slow ? 1 : 0;
    return from == first && to == slow ? atl::sim::filter_action::drop
                                       : atl::sim::filter_action::pass;
  });
  group.run_for(std::chrono::milliseconds{10}); // requests in progress are answered
  answers = 0;
  group.deliver(first, slow, said);
  group.run_for(std::chrono::milliseconds{10});
  CHECK(answers > 0);
  CHECK(group.violation() == "");
}

} // namespace under_test
