#include "fake_group.hpp"
#include "frozen_node.hpp"
#include "slow_link.hpp"

#include <atoll/runtime/peer_connection.hpp>
#include <atoll/runtime/runtime_limits.hpp>
#include <atoll/runtime/shared_mark.hpp>

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

using namespace atl;
using namespace atl::runtime;
using namespace atl::runtime::testing;

namespace {

constexpr std::size_t message_bytes = 1 << 20;

role_info master(spi::replica_id id) {
  auto role = role_named("master");
  role.replica = id;
  role.consensus = {"raft", "1.0.0", {}, {}};
  role.group = "a group";
  role.mark.incarnation = 1;
  return role;
}

std::shared_ptr<node_description> node_of(spi::replica_id id) {
  auto description = describe(named("master-" + std::to_string(id)));
  description->set_role(master(id), std::make_shared<shared_mark>(1));
  return description;
}

std::uint64_t digest() {
  return group_digest(named(""), master(1));
}

/// Counts the bytes of the protocol's messages that arrive at master 2.
struct receiving_master {
  receiving_master() : actors{1} {
    sink = actors->spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const peer_messages& messages) {
                for (auto& each : messages.bytes)
                  bytes += each.size();
              },
              [](const peer_seen&) {}, [](const peer_space&) {}};
    });
    endpoint_actor = spawn_on_io_thread<node_endpoint_actor>(
        *actors, node_endpoint_actor::settings{node_of(2), {{master(2), sink, nullptr}}});
    REQUIRE(actors.publish(endpoint_actor, where).has_value());
  }
  ~receiving_master() {
    caf::anon_send_exit(endpoint_actor, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(sink, caf::exit_reason::user_shutdown);
  }

  std::atomic<std::size_t> bytes{0};
  runtime::system actors; ///< ends before what its actors use
  endpoint where{"127.0.0.1", free_port()};
  caf::actor sink;
  caf::actor endpoint_actor;
};

/// Master 1 and its connection to master 2.
struct sending_master {
  sending_master(const endpoint& where, const connection_settings& timing) : actors{1} {
    supervisor = actors->spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const connection_event& event) {
        std::lock_guard lock{mutex};
        is_up = event.up.has_value();
        if (!is_up) {
          reasons.push_back(event.reason);
          ++reasons_seen;
        }
        changed.notify_all();
      }};
    });
    connection = spawn_on_io_thread<peer_connection_actor>(
        *actors, peer_connection_actor::settings{"master-2", where, node_of(1), timing, 1});
    caf::anon_send(connection, add_subscriber{1, {supervisor, "master", "master-2"}});
    std::unique_lock lock{mutex};
    changed.wait(lock, [&] { return is_up; });
  }
  ~sending_master() {
    caf::anon_send_exit(connection, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(supervisor, caf::exit_reason::user_shutdown);
  }
  void send() {
    caf::anon_send(connection,
                   outgoing_message{"master", digest(), 1, 2, std::string(message_bytes, 'x')});
  }

  std::mutex mutex;
  std::condition_variable changed;
  bool is_up = false;
  std::vector<std::string> reasons; ///< of disconnects
  std::atomic<std::size_t> reasons_seen{0};
  runtime::system actors; ///< ends before what its actors use
  caf::actor supervisor;
  caf::actor connection;
};

} // namespace

TEST_CASE("heartbeats are in time while large messages wait for a slow link") {
  // The messages take several times as long as a heartbeat may take.
  connection_settings timing{milliseconds{20}, milliseconds{1000}, milliseconds{10},
                             milliseconds{50}};
  constexpr std::size_t messages = 24;
  // A machine that is busy may hold a heartbeat up for so long by itself. Heartbeats that wait
  // behind the messages are late each time.
  std::vector<std::string> reasons;
  for (int attempt = 0; attempt < 5; ++attempt) {
    receiving_master to;
    slow_link link{to.where, 6 << 20};
    sending_master from{link.where(), timing};
    for (std::size_t i = 0; i < messages; ++i)
      from.send();
    while (to.bytes < messages * message_bytes && from.reasons_seen == 0)
      std::this_thread::sleep_for(milliseconds{1}); // leaves the processor to those who are tested
    std::lock_guard lock{from.mutex};
    if (from.reasons.empty()) {
      CHECK(to.bytes == messages * message_bytes);
      return;
    }
    reasons.insert(reasons.end(), from.reasons.begin(), from.reasons.end());
  }
  for (auto& reason : reasons)
    FAIL_CHECK(reason);
}

TEST_CASE("what waits for a node that reads nothing is bounded, and its sender is told") {
  connection_settings timing = quick();
  timing.failure_timeout = std::chrono::hours{1};
  receiving_master to;
  sending_master from{to.where, timing};
  frozen_while_alive frozen{to.actors};
  // Twice what may wait, and more than the kernel takes.
  constexpr std::size_t requests = 2 * connection_bytes_max / message_bytes + 16;
  std::atomic<std::size_t> told{0};
  auto caller = from.actors->spawn([&](caf::event_based_actor* self) -> caf::behavior {
    for (std::size_t i = 0; i < requests; ++i)
      self->request(
              from.connection, caf::infinite,
              envelope{message_kind::snapshot, digest(), std::string(message_bytes, 'x'), "master"})
          .then(
              [&](const envelope& answer) {
                auto said = decode_reply(answer.body);
                if (!said.value && said.value.error().code == errc::busy &&
                    said.value.error().message.starts_with("too much waits to be sent"))
                  ++told;
              },
              [](const caf::error&) {}); // at the end of the test
    return {[](int) {}};
  });
  while (told < connection_bytes_max / message_bytes)
    std::this_thread::yield();
  caf::anon_send_exit(caller, caf::exit_reason::user_shutdown);
}
