#include "bulk/bulk_limits.hpp"
#include "bulk/bulk_protocol.hpp"
#include "common/master_protocol.hpp"
#include "node_ports.hpp"
#include "proved_connection.hpp"

#include <atoll/runtime/calls.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/runtime_limits.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/spi/codec.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <vector>

/// Peers that belong to the cluster, or nearly, and misbehave: refused with the reason, or
/// harmless.
namespace {

namespace net = atl::net;
namespace runtime = atl::runtime;
using atl::errc;

/// What a node may need for its own work meanwhile, such as the first reads of a scrub.
constexpr std::size_t own_bytes_max = 2 << 20;

cluster_shape small_cluster(bool has_secret = true) {
  cluster_shape shape;
  shape.storages = shape.copies = 1;
  shape.has_secret = has_secret;
  return shape;
}

net::plane plane_of(const test_cluster& cluster, const node_port& of) {
  auto is_configured = cluster.port_of(of.node) == of.port;
  if (of.node.starts_with("master"))
    return is_configured ? net::plane::control : net::plane::snapshot;
  return is_configured ? net::plane::bulk : net::plane::control;
}

raw_connection join_at(const test_cluster& cluster, const node_port& to) {
  return prove_to(to.port, client_identity(plane_of(cluster, to)), cluster.settings().secret);
}

std::string little_endian(std::uint32_t number) {
  return {reinterpret_cast<const char*>(&number), sizeof(number)};
}

/// Beginnings of messages that announce as much as a port takes, and the most that can be said.
std::vector<std::string> announcements(net::plane plane) {
  std::string rest(1024, 'x');
  if (plane == net::plane::bulk) {
    auto frame = dfs::wire::encode_frame(dfs::wire::op::write, rest);
    auto with_size = [&](std::size_t size) {
      return frame.substr(0, 8) + little_endian(static_cast<std::uint32_t>(size)) +
             frame.substr(12);
    };
    return {with_size(0xffff'ffff), with_size(dfs::frame_body_bytes_max)};
  }
  if (plane == net::plane::control)
    return {little_endian(0xffff'ffff) + rest,
            little_endian(static_cast<std::uint32_t>(runtime::message_bytes_max)) + rest};
  return {std::string(27, '\xff')}; // a request for a file, without its last byte
}

/// What a node says about itself to a client of the control port.
runtime::node_info ask_node_info(raw_connection& over) {
  runtime::node_info self;
  self.cluster = "test";
  self.name = "a test";
  over.send(control_frame(encode_envelope(
      1, 1,
      {runtime::message_kind::handshake, runtime::cluster_digest(self), runtime::encode(self)})));
  auto answer = receive_envelope(over);
  REQUIRE(answer.has_value());
  auto decoded = runtime::decode_reply(answer->message.body);
  REQUIRE_MESSAGE(decoded.value.has_value(), decoded.value.error().message);
  auto response = runtime::decode_handshake_response(*decoded.value, self.wire);
  REQUIRE(response.has_value());
  return response->self;
}

/// Sends the frames over a connection to a master, and waits until the master has taken them all.
void send_together(raw_connection over, const std::vector<std::string>& frames) {
  for (auto& frame : frames)
    CHECK(over.send(frame));
  constexpr std::uint64_t last = 1'000'000;
  over.send(control_frame(
      encode_envelope(1, last, {runtime::message_kind::group, 0, {}, dfs::master_role_name})));
  auto answer = receive_envelope(over);
  while (answer && answer->id != last)
    answer = receive_envelope(over);
  CHECK(answer.has_value()); // otherwise the master has closed the connection
}

/// Sends each frame over a connection of its own, because a node closes it after a bad one.
void send_apart(const test_cluster& cluster, const node_port& to,
                const std::vector<std::string>& frames) {
  for (auto& frame : frames) {
    auto connection = join_at(cluster, to);
    connection.send(frame);
    connection.end_sending();
    connection.receive_all();
  }
}

} // namespace

TEST_CASE("a proved peer that announces a large message and sends a part of it takes no memory") {
  test_cluster cluster{small_cluster()};
  cluster.up();
  auto ports = ports_of(cluster);
  for (std::size_t which : {0U, 1U}) {
    CAPTURE(which);
    std::vector<raw_connection> held;
    auto announce = [&](int count) {
      for (auto& to : ports)
        for (int i = 0; i < count; ++i) {
          auto all = announcements(plane_of(cluster, to));
          held.push_back(join_at(cluster, to));
          held.back().send(all[which % all.size()]);
        }
    };
    announce(8);
    held.clear();
    node_watch{cluster}.check(); // memory is measured after the first use of everything
    node_watch nodes{cluster};
    announce(8);
    nodes.check_memory(own_bytes_max);
    nodes.check();
  }
}

TEST_CASE("a message with a damaged checksum closes its connection") {
  test_cluster cluster{small_cluster()};
  cluster.up();
  node_watch nodes{cluster};
  for (auto& to : ports_of(cluster)) {
    auto plane = plane_of(cluster, to);
    if (plane == net::plane::snapshot)
      continue; // its requests have no checksum
    CAPTURE(to.node);
    auto message = encode_envelope(0, 0, {runtime::message_kind::ping, 1, "a body"});
    auto frame = plane == net::plane::bulk ? dfs::wire::encode_frame(dfs::wire::op::probe, "a body")
                                           : control_frame(message);
    for (int i = 0; i < 100; ++i) {
      frame.back() ^= static_cast<char>(1 + i);
      auto connection = join_at(cluster, to);
      connection.send(frame);
      connection.receive_all();
      frame.back() ^= static_cast<char>(1 + i);
    }
  }
  nodes.check();
}

TEST_CASE("envelopes of every kind, and of unknown ones, with random bodies disturb no master") {
  for (std::string consensus : {"two_phase_commit", "raft", "paxos"}) {
    CAPTURE(consensus);
    auto shape = small_cluster();
    shape.consensus = consensus;
    test_cluster cluster{shape};
    cluster.up();
    node_watch nodes{cluster};
    node_port master{"master-1", cluster.port_of("master-1")};
    auto connection = join_at(cluster, master);
    auto info = ask_node_info(connection);
    atl::spi::random_source random{1};
    std::vector<std::string> frames;
    for (std::uint16_t number = 0; number < 4000; ++number) {
      runtime::envelope message;
      message.kind = static_cast<runtime::message_kind>(number < 3600 ? number % 120 : number * 13);
      message.digest = runtime::cluster_digest(info);
      message.body = random_bytes(random.below(300), random.next());
      message.role = random.below(8) == 0 ? random_bytes(random.below(32), random.next())
                                          : dfs::master_role_name;
      if (message.kind == runtime::message_kind::consensus) {
        message.digest = runtime::group_digest(info, *info.find_role(dfs::master_role_name));
        message.body = runtime::encode_peer_messages(2 + random.below(2), 1, {message.body});
      } else if (message.kind == runtime::message_kind::snapshot) {
        message.digest = runtime::group_digest(info, *info.find_role(dfs::master_role_name));
        atl::spi::writer ids;
        ids.put(atl::spi::replica_id{2}).put(atl::spi::replica_id{1});
        message.body = ids.take() + message.body;
      } else if (message.kind == runtime::message_kind::calls) {
        message.body = runtime::encode(std::vector<runtime::client_call>{
            {number, runtime::message_kind::command, message.body},
            {number, runtime::message_kind::query, random_bytes(random.below(300), number)}});
      } else if (message.kind == runtime::message_kind::handshake) {
        auto stranger = info;
        stranger.name = fmt::format("stranger-{}", number);
        stranger.cluster += "-2";
        message.body = runtime::encode(stranger);
      } else if (random.below(8) == 0) {
        message.digest = random.next();
      }
      auto use = static_cast<std::uint8_t>(random.below(3)); // alone, a request, a response
      frames.push_back(control_frame(encode_envelope(use, number, message)));
    }
    send_together(std::move(connection), frames);
    for (auto& frame : frames)
      frame = control_frame(random_bytes(random.below(100), random.next()));
    frames.resize(500);
    send_apart(cluster, master, frames);
    nodes.check();
    eventually("refusals are logged", [&] { return nodes.logged_refusals() > 0; });
  }
}

TEST_CASE("requests of every kind, and of unknown ones, with random bodies disturb no storage "
          "node") {
  test_cluster cluster{small_cluster()};
  cluster.up();
  node_watch nodes{cluster};
  atl::spi::random_source random{1};
  std::vector<std::string> frames;
  for (std::uint16_t number = 0; number < 1000; ++number) {
    auto op = static_cast<dfs::wire::op>(number % 10);
    frames.push_back(dfs::wire::encode_frame(op, random_bytes(random.below(300), random.next())));
  }
  send_apart(cluster, {"storage-1", cluster.port_of("storage-1")}, frames);
  nodes.check();
}

TEST_CASE("a peer that doesn't belong to the cluster is refused with the reason") {
  temporary_folder folder;
  auto other = net::cluster_secret::create(folder / "secret");
  REQUIRE(other.has_value());
  for (bool has_secret : {true, false}) {
    CAPTURE(has_secret);
    test_cluster cluster{small_cluster(has_secret)};
    cluster.up();
    node_watch nodes{cluster};
    auto secret = cluster.settings().secret;
    REQUIRE(secret.empty() != has_secret);
    for (auto& to : ports_of(cluster)) {
      CAPTURE(to.node);
      auto self = client_identity(plane_of(cluster, to));
      auto refusal = [&](const net::identity& who, const net::cluster_secret& with) {
        auto dialed = dial_port(to.port, who, with);
        REQUIRE(!dialed.has_value());
        CHECK(dialed.error().problem.code == errc::refused);
        MESSAGE(dialed.error().problem.message);
        return dialed.error().problem.message;
      };
      auto has = [](const std::string& text, std::string_view part) {
        return text.find(part) != text.npos;
      };
      CHECK(has(refusal(self, *other), "secret"));
      if (has_secret)
        CHECK(has(refusal(self, {}), "secret"));
      auto elsewhere = self;
      elsewhere.cluster = "production";
      CHECK(has(refusal(elsewhere, secret), "'production'"));
      auto newer = self;
      newer.wire.min = 1000;
      CHECK(has(refusal(newer, secret), "1000"));
      auto astray = self;
      astray.plane = static_cast<net::plane>((static_cast<int>(self.plane) + 1) % 3);
      CHECK(has(refusal(astray, secret), net::to_string(astray.plane)));
      CHECK(dial_port(to.port, self, secret).has_value());
    }
    nodes.check();
    eventually("refusals are logged", [&] { return nodes.logged_refusals() > 0; });
  }
}
