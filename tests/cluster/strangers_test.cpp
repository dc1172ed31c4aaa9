#include "node_ports.hpp"
#include "raw_connection.hpp"
#include "strangers.hpp"

#include <atoll/core/open_files.hpp>
#include <atoll/net/handshake.hpp>
#include <atoll/net/net_limits.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

/// Connections to every port of a cluster's nodes by programs that don't belong to the cluster: the
/// nodes live, serve, and hardly notice.
namespace {

/// What a node may need for its own work meanwhile, such as the first reads of a scrub.
constexpr std::size_t own_bytes_max = 2 << 20;

cluster_shape small_cluster(bool has_secret = false) {
  cluster_shape shape;
  shape.storages = shape.copies = 1;
  shape.has_secret = has_secret;
  return shape;
}

/// Stores and reads a file again and again in a thread of its own.
class steady_user {
 public:
  explicit steady_user(test_cluster& cluster) : thread_{[this, &cluster] { run(cluster); }} {}
  ~steady_user() { stop(); }

  /// Checks that each file could be stored and came back the same.
  void check() {
    eventually("a file is stored meanwhile", [&] { return rounds_ > 0; });
    stop();
    CHECK_MESSAGE(failure_.empty(), failure_);
    MESSAGE(rounds_.load() << " files were stored and read meanwhile");
  }

 private:
  void stop() {
    stopping_ = true;
    if (thread_.joinable())
      thread_.join();
  }

  void run(test_cluster& cluster) {
    auto bytes = random_bytes(300'000, 1);
    while (!stopping_ && failure_.empty()) {
      auto put = cluster.dfs({"put", "-", "/meanwhile"}, bytes);
      auto read = cluster.dfs({"cat", "/meanwhile"});
      if (put.code != 0 || read.out != bytes)
        failure_ = put.err + read.err + "the file differs";
      ++rounds_;
    }
  }

  std::atomic<bool> stopping_{false};
  std::atomic<int> rounds_{0};
  std::string failure_; ///< written by the thread until it has ended
  std::thread thread_;
};

/// Frames of CAF's broker protocol with damaged bits and lengths.
std::vector<std::string> damaged_caf_frames(int count) {
  atl::spi::random_source random{1};
  std::vector<std::string> frames;
  for (int i = 0; i < count; ++i) {
    auto payload =
        static_cast<std::uint32_t>(random.below(4) == 0 ? random.next() : random.below(2000));
    auto frame = strangers::caf_header(static_cast<char>(random.below(16)), payload);
    frame += random_bytes(random.below(2000), random.next());
    for (auto flips = random.below(8); flips > 0; --flips)
      frame[random.below(frame.size())] ^= static_cast<char>(1U << random.below(8));
    if (random.below(4) == 0)
      frame.resize(1 + random.below(frame.size()));
    frames.push_back(std::move(frame));
  }
  return frames;
}

/// The first message of a valid handshake.
std::string hello() {
  atl::net::identity self;
  self.cluster = "test";
  self.name = "a slow client";
  self.role = "client";
  return atl::net::handshake::dial(self, {}, atl::net::draw_nonce()).take_output();
}

} // namespace

TEST_CASE("strangers that speak another protocol get no byte, and disturb nobody") {
  auto frames = damaged_caf_frames(2000);
  for (auto& stranger : strangers::all())
    frames.push_back(stranger.bytes);
  for (bool has_secret : {false, true}) {
    CAPTURE(has_secret);
    test_cluster cluster{small_cluster(has_secret)};
    cluster.up();
    node_watch nodes{cluster};
    steady_user user{cluster};
    for (auto& [node, port] : ports_of(cluster)) {
      CAPTURE(node);
      for (auto& bytes : frames) {
        raw_connection stranger{port};
        stranger.send(bytes);
        stranger.end_sending();
        CHECK(stranger.receive_all().empty());
      }
    }
    user.check();
    eventually("refusals are logged", [&] { return nodes.logged_refusals() > 0; });
    nodes.check();
  }
}

TEST_CASE("10,000 idle connections to a port keep no client out") {
  test_cluster cluster{small_cluster()};
  cluster.up();
  node_watch nodes{cluster};
  auto limit = atl::raise_open_files_limit();
  auto count = std::min<std::size_t>(10'000, limit / 2);
  if (count < 10'000)
    MESSAGE("only " << count << " connections: the limit of open files is " << limit);
  for (auto& [node, port] : ports_of(cluster)) {
    CAPTURE(node);
    steady_user user{cluster};
    std::vector<raw_connection> idle;
    for (std::size_t i = 0; i < count; ++i)
      idle.emplace_back(port);
    user.check();
    nodes.check(); // while all connections are held
    eventually("the node has closed the connections", [&] {
      return std::all_of(idle.begin(), idle.end(), [](auto& each) { return each.is_closed(); });
    });
  }
}

TEST_CASE("500 connections that send a valid handshake a byte a second are closed in time") {
  test_cluster cluster{small_cluster()};
  cluster.up();
  node_watch nodes{cluster};
  for (auto& [node, port] : ports_of(cluster)) {
    CAPTURE(node);
    steady_user user{cluster};
    auto bytes = hello();
    std::vector<raw_connection> slow;
    for (int i = 0; i < 500; ++i)
      slow.emplace_back(port);
    auto all_closed = [&] {
      return std::all_of(slow.begin(), slow.end(), [](auto& each) { return each.is_closed(); });
    };
    auto began = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < bytes.size() && !all_closed(); ++i) {
      for (auto& each : slow)
        each.send({&bytes[i], 1});
      std::this_thread::sleep_for(std::chrono::seconds{1});
    }
    auto took = std::chrono::steady_clock::now() - began;
    MESSAGE(node << " closed all after " << took / std::chrono::milliseconds{1} << " ms");
    CHECK(all_closed()); // though the handshake, at this rate, has taken over a minute
    user.check();
  }
  nodes.check();
}

TEST_CASE("a stranger that announces a large message and sends a part of it takes no memory") {
  std::string handshake{"ATOL\0\0\xff\xff", 8}; // the largest size that a handshake can announce
  for (auto& announcement : {strangers::caf_header(1, 0xffff'ffff), handshake}) {
    test_cluster cluster{small_cluster()};
    cluster.up();
    auto ports = ports_of(cluster);
    std::vector<raw_connection> held;
    auto announce = [&](int count) {
      for (auto& [node, port] : ports)
        for (int i = 0; i < count; ++i) {
          held.emplace_back(port);
          held.back().send(announcement + std::string(1024, 'x'));
        }
    };
    announce(10);
    node_watch{cluster}.check(); // memory is measured after the first use of everything
    node_watch nodes{cluster};
    announce(200);
    nodes.check_memory(own_bytes_max);
    for (auto& each : held)
      each.receive_all();
    nodes.check_memory(own_bytes_max);
    nodes.check();
  }
}
