#include "bulk/bulk_protocol.hpp"
#include "bulk_fixture.hpp"

#include <atoll/core/crc32c.hpp>

#include <algorithm>
#include <atomic>

using namespace dfs;
using namespace dfs::test;
using atl::errc;

namespace {

constexpr std::size_t chunk_size = 8 * 1024 * 1024;
constexpr std::size_t sizes[] = {0,
                                 1,
                                 block_size - 1,
                                 block_size,
                                 block_size + 1,
                                 batch_size - 1,
                                 batch_size,
                                 batch_size + 1,
                                 3 * batch_size + 5,
                                 chunk_size};

} // namespace

TEST_CASE("a chunk of any size that is written to one node is read back") {
  bulk_cluster cluster{1};
  bulk_connection over{cluster[0].endpoint(), caller_options()};
  for (auto size : sizes) {
    CAPTURE(size);
    auto key = key_of(size);
    auto data = pattern(size, size);
    auto how = size % 2 == 0 ? durability::fsync : durability::replicated;
    CHECK(outcomes(over.write_chunk(cluster.targets(), key.chunk, data, how)) == "ok");
    CHECK(fetch(over, key, 0, size) == data);
    CHECK(get(*cluster[0].at.store, key) == data);
  }
}

TEST_CASE("a chunk of any size that is sent down a pipeline of three is on all of them") {
  bulk_cluster cluster{3};
  for (auto size : sizes) {
    CAPTURE(size);
    auto key = key_of(size);
    auto data = pattern(size, size);
    auto results =
        write_chunk(cluster.targets(), key.chunk, data, durability::fsync, caller_options());
    CHECK(outcomes(results) == "ok ok ok");
    CHECK(results->at(1).node == "node-2");
    for (const auto& node : cluster.nodes) {
      bulk_connection over{node->endpoint(), caller_options()};
      CHECK(fetch(over, key, 0, size) == data);
    }
  }
}

TEST_CASE("each node of a pipeline stores its copy under its own fragment number") {
  bulk_cluster cluster{2};
  auto data = pattern(1000);
  std::vector<write_target> targets = {cluster[0].target(4), cluster[1].target(9)};
  REQUIRE(outcomes(write_chunk(targets, key_of(1).chunk, data, durability::fsync,
                               caller_options())) == "ok ok");
  CHECK(get(*cluster[0].at.store, key_of(1, 4)) == data);
  CHECK(get(*cluster[1].at.store, key_of(1, 9)) == data);
}

TEST_CASE("any range of a fragment is read: whole blocks, parts of them, and beyond the end") {
  bulk_cluster cluster{1};
  auto size = 3 * block_size + 1000;
  auto data = pattern(size);
  REQUIRE(put(*cluster[0].at.store, key_of(1), data));
  bulk_connection over{cluster[0].endpoint(), caller_options()};
  std::size_t edges[] = {0,
                         1,
                         block_size - 1,
                         block_size,
                         block_size + 1,
                         2 * block_size + 7,
                         3 * block_size,
                         3 * block_size + 999,
                         size,
                         size + 1,
                         10 * size};
  for (auto offset : edges)
    for (auto length : edges) {
      CAPTURE(offset);
      CAPTURE(length);
      auto wanted = offset < size ? data.substr(offset, length) : std::string{};
      CHECK(fetch(over, key_of(1), offset, length) == wanted);
    }
  CHECK(fetch(over, key_of(1), UINT64_MAX, 10) == "");
}

TEST_CASE("a missing fragment is not found, and the connection stays usable") {
  bulk_cluster cluster{1};
  bulk_connection over{cluster[0].endpoint(), caller_options()};
  CHECK(fetch(over, key_of(1), 0, 10) == "not_found");
  CHECK(over.report_damage(key_of(1)).error().code == errc::not_found);
  REQUIRE(put(*cluster[0].at.store, key_of(1), "data"));
  CHECK(fetch(over, key_of(1), 0, 10) == "data");
  CHECK(cluster[0].server->stats().connections == 1);
}

