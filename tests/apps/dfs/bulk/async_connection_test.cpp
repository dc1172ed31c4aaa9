// Requests of coroutines: several in one thread, and requests that are given up.
#include "bulk/async_connection.hpp"
#include "bulk_fixture.hpp"

#include <atoll/core/open_files.hpp>
#include <atoll/net/all_of.hpp>
#include <atoll/net/run_here.hpp>

using namespace dfs;
using namespace dfs::test;
using atl::errc;
using boost::asio::awaitable;

namespace {

constexpr std::size_t chunk_size = 8 * 1024 * 1024;

struct reader {
  std::shared_ptr<boost::asio::io_context> context = atl::net::context_of_this_thread();
  async_bulk_connection over;
  std::string bytes;

  explicit reader(const atl::endpoint& node, std::size_t size = chunk_size)
      : over{context, node, caller_options()}, bytes(size, '?') {}

  awaitable<atl::result<std::size_t>> read(fragment_key key) {
    return over.read_fragment(key, 0, std::as_writable_bytes(std::span{bytes}));
  }
};

/// A read, and then the end of another one that was slower.
awaitable<atl::result<std::size_t>> outrun(reader& first, reader& other, fragment_key key) {
  auto got = co_await first.read(key);
  other.over.cancel();
  co_return got;
}

} // namespace

TEST_CASE("one thread writes to a pipeline and reads from several nodes at the same time") {
  bulk_cluster cluster{3};
  auto context = atl::net::context_of_this_thread();
  auto targets = cluster.targets();
  auto data = pattern(chunk_size);
  async_bulk_connection writer{context, targets[0].at, caller_options()};
  auto written = atl::net::run_here(
      *context, writer.write_chunk(targets, key_of(1).chunk, data, durability::fsync));
  CHECK(outcomes(written) == "ok ok ok");
  std::vector<std::unique_ptr<reader>> readers;
  std::vector<awaitable<atl::result<std::size_t>>> reads;
  for (int i = 0; i < 12; ++i) {
    readers.push_back(std::make_unique<reader>(targets[i % 3].at));
    reads.push_back(readers.back()->read(key_of(1)));
  }
  auto results = atl::net::run_here(*context, atl::net::all_of(std::move(reads)));
  for (int i = 0; i < 12; ++i) {
    CHECK(results[i] == chunk_size);
    CHECK(readers[i]->bytes == data);
  }
}

TEST_CASE("a read that another one outran is given up, and its connection serves again") {
  bulk_cluster cluster{1};
  REQUIRE(put(*cluster[0].at.store, key_of(1), "data"));
  reader quick{cluster[0].endpoint(), 4};
  atl::endpoint slow_node;
  silent_peer before;
  frozen_node after; // the handshake
  SUBCASE("while it connects") {
    slow_node = before.endpoint();
  }
  SUBCASE("while it waits for the answer") {
    slow_node = after.endpoint();
  }
  reader slow{slow_node, 4};
  for (int round = 0; round < 2; ++round) {
    std::vector<awaitable<atl::result<std::size_t>>> reads;
    reads.push_back(slow.read(key_of(1)));
    reads.push_back(outrun(quick, slow, key_of(1)));
    auto results = atl::net::run_here(*quick.context, atl::net::all_of(std::move(reads)));
    REQUIRE_FALSE(results[0]);
    CHECK(results[0].error().code == errc::unavailable);
    CHECK(results[0].error().message.find("given up") != std::string::npos);
    CHECK(results[1] == 4);
    CHECK_FALSE(slow.over.is_connected());
  }
}

TEST_CASE("a request that was given up doesn't spoil the next one over the same connection") {
  bulk_cluster cluster{1};
  auto data = pattern(chunk_size);
  REQUIRE(put(*cluster[0].at.store, key_of(1), data));
  reader first{cluster[0].endpoint()};
  reader second{cluster[0].endpoint(), 10};
  auto& context = *first.context;
  CHECK(atl::net::run_here(context, first.read(key_of(1))) == chunk_size);
  std::vector<awaitable<atl::result<std::size_t>>> reads;
  reads.push_back(first.read(key_of(1)));
  reads.push_back(outrun(second, first, key_of(1)));
  (void)atl::net::run_here(context, atl::net::all_of(std::move(reads)));
  first.over.cancel(); // nothing is under way
  first.bytes.assign(chunk_size, '?');
  CHECK(atl::net::run_here(context, first.read(key_of(1))) == chunk_size);
  CHECK(first.bytes == data);
}

TEST_CASE("a connection that was kept and broke is replaced without an error") {
  bulk_cluster cluster{1};
  REQUIRE(put(*cluster[0].at.store, key_of(1), "data"));
  reader one{cluster[0].endpoint(), 4};
  CHECK(atl::net::run_here(*one.context, one.read(key_of(1))) == 4);
  cluster[0].options.listen = cluster[0].endpoint();
  cluster[0].server.reset();
  cluster[0].start();
  CHECK(one.over.is_connected());
  CHECK(atl::net::run_here(*one.context, one.read(key_of(1))) == 4);
}

namespace {

/// Connects `count` readers some at a time: a node takes few handshakes at once.
std::vector<std::unique_ptr<reader>> connect(const bulk_node& node, int count, std::size_t size) {
  constexpr int at_once = 100;
  std::vector<std::unique_ptr<reader>> readers;
  auto context = atl::net::context_of_this_thread();
  while (static_cast<int>(readers.size()) < count) {
    std::vector<awaitable<atl::result<node_load>>> probes;
    for (int i = 0; i < at_once; ++i) {
      readers.push_back(std::make_unique<reader>(node.endpoint(), size));
      probes.push_back(readers.back()->over.probe());
    }
    for (auto& each : atl::net::run_here(*context, atl::net::all_of(std::move(probes))))
      REQUIRE_MESSAGE(each, each.error().message);
  }
  return readers;
}

} // namespace

TEST_CASE("one server serves 2,000 connections at once") {
  constexpr int connections = 2000;
  REQUIRE(atl::raise_open_files_limit() > 3 * connections + 200);
  bulk_node node;
  node.start();
  auto data = pattern(block_size + 100);
  REQUIRE(put(*node.at.store, key_of(1), data));
  auto readers = connect(node, connections, data.size());
  CHECK(node.server->stats().connections == connections);
  for (int round = 0; round < 2; ++round) {
    std::vector<awaitable<atl::result<std::size_t>>> reads;
    for (auto& each : readers) {
      each->bytes.assign(data.size(), '?');
      reads.push_back(each->read(key_of(1)));
    }
    auto results =
        atl::net::run_here(*readers.front()->context, atl::net::all_of(std::move(reads)));
    for (int i = 0; i < connections; ++i)
      CHECK((results[i] == data.size() && readers[i]->bytes == data));
  }
  CHECK(node.server->stats().connections == connections);
  CHECK(node.server->stats().busy == 0);
}
