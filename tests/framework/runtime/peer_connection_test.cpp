#include "free_port.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/node_endpoint.hpp>
#include <atoll/runtime/peer_connection.hpp>
#include <atoll/runtime/system.hpp>

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>
#include <optional>

using namespace atl;
using namespace atl::runtime;

namespace {

connection_settings quick() {
  return {std::chrono::milliseconds{50}, std::chrono::milliseconds{30'000},
          std::chrono::milliseconds{10}, std::chrono::milliseconds{100}};
}

node_info named(std::string cluster, std::string name) {
  node_info info;
  info.cluster = std::move(cluster);
  info.name = std::move(name);
  return info;
}

role_info storage() {
  role_info role;
  role.name = "storage";
  return role;
}

std::shared_ptr<node_description> describe(const node_info& self, const role_info& role) {
  auto description = std::make_shared<node_description>(self);
  description->set_role(role);
  return description;
}

caf::actor spawn_endpoint(runtime::system& actors, const node_info& self, const role_info& role,
                          caf::actor application = nullptr) {
  return spawn_on_io_thread<node_endpoint_actor>(
      *actors,
      node_endpoint_actor::settings{
          describe(self, role), {{role, nullptr, std::move(application), {}, "dfs admin master"}}});
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
    node_endpoint = spawn_endpoint(actors, info, storage(), echo);
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
  auto connection = spawn_on_io_thread<peer_connection_actor>(
      *actors, peer_connection_actor::settings{"peer", std::move(where), describe(self, storage()),
                                               quick(), 1});
  caf::anon_send(connection, add_subscriber{1, {std::move(supervisor), "storage", "peer"}});
  return connection;
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

role_info master_role(spi::replica_id id) {
  role_info role;
  role.name = "master";
  role.replica = id;
  role.consensus = {"raft", "1.0.0", {}, {}};
  role.group = "a group";
  return role;
}

/// A member of a group of masters; its data folder is `folder <id>`.
node_info master_of_group(spi::replica_id id) {
  auto info = named("reef", "master-" + std::to_string(id));
  info.folder = "folder " + std::to_string(id);
  info.roles = {master_role(id)};
  return info;
}

/// The refusal of the role of a master, or none.
std::optional<error> send_handshake(runtime::system& actors, const caf::actor& node_endpoint,
                                    const node_info& who) {
  auto answer =
      call(actors, node_endpoint, {message_kind::handshake, cluster_digest(who), encode(who)});
  REQUIRE_MESSAGE(answer.value.has_value(), answer.value.error().message);
  auto response = decode_handshake_response(*answer.value, who.wire);
  REQUIRE(response.has_value());
  if (response->refused.empty())
    return std::nullopt;
  CHECK(response->refused[0].role == "master");
  return response->refused[0].why;
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
      call(actors, connection, {message_kind::application, cluster_digest(info), "x", "storage"});
  CHECK(unreachable.value.error().code == errc::unavailable);
  for (int round = 0; round < 2; ++round) {
    {
      small_node other{named("reef", "there"), port};
      seen.wait([&] { return seen.up; });
      auto answer = call(actors, connection,
                         {message_kind::application, cluster_digest(info), "echo", "storage"});
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
    "an endpoint refuses messages of other clusters, of other groups, for roles that the node "
    "doesn't have, and of unknown kinds") {
  runtime::system actors{1};
  auto info = named("reef", "here");
  auto node_endpoint = spawn_endpoint(actors, info, storage());
  auto digest = cluster_digest(info);
  auto refusal = [&](message_kind kind, std::uint64_t with, std::string role = "storage") {
    return call(actors, node_endpoint, {kind, with, "x", std::move(role)}).value.error();
  };
  CHECK(call(actors, node_endpoint, {message_kind::ping, digest, {}}).value.has_value());
  CHECK(refusal(message_kind::ping, digest + 1).code == errc::refused);
  CHECK(refusal(message_kind::group, digest).code == errc::refused);
  CHECK(refusal(message_kind::command, digest).code ==
        errc::invalid); // a command travels in an envelope of kind `calls`
  CHECK(refusal(message_kind::consensus, digest).code == errc::refused);
  CHECK(refusal(static_cast<message_kind>(77), digest).code == errc::invalid);
  CHECK(refusal(message_kind::handshake, digest).code == errc::corrupt);
  CHECK(refusal(message_kind::deferred, digest).code == errc::refused);
  auto stray = refusal(message_kind::application, digest, "storaeg");
  CHECK(stray.code == errc::unavailable);
  CHECK(stray.message ==
        "here: this node doesn't have the role 'storaeg'; it has: storage; did you "
        "mean 'storage'?");
  CHECK(refusal(message_kind::consensus, digest, "jobs").message.find("it has: storage") !=
        std::string::npos);
  CHECK(refusal(message_kind::application, digest, "").message.find("names no role") !=
        std::string::npos);
  caf::anon_send_exit(node_endpoint, caf::exit_reason::user_shutdown);
}

TEST_CASE("a master with a member's id and another data folder is refused") {
  runtime::system actors{1};
  auto node_endpoint = spawn_endpoint(actors, master_of_group(1), master_role(1));
  caf::anon_send(node_endpoint, member_folders{"master", {{1, "folder 1"}, {2, "folder 2"}}});

  auto member = master_of_group(2);
  CHECK_FALSE(send_handshake(actors, node_endpoint, member).has_value());
  member.folder = "another folder";
  auto refused = send_handshake(actors, node_endpoint, member);
  REQUIRE(refused.has_value());
  CHECK(refused->code == errc::refused);
  CHECK_MESSAGE(refused->message.find("'dfs admin master replace master-2'") != std::string::npos,
                refused->message);
  member.roles[0].replica = 3; // not yet a member
  CHECK_FALSE(send_handshake(actors, node_endpoint, member).has_value());
  caf::anon_send_exit(node_endpoint, caf::exit_reason::user_shutdown);
}

TEST_CASE("nodes whose wire versions meet are connected, and know the version that both speak") {
  auto port = free_port();
  auto here = named("reef", "here");
  here.wire = {7, 9};
  auto there = named("reef", "there");
  there.wire = {6, 8};
  events seen;
  runtime::system actors{2, speaking(here.wire)};
  small_node other{there, port};
  auto connection = connect_to(actors, here, other.where, seen.supervisor(*actors));
  spi::version_range wire;
  seen.wait([&] {
    wire = seen.wire;
    return seen.up;
  });
  CHECK(common_version(here.wire, wire) == 8);
  auto answer = call(actors, connection,
                     {message_kind::application, cluster_digest(here), "echo", "storage"});
  REQUIRE(answer.value.has_value());
  CHECK(*answer.value == "echo");
  caf::anon_send_exit(connection, caf::exit_reason::user_shutdown);
}

TEST_CASE("nodes without a common wire version are told both ranges, by the connection and by the "
          "node behind it") {
  auto there = named("reef", "there");
  there.wire = {8, 9};
  auto here = named("reef", "here");
  here.wire = {6, 7};
  for (auto connection_speaks : {spi::version_range{6, 7}, spi::version_range{6, 8}}) {
    events seen;
    runtime::system actors{2, speaking(connection_speaks)};
    small_node other{there, free_port()};
    auto connection = connect_to(actors, here, other.where, seen.supervisor(*actors));
    std::string reason;
    seen.wait([&] {
      reason = seen.reason;
      return seen.up || !reason.empty();
    });
    CHECK_MESSAGE(reason.find("wire version 6 to 7") != std::string::npos, reason);
    CHECK_MESSAGE(reason.find("8 to 9") != std::string::npos, reason);
    caf::anon_send_exit(connection, caf::exit_reason::user_shutdown);
  }
}

TEST_CASE(
    "a master whose log is shorter than before its restart, or whose incarnation is lower, is "
    "refused as running on an older copy of its disk") {
  runtime::system actors{1};
  auto self = master_of_group(1);
  auto node_endpoint = spawn_endpoint(actors, self, master_role(1));
  auto peer = master_of_group(2);
  auto& mark = peer.roles[0].mark;
  mark = {.incarnation = 4, .term = 7, .entry = 100};
  CHECK_FALSE(send_handshake(actors, node_endpoint, peer).has_value());
  // The heartbeats of one incarnation advance the mark.
  auto later = mark;
  later.entry = 120;
  CHECK(call(actors, node_endpoint,
             {message_kind::ping, cluster_digest(self), encode_marks({{"master", 2, later}})})
            .value.has_value());
  CHECK_FALSE(send_handshake(actors, node_endpoint, peer).has_value()); // a reconnect

  auto comes_back_with = [&](std::uint64_t incarnation, std::uint64_t term, std::uint64_t entry) {
    auto restarted = peer;
    restarted.roles[0].mark = {.incarnation = incarnation, .term = term, .entry = entry};
    return send_handshake(actors, node_endpoint, restarted);
  };
  for (auto [term, entry] : {std::pair{7, 119}, {6, 120}, {6, 119}, {0, 0}}) {
    CAPTURE(term);
    CAPTURE(entry);
    auto refused = comes_back_with(5, term, entry);
    REQUIRE(refused.has_value());
    CHECK(refused->code == errc::corrupt);
    CHECK_MESSAGE(refused->message.find("older copy") != std::string::npos, refused->message);
  }
  CHECK_FALSE(comes_back_with(5, 7, 120).has_value());
  // Another copy of the data folder was started in between, however long its log is.
  for (auto [term, entry] : {std::pair{7, 120}, {9, 500}}) {
    auto refused = comes_back_with(4, term, entry);
    REQUIRE(refused.has_value());
    CHECK(refused->code == errc::corrupt);
    CHECK_MESSAGE(refused->message.find("incarnation 4") != std::string::npos, refused->message);
    CHECK_MESSAGE(refused->message.find("incarnation 5") != std::string::npos, refused->message);
  }
  CHECK_FALSE(comes_back_with(5, 7, 120).has_value()); // a reconnect
  // The copy that ran first is still connected: its heartbeat fails, which ends the connection.
  auto beat = [&](std::uint64_t incarnation) {
    auto first = mark;
    first.incarnation = incarnation;
    return call(actors, node_endpoint,
                {message_kind::ping, cluster_digest(self), encode_marks({{"master", 2, first}})});
  };
  CHECK_FALSE(beat(4).value.has_value());
  CHECK(beat(5).value.has_value());
  caf::anon_send_exit(node_endpoint, caf::exit_reason::user_shutdown);
}

TEST_CASE("a port in use is an error that names the address") {
  auto port = free_port();
  small_node first{named("reef", "a"), port};
  runtime::system actors{1};
  auto node_endpoint = spawn_endpoint(actors, named("reef", "b"), storage());
  auto published = actors.publish(node_endpoint, {"127.0.0.1", port});
  REQUIRE_FALSE(published.has_value());
  CHECK(published.error().message.find("127.0.0.1:" + std::to_string(port)) != std::string::npos);
  caf::anon_send_exit(node_endpoint, caf::exit_reason::user_shutdown);
}

TEST_CASE("a request to an actor that has ended fails at once") {
  runtime::system actors{1};
  auto node_endpoint = spawn_endpoint(actors, named("reef", "here"), storage());
  caf::scoped_actor self{*actors};
  self->monitor(node_endpoint);
  caf::anon_send_exit(node_endpoint, caf::exit_reason::user_shutdown);
  self->receive([](const caf::down_msg&) {});
  self->request(node_endpoint, std::chrono::seconds{60}, envelope{message_kind::ping, 0, {}})
      .receive([](const envelope&) { FAIL("it answered"); },
               [](const caf::error& why) { CHECK(why == caf::sec::request_receiver_down); });
}
