// Proved peers send bytes that make no sense; the server keeps serving whatever they send.
#include "bulk/bulk_protocol.hpp"
#include "bulk_fixture.hpp"

#include <atoll/core/crc32c.hpp>

#include <cstring>
#include <random>

using namespace dfs;
using namespace dfs::test;
using atl::errc;

namespace {

void expect_serving(bulk_node& node) {
  auto key = key_of(4711);
  REQUIRE(put(*node.at.store, key, "still here"));
  // A node with little patience may hang up on this thread while it stands still.
  bulk_connection over{node.endpoint(), caller_options()};
  wait_until([&] { return fetch(over, key, 0, 100) == "still here"; });
}

/// A valid header except for one field.
std::string header(std::uint32_t magic, std::uint16_t version, std::uint16_t op,
                   std::uint32_t size) {
  std::string out(wire::header_size, '\0');
  std::memcpy(out.data(), &magic, 4);
  std::memcpy(out.data() + 4, &version, 2);
  std::memcpy(out.data() + 6, &op, 2);
  std::memcpy(out.data() + 8, &size, 4);
  auto crc = atl::crc32c(std::string_view{out}.substr(0, 12));
  std::memcpy(out.data() + 12, &crc, 4);
  return out;
}

constexpr std::uint32_t magic = 0x6b6c7562;

} // namespace

TEST_CASE("random bytes after the handshake close the connection, and nothing more") {
  bulk_node node;
  node.start();
  for (std::uint64_t i = 0; i < 50; ++i) {
    raw_client liar{node.endpoint()};
    liar.send(pattern(16 + i * 100, i));
    CHECK(liar.receive_all().empty());
  }
  CHECK(node.server->stats().malformed == 50);
  expect_serving(node);
}

TEST_CASE("a header with one wrong field is refused without waiting for its body") {
  bulk_node node;
  node.start();
  std::string wrong;
  SUBCASE("a body of 4 GiB") {
    wrong = header(magic, wire::version, 1, 0xffffffff);
  }
  SUBCASE("a body a byte too long") {
    wrong = header(magic, wire::version, 1, frame_body_bytes_max + 1);
  }
  SUBCASE("another magic number") {
    wrong = header(magic + 1, wire::version, 1, 0);
  }
  SUBCASE("another version") {
    wrong = header(magic, wire::version - 1, 1, 0);
  }
  SUBCASE("an unknown operation") {
    wrong = header(magic, wire::version, 99, 0);
  }
  SUBCASE("a reply") {
    wrong = wire::encode_frame(wire::op::reply, "");
  }
  SUBCASE("an empty body") {
    wrong = wire::encode_frame(wire::op::write, "");
  }
  SUBCASE("a wrong checksum") {
    wrong = wire::encode_frame(wire::op::read, "body");
    wrong.back() ^= 1;
  }
  raw_client liar{node.endpoint()};
  REQUIRE(liar.send(wrong));
  CHECK(liar.receive_all().empty());
  CHECK(node.server->stats().malformed == 1);
  expect_serving(node);
}

TEST_CASE("a request truncated at any byte or with an altered byte harms no node") {
  bulk_node node;
  node.start();
  std::string bodies[] = {
      wire::encode(wire::read_request{"token", key_of(1), 10, 20}),
      wire::encode(wire::write_request{"token",
                                       key_of(1).chunk,
                                       10,
                                       durability::fsync,
                                       1000,
                                       {{"a", {"host", 1}, 0}, {"b", {"host", 2}, 1}}}),
      wire::encode(wire::report_request{"token", key_of(1), {}}),
      wire::encode(wire::copy_request{"token", key_of(1), {"host", 1}, 2})};
  auto decode_all = [](std::string_view body) {
    return wire::decode_read(body).has_value() + wire::decode_write(body).has_value() +
           wire::decode_report(body).has_value() + wire::decode_copy(body).has_value();
  };
  std::mt19937 random{7};
  for (const auto& body : bodies) {
    CHECK(decode_all(body) >= 1);
    for (std::size_t size = 0; size < body.size(); ++size) {
      auto request = wire::decode_write(std::string_view{body}.substr(0, size));
      CHECK(!request);
    }
    for (int i = 0; i < 2000; ++i) {
      auto changed = body;
      changed[random() % changed.size()] = static_cast<char>(random());
      decode_all(changed);
    }
  }
  CHECK(!wire::decode_read(bodies[0] + "x"));
}

