#include "free_port.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/node_endpoint.hpp>
#include <atoll/runtime/peer_connection.hpp>
#include <atoll/runtime/system.hpp>

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>

using namespace atl;
using namespace atl::runtime;

namespace {

connection_settings quick() {
  return {std::chrono::milliseconds{50}, std::chrono::milliseconds{500},
          std::chrono::milliseconds{10}, std::chrono::milliseconds{100}};
}

node_info named(std::string cluster, std::string name) {
  node_info info;
  info.cluster = std::move(cluster);
  info.name = std::move(name);
  info.role = "storage";
  return info;
}

/// The events that a connection sent to its supervisor.
struct events {
  std::mutex mutex;
  std::condition_variable changed;
  bool up = false;
  spi::version_range wire; ///< of the peer, once it was up
  std::string reason;

  caf::actor supervisor(caf::actor_system& actors) {
    return actors.spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const connection_event& event) {
        std::lock_guard lock{mutex};
        up = event.up.has_value();
        if (up)
          wire = event.up->wire;
        reason = event.reason;
        changed.notify_all();
      }};
    });
  }
  template <class Condition>
  void wait(Condition condition) {
    std::unique_lock lock{mutex};
    changed.wait(lock, condition);
  }
};

membership speaking(const spi::version_range& wire) {
  membership self;
  self.wire = wire;
  return self;
}

/// A node with nothing but a node_endpoint, whose application echoes.
struct small_node {
  runtime::system actors;
  caf::actor echo;
  caf::actor node_endpoint;
  endpoint where;

  small_node(const node_info& info, std::uint16_t port)
      : actors{1, speaking(info.wire)}, where{"127.0.0.1", port} {
    echo = actors->spawn([](caf::event_based_actor*) -> caf::behavior {
      return {[](envelope& message) { return make_reply({std::move(message.body), {}, false}); }};
    });
    node_endpoint = spawn_on_io_thread<node_endpoint_actor>(
        *actors, node_endpoint_actor::settings{info, nullptr, echo});
    auto published = actors.publish(node_endpoint, where);
    if (!published)
      throw std::runtime_error(published.error().message);
  }
  ~small_node() {
    caf::anon_send_exit(node_endpoint, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(echo, caf::exit_reason::user_shutdown);
  }
};

caf::actor connect_to(runtime::system& actors, const node_info& self, endpoint where,
                      caf::actor supervisor) {
  return spawn_on_io_thread<peer_connection_actor>(
      *actors, peer_connection_actor::settings{"peer", std::move(where), self, quick(),
                                               std::move(supervisor), nullptr, 1});
}

reply call(runtime::system& actors, const caf::actor& to, envelope message) {
  reply answer{fail(errc::internal, "no answer"), {}, false};
  caf::scoped_actor self{*actors};
  self->request(to, std::chrono::seconds{10}, std::move(message))
      .receive([&](const envelope& got) { answer = decode_reply(got.body); },
               [&](const caf::error& problem) {
                 answer.value = fail(errc::internal, caf::to_string(problem));
               });
  return answer;
}

/// A member of a group of masters; its data folder is `folder <id>`.
node_info master_of_group(spi::replica_id id) {
  auto info = named("reef", "master-" + std::to_string(id));
  info.role = "master";
  info.replica = id;
  info.consensus = {"raft", "1.0.0", {}, {}};
  info.group = "a group";
  info.folder = "folder " + std::to_string(id);
  return info;
}

reply send_handshake(runtime::system& actors, const caf::actor& node_endpoint,
                     const node_info& who) {
  return call(actors, node_endpoint, {message_kind::handshake, cluster_digest(who), encode(who)});
}

} // namespace