TEST_CASE("writing the same chunk again succeeds, and writing other data under its name fails") {
  bulk_cluster cluster{2};
  bulk_connection over{cluster[0].endpoint(), caller_options()};
  auto data = pattern(100'000);
  auto write = [&](std::string_view bytes) {
    return outcomes(over.write_chunk(cluster.targets(), key_of(1).chunk, bytes, durability::fsync));
  };
  CHECK(write(data) == "ok ok");
  CHECK(write(data) == "ok ok");
  CHECK(write(pattern(100'000, 2)) == "exists exists");
  CHECK(fetch(over, key_of(1), 0, data.size()) == data);
}

TEST_CASE("many clients write and read at once") {
  bulk_cluster cluster{3};
  std::vector<std::thread> clients;
  std::atomic<int> wrong = 0;
  for (std::uint64_t client = 0; client < 6; ++client)
    clients.emplace_back([&, client] {
      auto targets = cluster.targets();
      std::rotate(targets.begin(), targets.begin() + static_cast<long>(client % 3), targets.end());
      bulk_connection over{targets.front().at, caller_options()};
      for (std::uint64_t i = 0; i < 10; ++i) {
        auto key = key_of(client * 100 + i);
        auto data = pattern(i * 100'000, client * 100 + i);
        auto done = over.write_chunk(targets, key.chunk, data, durability::replicated);
        wrong += outcomes(done) == "ok ok ok" ? 0 : 1;
        wrong += fetch(over, key, 0, data.size()) == data ? 0 : 1;
      }
    });
  for (auto& each : clients)
    each.join();
  CHECK(wrong == 0);
  // Connections between nodes are kept and shared, not made for each write.
  for (const auto& node : cluster.nodes)
    CHECK(node->server->stats().connections <= 6 + 6);
}

TEST_CASE("a connection that the node has closed is replaced without an error") {
  bulk_cluster cluster{1};
  REQUIRE(put(*cluster[0].at.store, key_of(1), "data"));
  bulk_connection over{cluster[0].endpoint(), caller_options()};
  CHECK(fetch(over, key_of(1), 0, 10) == "data");
  cluster[0].options.listen = cluster[0].endpoint();
  cluster[0].server.reset();
  CHECK(fetch(over, key_of(1), 0, 10) == "unavailable");
  cluster[0].start();
  CHECK(fetch(over, key_of(1), 0, 10) == "data");
  CHECK(outcomes(over.write_chunk(cluster.targets(), key_of(2).chunk, "more", durability::fsync)) ==
        "ok");
}

TEST_CASE("a node that repairs a fragment copies it from a node that has it") {
  bulk_cluster cluster{2};
  bulk_connection over{cluster[1].endpoint(), caller_options()};
  for (auto size : {std::size_t{0}, block_size + 1, chunk_size}) {
    auto data = pattern(size, size);
    REQUIRE(put(*cluster[0].at.store, key_of(size, 3), data));
    auto done = over.copy_fragment(key_of(size, 5), cluster[0].endpoint(), 3);
    REQUIRE_MESSAGE(done, done.error().message);
    CHECK(get(*cluster[1].at.store, key_of(size, 5)) == data);
  }
}

TEST_CASE("a host can be given by name") {
  bulk_node node;
  node.options.listen.host = "localhost";
  node.start();
  REQUIRE(put(*node.at.store, key_of(1), "data"));
  bulk_connection over{{"localhost", node.endpoint().port}, caller_options()};
  CHECK(fetch(over, key_of(1), 0, 10) == "data");
}

TEST_CASE("a token reaches the authorization of every node of a pipeline, and of copies") {
  bulk_node first{"first"};
  bulk_node second{"second"};
  for (auto* node : {&first, &second}) {
    node->options.authorize = [](const access_request& request) -> atl::status {
      if (request.token == "good" && request.key.chunk == key_of(1).chunk)
        return {};
      return atl::fail(errc::refused, "the capability is not good for this chunk");
    };
    node->start();
  }
  std::vector<write_target> targets = {first.target(), second.target()};
  auto options = caller_options();
  auto write = [&](const chunk_id& chunk) {
    return write_chunk(targets, chunk, pattern(chunk_size), durability::fsync, options);
  };
  auto refused = write(key_of(1).chunk);
  REQUIRE(!refused);
  CHECK(refused.error().code == errc::refused);
  CHECK(refused.error().message.find("capability") != std::string::npos);
  options.token = "good";
  CHECK(outcomes(write(key_of(1).chunk)) == "ok ok");
  CHECK(outcomes(write(key_of(2).chunk)) == "refused");

  bulk_connection over{second.endpoint(), options};
  CHECK(over.copy_fragment(key_of(1, 7), first.endpoint(), 0));
  CHECK(over.report_damage(key_of(1)).value() == true);
  options.token = "forged";
  bulk_connection forged{second.endpoint(), options};
  CHECK(fetch(forged, key_of(1), 0, 1) == "refused");
  CHECK(forged.report_damage(key_of(1)).error().code == errc::refused);
  CHECK(forged.copy_fragment(key_of(1, 8), first.endpoint(), 0).error().code == errc::refused);
}

TEST_CASE("a probe tells how busy a node is and how long its reads take") {
  bulk_cluster cluster{1};
  bulk_connection over{cluster[0].endpoint(), caller_options()};
  auto idle = over.probe();
  REQUIRE(idle.has_value());
  CHECK(idle->in_flight == 0);
  CHECK(idle->read_time.count() == 0);
  auto data = pattern(chunk_size);
  REQUIRE(outcomes(over.write_chunk(cluster.targets(), key_of(1).chunk, data, durability::fsync)) ==
          "ok");
  fetch(over, key_of(1), 0, chunk_size);
  auto read = over.probe();
  REQUIRE(read.has_value());
  CHECK(read->read_time.count() > 0);

  // A write that waits for its data is under way.
  {
    wire::write_request request;
    request.chunk = key_of(2).chunk;
    request.size = 1000;
    request.progress_ms = 60'000;
    request.targets = cluster.targets();
    raw_client writer{cluster[0].endpoint()};
    REQUIRE(writer.send(wire::encode_frame(wire::op::write, wire::encode(request))));
    wait_until([&] { return over.probe()->in_flight == 1; });
  }
  wait_until([&] { return over.probe()->in_flight == 0; });
}

TEST_CASE("a fragment in order that isn't what its chunk is encoded into is moved aside") {
  bulk_cluster nodes{1};
  auto data = pattern(2 * block_size + 7);
  REQUIRE(put(*nodes[0].at.store, key_of(1), data));
  bulk_connection over{nodes[0].endpoint(), caller_options()};
  auto crc = atl::crc32c(data);
  CHECK(over.check_fragment(key_of(1), crc)->is_intact);
  CHECK(get(*nodes[0].at.store, key_of(1)) == data);
  CHECK_FALSE(over.check_fragment(key_of(1), crc + 1)->is_intact);
  CHECK(get(*nodes[0].at.store, key_of(1)) == "not_found");
  CHECK(nodes[0].at.files_in("damaged") == 1);
}
