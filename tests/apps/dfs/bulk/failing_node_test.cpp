// Nodes that are dead, die, freeze, are full, or hold damaged data.
#include "apps/dfs/storage/faulty_disk.hpp"
#include "bulk_fixture.hpp"

#include <sys/resource.h>

#include <atomic>
#include <filesystem>
#include <unistd.h>

using namespace dfs;
using namespace dfs::test;
using atl::errc;

namespace {

constexpr std::size_t chunk_size = 8 * 1024 * 1024;

/// Short, so that tests of frozen peers are quick.
bulk_options short_timeouts() {
  auto out = caller_options();
  out.timeouts = {std::chrono::milliseconds{300}, std::chrono::milliseconds{400}};
  return out;
}

/// A port without a listener.
atl::endpoint unused_port() {
  silent_peer gone;
  return gone.endpoint();
}

} // namespace

TEST_CASE("a node that is down before a write is reported, and the nodes upstream store their "
          "copies") {
  bulk_cluster cluster{3};
  auto targets = cluster.targets();
  auto data = pattern(chunk_size);
  SUBCASE("in the middle") {
    targets[1].at = unused_port();
    auto results = write_chunk(targets, key_of(1).chunk, data, durability::fsync, caller_options());
    CHECK(outcomes(results) == "ok unavailable unavailable");
    CHECK(results->at(2).outcome.error().message.find("node-2") != std::string::npos);
    CHECK(get(*cluster[2].at.store, key_of(1)) == "not_found");
  }
  SUBCASE("at the end") {
    targets[2].at = unused_port();
    CHECK(outcomes(write_chunk(targets, key_of(1).chunk, data, durability::fsync,
                               caller_options())) == "ok ok unavailable");
    CHECK(get(*cluster[1].at.store, key_of(1)) == data);
  }
  CHECK(get(*cluster[0].at.store, key_of(1)) == data);
}

TEST_CASE("a dead first node fails the write") {
  std::vector<write_target> targets = {{"dead", unused_port(), 0}};
  CHECK(outcomes(write_chunk(targets, key_of(1).chunk, "data", durability::fsync,
                             caller_options())) == "unavailable");
}

namespace {

/// A disk that calls a function at its first write of data.
class eventful_disk : public dfs::test::faulty_disk {
 public:
  std::function<void()> at_first_write;

  ssize_t pwrite(int fd, const void* data, std::size_t size, std::uint64_t offset) override {
    if (size >= block_size && at_first_write)
      std::exchange(at_first_write, nullptr)();
    return faulty_disk::pwrite(fd, data, size, offset);
  }
};

} // namespace

TEST_CASE("a node that dies during a write is reported, and the nodes upstream store their "
          "copies") {
  eventful_disk first_disk;
  bulk_node first{"first", first_disk};
  bulk_cluster behind{2};
  first.start();
  // The middle node ends when the first node has stored a batch and most batches are pending.
  first_disk.at_first_write = [&] { behind[0].server->stop(); };
  std::vector<write_target> targets = {first.target(), behind[0].target(), behind[1].target()};
  auto data = pattern(chunk_size);
  CHECK(outcomes(write_chunk(targets, key_of(1).chunk, data, durability::fsync,
                             caller_options())) == "ok unavailable unavailable");
  CHECK(get(*first.at.store, key_of(1)) == data);
  for (const auto& node : behind.nodes) {
    wait_until([&] { return node->server->stats().connections == 0; });
    CHECK(get(*node->at.store, key_of(1)) == "not_found");
    CHECK(node->at.files_in("tmp") == 0);
  }
}