TEST_CASE("a connection is made when the other node starts, ends when the node ends, and is "
          "made again") {
  auto port = free_port();
  auto info = named("reef", "here");
  events seen;
  runtime::system actors{2};
  auto connection = connect_to(actors, info, {"127.0.0.1", port}, seen.supervisor(*actors));
  seen.wait([&] { return !seen.up && !seen.reason.empty(); });
  auto unreachable =
      call(actors, connection, {message_kind::application, cluster_digest(info), "x"});
  CHECK(unreachable.value.error().code == errc::unavailable);
  for (int round = 0; round < 2; ++round) {
    {
      small_node other{named("reef", "there"), port};
      seen.wait([&] { return seen.up; });
      auto answer =
          call(actors, connection, {message_kind::application, cluster_digest(info), "echo"});
      REQUIRE(answer.value.has_value());
      CHECK(*answer.value == "echo");
    }
    seen.wait([&] { return !seen.up; });
  }
  caf::anon_send_exit(connection, caf::exit_reason::user_shutdown);
}

TEST_CASE("a node of another cluster is refused with the difference") {
  auto port = free_port();
  small_node other{named("lagoon", "there"), port};
  events seen;
  runtime::system actors{2};
  auto connection =
      connect_to(actors, named("reef", "here"), {"127.0.0.1", port}, seen.supervisor(*actors));
  seen.wait([&] { return seen.reason.find("refused") != std::string::npos; });
  CHECK(seen.reason.find("'lagoon'") != std::string::npos);
  CHECK(seen.reason.find("'reef'") != std::string::npos);
  caf::anon_send_exit(connection, caf::exit_reason::user_shutdown);
}

TEST_CASE(
    "a node_endpoint refuses messages of other clusters, of other groups, and of unknown kinds") {
  runtime::system actors{1};
  auto info = named("reef", "here");
  auto node_endpoint = spawn_on_io_thread<node_endpoint_actor>(
      *actors, node_endpoint_actor::settings{info, nullptr, nullptr});
  auto digest = cluster_digest(info);
  CHECK(call(actors, node_endpoint, {message_kind::ping, digest, {}}).value.has_value());
  CHECK(call(actors, node_endpoint, {message_kind::ping, digest + 1, {}}).value.error().code ==
        errc::refused);
  CHECK(call(actors, node_endpoint, {message_kind::group, digest, {}}).value.error().code ==
        errc::refused);
  CHECK(call(actors, node_endpoint, {message_kind::command, digest, "x"}).value.error().code ==
        errc::invalid); // a command travels in an envelope of kind `calls`
  CHECK(call(actors, node_endpoint, {message_kind::consensus, digest, "x"}).value.error().code ==
        errc::refused);
  CHECK(call(actors, node_endpoint, {static_cast<message_kind>(77), digest, "x"})
            .value.error()
            .code == errc::invalid);
  CHECK(call(actors, node_endpoint, {message_kind::handshake, digest, "x"}).value.error().code ==
        errc::corrupt);
  caf::anon_send_exit(node_endpoint, caf::exit_reason::user_shutdown);
}

TEST_CASE("a master with a member's id and another data folder is refused") {
  runtime::system actors{1};
  auto self = master_of_group(1);
  auto node_endpoint = spawn_on_io_thread<node_endpoint_actor>(
      *actors, node_endpoint_actor::settings{self, nullptr, nullptr});
  caf::anon_send(node_endpoint, member_folders{{{1, "folder 1"}, {2, "folder 2"}}});

  auto member = master_of_group(2);
  CHECK(send_handshake(actors, node_endpoint, member).value.has_value());
  member.folder = "another folder";
  auto refused = send_handshake(actors, node_endpoint, member).value;
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::refused);
  CHECK_MESSAGE(refused.error().message.find("admin master replace master-2") != std::string::npos,
                refused.error().message);
  member.replica = 3; // not yet a member
  CHECK(send_handshake(actors, node_endpoint, member).value.has_value());
  caf::anon_send_exit(node_endpoint, caf::exit_reason::user_shutdown);
}

TEST_CASE("nodes whose wire versions meet are connected, and know the version that both speak") {
  auto port = free_port();
  auto here = named("reef", "here");
  here.wire = {7, 9};
  auto there = named("reef", "there");
  there.wire = {6, 8};
  small_node other{there, port};
  events seen;
  runtime::system actors{2, speaking(here.wire)};
  auto connection = connect_to(actors, here, other.where, seen.supervisor(*actors));
  seen.wait([&] { return seen.up; });
  CHECK(common_version(here.wire, seen.wire) == 8);
  auto answer = call(actors, connection, {message_kind::application, cluster_digest(here), "echo"});
  REQUIRE(answer.value.has_value());
  CHECK(*answer.value == "echo");
}