TEST_CASE("a write above the largest fragment, or without targets, is malformed") {
  wire::write_request request{
      "",   key_of(1).chunk,        fragment_bytes_max + 1, durability::fsync,
      1000, {{"a", {"host", 1}, 0}}};
  CHECK(!wire::decode_write(wire::encode(request)));
  request.size = 1;
  CHECK(wire::decode_write(wire::encode(request)));
  request.targets.clear();
  CHECK(!wire::decode_write(wire::encode(request)));
  request.targets.assign(write_targets_max + 1, {"a", {"host", 1}, 0});
  CHECK(!wire::decode_write(wire::encode(request)));
}

TEST_CASE("a reply that doesn't match the request is corrupt") {
  wire::read_reply reply{3 * block_size, {block_size, block_size}, {1}};
  auto good = wire::encode(reply);
  CHECK(wire::decode_read_reply(good, block_size + 5, 10));
  CHECK(!wire::decode_read_reply(good, 0, 10));
  CHECK(!wire::decode_read_reply(good, block_size, 2 * block_size));
  CHECK(!wire::decode_read_reply(good + "abcd", block_size + 5, 10));
  reply.fragment_size = UINT64_MAX;
  CHECK(!wire::decode_read_reply(wire::encode(reply), block_size + 5, 10));
}

TEST_CASE("a connection beyond the limit is refused as busy, and the others continue") {
  bulk_node node;
  node.options.connections_max = 3;
  node.start();
  REQUIRE(put(*node.at.store, key_of(1), "data"));
  std::vector<std::unique_ptr<bulk_connection>> connections;
  for (int i = 0; i < 3; ++i) {
    connections.push_back(std::make_unique<bulk_connection>(node.endpoint(), caller_options()));
    CHECK(fetch(*connections.back(), key_of(1), 0, 4) == "data");
  }
  bulk_connection one_more{node.endpoint(), caller_options()};
  CHECK(fetch(one_more, key_of(1), 0, 4) == "busy");
  std::vector<write_target> targets = {node.target()};
  auto written =
      one_more.write_chunk(targets, key_of(2).chunk, pattern(8 * 1024 * 1024), durability::fsync);
  REQUIRE(!written);
  CHECK(written.error().code == errc::busy);
  CHECK(node.server->stats().busy == 2);
  for (auto& each : connections)
    CHECK(fetch(*each, key_of(1), 0, 4) == "data");
  // A connection is accepted again when another one closes.
  connections.pop_back();
  wait_until([&] { return node.server->stats().connections == 2; });
  CHECK(fetch(one_more, key_of(1), 0, 4) == "data");
}

TEST_CASE("a peer that sends nothing, or too slowly, is disconnected") {
  bulk_node node;
  node.options.idle_time = std::chrono::milliseconds{50};
  node.options.timeouts.progress = std::chrono::milliseconds{50};
  node.start();
  raw_client silent{node.endpoint()};
  CHECK(silent.receive_all().empty());
  raw_client slow{node.endpoint()};
  auto request = wire::encode_frame(wire::op::read, std::string(60'000, 'x'));
  REQUIRE(slow.send(request.substr(0, 100)));
  std::size_t sent = 100;
  while (sent < request.size() && slow.send(request.substr(sent, 1)))
    ++sent;
  CHECK(slow.receive_all().empty());
  wait_until([&] { return node.server->stats().connections == 0; });
  expect_serving(node);
}

TEST_CASE("a reader that doesn't read is disconnected") {
  bulk_node node;
  node.options.timeouts.progress = std::chrono::milliseconds{50};
  node.start();
  REQUIRE(put(*node.at.store, key_of(1), pattern(fragment_bytes_max)));
  raw_client lazy{node.endpoint()};
  wire::read_request request{"", key_of(1), 0, fragment_bytes_max};
  REQUIRE(lazy.send(wire::encode_frame(wire::op::read, wire::encode(request))));
  lazy.socket.wait(boost::asio::ip::tcp::socket::wait_read); // the server has begun to send
  wait_until([&] { return node.server->stats().connections == 0; });
  CHECK(node.server->stats().read_bytes == 0);
}