TEST_CASE("a client that dies during a write leaves nothing on any node") {
  bulk_node first{"first"};
  bulk_node second{"second"};
  for (auto* node : {&first, &second}) {
    node->options.timeouts.progress = std::chrono::minutes{1};
    node->start();
  }
  {
    wire::write_request request{"",         key_of(1).chunk,
                                chunk_size, durability::fsync,
                                60'000,     {first.target(), second.target()}};
    raw_client client{first.endpoint()};
    auto batch = pattern(batch_size);
    auto crcs = crcs_of(batch);
    REQUIRE(client.send(wire::encode_frame(wire::op::write, wire::encode(request))));
    REQUIRE(client.send({reinterpret_cast<const char*>(crcs.data()), crcs.size() * 4}));
    REQUIRE(client.send(batch));
    wait_until([&] { return first.at.files_in("tmp") == 1 && second.at.files_in("tmp") == 1; });
  }
  for (auto* node : {&first, &second}) {
    wait_until([&] { return node->server->stats().connections == 0; });
    CHECK(node->at.files_in("tmp") == 0);
    CHECK(node->at.store->list().empty());
  }
}

TEST_CASE("a frozen node costs no call more than its time limit") {
  silent_peer before;
  frozen_node after; // the handshake
  auto at = before.endpoint();
  SUBCASE("frozen before the handshake") {}
  SUBCASE("frozen after the handshake") {
    at = after.endpoint();
  }
  bulk_connection over{at, short_timeouts()};
  CHECK(fetch(over, key_of(1), 0, 10) == "timeout");
  CHECK(over.report_damage(key_of(1)).error().code == errc::timeout);
  CHECK(over.copy_fragment(key_of(1), at, 0).error().code == errc::timeout);
  std::vector<write_target> targets = {{"frozen", at, 0}};
  CHECK(outcomes(over.write_chunk(targets, key_of(1).chunk, "small", durability::fsync)) ==
        "timeout");
  CHECK(outcomes(over.write_chunk(targets, key_of(1).chunk, pattern(fragment_bytes_max),
                                  durability::fsync)) == "timeout");
}

TEST_CASE("a frozen node in a pipeline is reported before the nodes in front of it time out") {
  bulk_cluster cluster{2};
  silent_peer before;
  frozen_node after; // the handshake
  auto at = before.endpoint();
  SUBCASE("frozen before the handshake") {}
  SUBCASE("frozen after the handshake") {
    at = after.endpoint();
  }
  std::vector<write_target> targets = {cluster[0].target(), cluster[1].target(), {"frozen", at, 0}};
  auto options = caller_options();
  options.timeouts = {}; // the usual ones
  std::uint64_t number = 0;
  auto is_reported = [&](std::size_t size) {
    auto key = key_of(++number);
    auto data = pattern(size);
    auto results = write_chunk(targets, key.chunk, data, durability::replicated, options);
    return outcomes(results) == "ok ok timeout" && get(*cluster[0].at.store, key) == data &&
           get(*cluster[1].at.store, key) == data;
  };
  // On a busy machine a node in front may stand still for so long by itself, though not each time.
  for (auto size : {std::size_t{10}, fragment_bytes_max})
    CHECK((is_reported(size) || is_reported(size) || is_reported(size)));
}

TEST_CASE("a copy from a node that is dead, frozen or without the fragment ends with the reason") {
  bulk_node node;
  node.options.timeouts = short_timeouts().timeouts;
  node.start();
  bulk_cluster source{1};
  silent_peer frozen;
  frozen_node frozen_later;
  bulk_connection over{node.endpoint(), caller_options()};
  CHECK(over.copy_fragment(key_of(1), unused_port(), 0).error().code == errc::unavailable);
  CHECK(over.copy_fragment(key_of(1), frozen.endpoint(), 0).error().code == errc::timeout);
  CHECK(over.copy_fragment(key_of(1), frozen_later.endpoint(), 0).error().code == errc::timeout);
  // The node's time limits are short, also for its own threads.
  wait_until([&] {
    return over.copy_fragment(key_of(1), source[0].endpoint(), 0).error().code == errc::not_found;
  });
  CHECK(node.at.store->list().empty());
  CHECK(node.at.files_in("tmp") == 0);
}

TEST_CASE("damaged data is not delivered, and fails reads and copies with corrupt") {
  bulk_cluster cluster{2};
  auto& store = *cluster[0].at.store;
  auto data = pattern(chunk_size);
  REQUIRE(put(store, key_of(1), data));
  REQUIRE(put(store, key_of(2), data));
  cluster[0].at.flip_bit(key_of(1), 5 * block_size + 3);
  bulk_connection over{cluster[0].endpoint(), caller_options()};
  CHECK(fetch(over, key_of(1), 0, chunk_size) == "corrupt");
  CHECK(fetch(over, key_of(1), 5 * block_size + 10, 1) == "corrupt");
  CHECK(fetch(over, key_of(1), 6 * block_size, 100) == data.substr(6 * block_size, 100));
  CHECK(fetch(over, key_of(2), 0, chunk_size) == data);

  bulk_connection other{cluster[1].endpoint(), caller_options()};
  CHECK(other.copy_fragment(key_of(1), cluster[0].endpoint(), 0).error().code == errc::corrupt);
  CHECK(cluster[1].at.store->list().empty());
}

TEST_CASE("a report of damage has an effect only if the copy is damaged") {
  bulk_cluster cluster{1};
  auto& store = *cluster[0].at.store;
  auto data = pattern(chunk_size);
  REQUIRE(put(store, key_of(1), data));
  bulk_connection over{cluster[0].endpoint(), caller_options()};
  CHECK(over.report_damage(key_of(1)).value() == true);
  CHECK(get(store, key_of(1)) == data);
  CHECK(store.usage()->damaged == 0);

  cluster[0].at.flip_bit(key_of(1), chunk_size - 1);
  CHECK(over.report_damage(key_of(1)).value() == false);
  CHECK(fetch(over, key_of(1), 0, 10) == "not_found");
  CHECK(store.usage()->damaged == 1);
}

TEST_CASE("a file with a damaged footer is reported as corrupt, and moved aside") {
  bulk_cluster cluster{1};
  REQUIRE(put(*cluster[0].at.store, key_of(1), pattern(1000)));
  cluster[0].at.flip_bit(key_of(1), -5);
  bulk_connection over{cluster[0].endpoint(), caller_options()};
  CHECK(fetch(over, key_of(1), 0, 10) == "corrupt");
  CHECK(fetch(over, key_of(1), 0, 10) == "not_found");
}

TEST_CASE("a node whose disk is full or failed reports that, and still forwards the data") {
  faulty_disk disk;
  bulk_node first{"first", disk};
  first.start();
  bulk_cluster behind{1};
  std::vector<write_target> targets = {first.target(), behind[0].target()};
  auto data = pattern(chunk_size);
  bulk_connection over{first.endpoint(), caller_options()};
  auto write = [&](std::uint64_t number) {
    return outcomes(over.write_chunk(targets, key_of(number).chunk, data, durability::fsync));
  };
  disk.full_after(chunk_size / 2);
  CHECK(write(1) == "no_space ok");
  CHECK(get(*behind[0].at.store, key_of(1)) == data);
  CHECK(first.at.files_in("tmp") == 0);

  disk.full_after(10 * chunk_size);
  CHECK(write(2) == "ok ok");
  disk.fail_next(call::fdatasync, EIO);
  CHECK(write(3) == "io ok");
  CHECK(write(4) == "io ok");
  CHECK(fetch(over, key_of(2), 0, chunk_size) == data); // reads go on
}

TEST_CASE("data that is damaged on its way is stored by no node") {
  bulk_cluster cluster{2};
  auto data = pattern(batch_size);
  auto crcs = crcs_of(data);
  data[1000] ^= 4;
  wire::write_request request{"",   key_of(1).chunk,  data.size(), durability::fsync,
                              2000, cluster.targets()};
  raw_client client{cluster[0].endpoint()};
  REQUIRE(client.send(wire::encode_frame(wire::op::write, wire::encode(request))));
  REQUIRE(client.send({reinterpret_cast<const char*>(crcs.data()), crcs.size() * 4}));
  REQUIRE(client.send(data));
  client.socket.shutdown(boost::asio::ip::tcp::socket::shutdown_send);
  auto raw = client.receive_all();
  REQUIRE(raw.size() > wire::header_size);
  auto reply = wire::decode_reply(std::string_view{raw}.substr(wire::header_size));
  REQUIRE(reply);
  CHECK(outcomes(wire::decode_write_reply(reply->payload)) == "corrupt corrupt");
  CHECK(cluster[0].at.store->list().empty());
  CHECK(cluster[1].at.store->list().empty());
}

TEST_CASE("a stopped server ends its requests at once") {
  bulk_node node;
  node.options.timeouts.progress = std::chrono::minutes{1};
  node.options.idle_time = std::chrono::minutes{1};
  node.start();
  wire::write_request request{"",     key_of(1).chunk, chunk_size, durability::fsync,
                              60'000, {node.target()}};
  raw_client writing{node.endpoint()};
  REQUIRE(writing.send(wire::encode_frame(wire::op::write, wire::encode(request))));
  raw_client idle{node.endpoint()};
  wait_until([&] { return node.server->stats().connections == 2; });
  node.server->stop();
  CHECK(node.server->stats().connections == 0);
  CHECK(writing.receive_all().empty());
  CHECK(idle.receive_all().empty());
  CHECK(node.at.files_in("tmp") == 0);
}

// -- too much at once ---------------------------------------------------------

TEST_CASE("writes beyond a node's limit are refused as busy, and accepted later") {
  faulty_disk disk;
  bulk_node node{"node", disk};
  node.options.write_buffer_bytes = chunk_size;
  node.start();
  std::vector<write_target> targets = {node.target()};
  auto write = [&](std::uint64_t number) {
    return outcomes(write_chunk(targets, key_of(number).chunk, pattern(chunk_size),
                                durability::fsync, caller_options()));
  };
  disk.hold_syncs(true);
  std::string first;
  std::thread busy{[&] { first = write(1); }};
  wait_until([&] { return node.at.files_in("tmp") == 1; });
  CHECK(write(2) == "busy");
  CHECK(node.server->stats().busy > 0);
  CHECK(outcomes(write_chunk(targets, key_of(2).chunk, pattern(chunk_size), durability::fsync,
                             caller_options(), true)) == "busy");
  disk.hold_syncs(false);
  busy.join();
  CHECK(first == "ok");
  CHECK(outcomes(write_chunk(targets, key_of(2).chunk, pattern(chunk_size), durability::fsync,
                             caller_options(), true)) == "ok");
  CHECK(get(*node.at.store, key_of(2)) == pattern(chunk_size));
}

TEST_CASE("a busy node in a pipeline and the nodes downstream of it are reported as busy") {
  bulk_cluster cluster{3};
  faulty_disk disk;
  bulk_node busy{"busy", disk};
  busy.options.write_buffer_bytes = 1;
  busy.start();
  disk.hold_syncs(true);
  std::thread writer{[&] {
    std::vector<write_target> alone = {busy.target()};
    (void)write_chunk(alone, key_of(1).chunk, "data", durability::fsync, caller_options());
  }};
  wait_until([&] { return busy.at.files_in("tmp") == 1; });
  auto targets = cluster.targets();
  targets[1] = busy.target();
  CHECK(outcomes(write_chunk(targets, key_of(2).chunk, pattern(chunk_size), durability::fsync,
                             caller_options())) == "ok busy busy");
  disk.hold_syncs(false);
  writer.join();
}

TEST_CASE("a node with a slow disk sends progress messages along the whole pipeline") {
  bulk_cluster cluster{2};
  faulty_disk disk;
  bulk_node slow{"slow", disk};
  slow.start();
  auto options = short_timeouts();
  std::vector<write_target> targets = {cluster[0].target(), cluster[1].target(), slow.target()};
  std::string outcome;
  // @returns whether the write waited for several times as long as a node may be silent
  auto waits = [&](std::uint64_t number) {
    disk.hold_syncs(true);
    std::atomic<bool> over = false;
    std::thread writer{[&] {
      outcome = outcomes(write_chunk(targets, key_of(number).chunk, pattern(chunk_size),
                                     durability::fsync, options));
      over = true;
    }};
    auto until = std::chrono::steady_clock::now() + 3 * options.timeouts.progress;
    wait_until([&] { return over || std::chrono::steady_clock::now() > until; });
    auto has_waited = !over;
    disk.hold_syncs(false);
    writer.join();
    return has_waited && outcome == "ok ok ok";
  };
  // A busy machine may hold a message up for too long by itself. Without the messages each write
  // ends too early.
  auto has_waited = false;
  for (std::uint64_t attempt = 1; attempt <= 5 && !has_waited; ++attempt)
    has_waited = waits(attempt);
  CHECK_MESSAGE(has_waited, outcome);
}

TEST_CASE("a connection uses one file descriptor of the serving node") {
  bulk_node node;
  node.start();
  REQUIRE(put(*node.at.store, key_of(1), "data"));
  auto open_files = [] {
    std::filesystem::directory_iterator all{"/proc/self/fd"};
    return std::distance(begin(all), end(all));
  };
  bulk_connection warm{node.endpoint(), caller_options()};
  CHECK(fetch(warm, key_of(1), 0, 4) == "data");
  // The node may have the fragment's file open a moment longer than the reader waits.
  auto is_idle = [&] { return node.server->stats().load.in_flight == 0; };
  wait_until(is_idle);
  auto before = open_files();
  std::vector<std::unique_ptr<bulk_connection>> connections;
  for (int i = 0; i < 20; ++i) {
    connections.push_back(std::make_unique<bulk_connection>(node.endpoint(), caller_options()));
    CHECK(fetch(*connections.back(), key_of(1), 0, 4) == "data");
  }
  wait_until(is_idle);
  auto more =
      open_files() - before; // both ends are in this process, and other threads open files, too
  CHECK(more >= 2 * 20);
  CHECK(more < 2 * 20 + 5);
}

namespace {

/// Leaves this process one free file descriptor.
class one_descriptor {
 public:
  one_descriptor() {
    auto lowest = ::dup(STDERR_FILENO);
    ::close(lowest);
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    auto few = before_;
    few.rlim_cur = static_cast<rlim_t>(lowest) + 1;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  }
  ~one_descriptor() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

} // namespace

TEST_CASE("a node without a free file descriptor refuses a connection as busy, and serves later") {
  bulk_node node;
  node.start();
  REQUIRE(put(*node.at.store, key_of(1), "data"));
  bulk_connection over{node.endpoint(), caller_options()};
  auto refused = [&] {
    one_descriptor for_the_client; // without others, UBSan can't look at objects
    return over.probe();
  }();
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == errc::busy);
  CHECK_MESSAGE(refused.error().message.find("as many files open") != std::string::npos,
                refused.error().message);
  // The node may still be turning connections away when the one that it turned away returns.
  wait_until([&] { return fetch(over, key_of(1), 0, 4) == "data"; });
}

TEST_CASE("a fragment of a wrong length is reported with its length") {
  bulk_node node;
  node.start();
  REQUIRE(put(*node.at.store, key_of(1), pattern(1000)));
  bulk_connection over{node.endpoint(), caller_options()};
  for (std::size_t wanted : {999, 1000, 1001}) {
    std::string out(wanted, '?');
    CHECK(over.read_whole_fragment(key_of(1), std::as_writable_bytes(std::span{out})) == 1000);
  }
}