TEST_CASE("nodes without a common wire version are told both ranges, by the connection and by the "
          "node behind it") {
  auto there = named("reef", "there");
  there.wire = {8, 9};
  auto here = named("reef", "here");
  here.wire = {6, 7};
  for (auto connection_speaks : {spi::version_range{6, 7}, spi::version_range{6, 8}}) {
    small_node other{there, free_port()};
    events seen;
    runtime::system actors{2, speaking(connection_speaks)};
    auto connection = connect_to(actors, here, other.where, seen.supervisor(*actors));
    seen.wait([&] { return !seen.reason.empty(); });
    CHECK_FALSE(seen.up);
    CHECK_MESSAGE(seen.reason.find("wire version 6 to 7") != std::string::npos, seen.reason);
    CHECK_MESSAGE(seen.reason.find("8 to 9") != std::string::npos, seen.reason);
  }
}

TEST_CASE("a master whose log is shorter than before its restart is refused as running on an "
          "older copy of its disk") {
  runtime::system actors{1};
  auto self = master_of_group(1);
  auto node_endpoint = spawn_on_io_thread<node_endpoint_actor>(
      *actors, node_endpoint_actor::settings{self, nullptr, nullptr});
  auto peer = master_of_group(2);
  peer.mark = {.incarnation = 4, .term = 7, .entry = 100};
  CHECK(send_handshake(actors, node_endpoint, peer).value.has_value());
  // The heartbeats of one incarnation advance the mark.
  auto later = peer.mark;
  later.entry = 120;
  CHECK(call(actors, node_endpoint, {message_kind::ping, cluster_digest(self), encode(later, 2)})
            .value.has_value());
  CHECK(send_handshake(actors, node_endpoint, peer).value.has_value()); // a reconnect

  auto comes_back_with = [&](std::uint64_t incarnation, std::uint64_t term, std::uint64_t entry) {
    auto restarted = peer;
    restarted.mark = {.incarnation = incarnation, .term = term, .entry = entry};
    return send_handshake(actors, node_endpoint, restarted).value;
  };
  for (auto [term, entry] : {std::pair{7, 119}, {6, 120}, {6, 119}, {0, 0}}) {
    CAPTURE(term);
    CAPTURE(entry);
    auto refused = comes_back_with(5, term, entry);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == errc::corrupt);
    CHECK_MESSAGE(refused.error().message.find("older copy") != std::string::npos,
                  refused.error().message);
  }
  CHECK(comes_back_with(5, 7, 120).has_value());
  caf::anon_send_exit(node_endpoint, caf::exit_reason::user_shutdown);
}

TEST_CASE("a port in use is an error that names the address") {
  auto port = free_port();
  small_node first{named("reef", "a"), port};
  runtime::system actors{1};
  auto node_endpoint = spawn_on_io_thread<node_endpoint_actor>(
      *actors, node_endpoint_actor::settings{named("reef", "b"), nullptr, nullptr});
  auto published = actors.publish(node_endpoint, {"127.0.0.1", port});
  REQUIRE_FALSE(published.has_value());
  CHECK(published.error().message.find("127.0.0.1:" + std::to_string(port)) != std::string::npos);
  caf::anon_send_exit(node_endpoint, caf::exit_reason::user_shutdown);
}

TEST_CASE("a request to an actor that has ended fails at once") {
  runtime::system actors{1};
  auto node_endpoint = spawn_on_io_thread<node_endpoint_actor>(
      *actors, node_endpoint_actor::settings{named("reef", "here"), nullptr, nullptr});
  caf::scoped_actor self{*actors};
  self->monitor(node_endpoint);
  caf::anon_send_exit(node_endpoint, caf::exit_reason::user_shutdown);
  self->receive([](const caf::down_msg&) {});
  self->request(node_endpoint, std::chrono::seconds{60}, envelope{message_kind::ping, 0, {}})
      .receive([](const envelope&) { FAIL("it answered"); },
               [](const caf::error& why) { CHECK(why == caf::sec::request_receiver_down); });
}
