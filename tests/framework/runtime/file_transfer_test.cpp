#include "temporary_folder.hpp"

#include <atoll/core/crc32c.hpp>
#include <atoll/runtime/file_transfer.hpp>
#include <atoll/spi/codec.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>
#include <memory>
#include <poll.h>
#include <sstream>
#include <thread>

using namespace atl;
using namespace atl::runtime;
using boost::asio::ip::tcp;

namespace {

std::string contents(std::size_t size, char first) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<char>(first + static_cast<char>(i % 251));
  return bytes;
}

std::string read(const std::filesystem::path& file) {
  std::ostringstream out;
  out << std::ifstream{file, std::ios::binary}.rdbuf();
  return out.str();
}

net::identity member(const std::string& name) {
  net::identity self;
  self.cluster = "test";
  self.name = name;
  self.role = "master";
  return self;
}

net::cluster_secret fresh_secret() {
  temporary_folder folder;
  auto made = net::cluster_secret::create(folder / "secret");
  REQUIRE_MESSAGE(made, made.error().message);
  return *made;
}

/// Three files, and a server for them.
struct source {
  temporary_folder folder;
  net::cluster_secret secret = fresh_secret();
  std::vector<std::string> bytes{contents(3'000'000, 'a'), "", contents(10, 'z')};
  std::unique_ptr<file_server> server =
      *file_server::start({"127.0.0.1", 0}, member("from"), secret);
  transfer_token token{1, 2};

  source() {
    std::vector<std::filesystem::path> files;
    for (auto& it : bytes) {
      files.push_back(folder / fmt::format("file-{}", files.size()));
      std::ofstream{files.back(), std::ios::binary} << it;
    }
    server->offer(token, files);
  }
  fetch_plan plan(const std::filesystem::path& into, std::uint16_t port = 0) {
    fetch_plan it;
    it.from = {"127.0.0.1", port == 0 ? server->port() : port};
    it.token = token;
    it.self = member("to");
    it.secret = secret;
    for (std::size_t i = 0; i < bytes.size(); ++i)
      it.files.push_back({into / fmt::format("got-{}", i), bytes[i].size(), crc32c(bytes[i])});
    it.bytes_per_second = std::uint64_t{1} << 40;
    it.idle_timeout = std::chrono::seconds{30};
    it.retry = std::chrono::milliseconds{1};
    return it;
  }
  void must_be_in(const std::filesystem::path& into) {
    for (std::size_t i = 0; i < bytes.size(); ++i)
      CHECK(read(into / fmt::format("got-{}", i)) == bytes[i]);
  }
};

/// Forwards a server's bytes, and breaks each connection after some of the bytes.
struct breaking_proxy {
  boost::asio::io_context io;
  tcp::acceptor acceptor{io, {boost::asio::ip::make_address("127.0.0.1"), 0}};
  int connections = 0;
  std::thread thread;

  breaking_proxy(std::uint16_t to, std::size_t bytes_each) {
    thread = std::thread{[this, to, bytes_each] {
      for (;;) {
        boost::system::error_code failed;
        tcp::socket near{io};
        acceptor.accept(near, failed);
        if (failed)
          return;
        ++connections;
        tcp::socket far{io};
        far.connect({boost::asio::ip::make_address("127.0.0.1"), to});
        forward(near, far, bytes_each);
      }
    }};
  }
  /// More than the server's part of a handshake.
  static constexpr std::size_t handshake_bytes = 1000;

  /// Forwards until some bytes of a file were received.
  static void forward(tcp::socket& near, tcp::socket& far, std::size_t most) {
    std::string piece(most, '\0');
    for (std::size_t received = 0; received <= handshake_bytes;) {
      pollfd both[] = {{near.native_handle(), POLLIN, 0}, {far.native_handle(), POLLIN, 0}};
      ::poll(both, 2, -1);
      bool from_far = both[1].revents != 0;
      boost::system::error_code failed;
      auto got = (from_far ? far : near).read_some(boost::asio::buffer(piece), failed);
      if (failed)
        return;
      received += from_far ? got : 0;
      boost::asio::write(from_far ? near : far, boost::asio::buffer(piece, got), failed);
    }
  }
  ~breaking_proxy() {
    ::shutdown(acceptor.native_handle(), SHUT_RDWR);
    thread.join();
  }
};

} // namespace

TEST_CASE("fetched files equal their source") {
  source from;
  temporary_folder into;
  std::atomic<bool> stop{false};
  auto got = fetch_files(from.plan(into.path()), stop);
  REQUIRE_MESSAGE(got.has_value(), got.error().message);
  from.must_be_in(into.path());
}

TEST_CASE("a fetch resumes where the connection broke, repeatedly") {
  source from;
  temporary_folder into;
  std::atomic<bool> stop{false};
  breaking_proxy proxy{from.server->port(), 200'000};
  auto got = fetch_files(from.plan(into.path(), proxy.acceptor.local_endpoint().port()), stop);
  REQUIRE_MESSAGE(got.has_value(), got.error().message);
  from.must_be_in(into.path());
  CHECK(proxy.connections >= 15);
}

TEST_CASE("a fetch resumes after the bytes of an earlier fetch, if these begin the same file") {
  source from;
  temporary_folder into;
  auto leave = [&](int file, const std::string& bytes) {
    std::ofstream{into / fmt::format("got-{}", file), std::ios::binary} << bytes;
  };
  // Connections. Each forwards at most 200'000 bytes, and what is on its way when the proxy breaks
  // it may be lost: the whole content takes 15 at least, what is left of it a few.
  auto expected = 0;
  constexpr auto few = 8;
  SUBCASE("a part of the file") {
    leave(0, from.bytes[0].substr(0, 2'900'000));
    expected = few;
  }
  SUBCASE("the whole file") {
    leave(0, from.bytes[0]);
    expected = few;
  }
  SUBCASE("a prefix of another file") {
    leave(0, std::string(2'900'000, 'x'));
    expected = 100;
  }
  SUBCASE("another file of the same size") {
    leave(0, std::string(3'000'000, 'x'));
    expected = 100;
  }
  SUBCASE("more bytes than the file has") {
    leave(0, from.bytes[0] + "x");
    leave(1, "x");
    leave(2, from.bytes[2] + from.bytes[2]);
    expected = 100;
  }
  std::atomic<bool> stop{false};
  breaking_proxy proxy{from.server->port(), 200'000};
  auto got = fetch_files(from.plan(into.path(), proxy.acceptor.local_endpoint().port()), stop);
  REQUIRE_MESSAGE(got.has_value(), got.error().message);
  from.must_be_in(into.path());
  CHECK(proxy.connections <= expected);
  CHECK((expected < 100 || proxy.connections >= 15));
}

TEST_CASE("a receiver without a valid token gets no file") {
  source from;
  temporary_folder into;
  std::atomic<bool> stop{false};
  auto plan = from.plan(into.path());
  plan.idle_timeout = std::chrono::milliseconds{50};
  SUBCASE("another token") {
    plan.token.low = 3;
  }
  SUBCASE("a revoked token") {
    from.server->withdraw(from.token);
  }
  SUBCASE("a file that the token does not cover") {
    plan.files.push_back({into / "more", 1, 0});
  }
  auto got = fetch_files(plan, stop);
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().code == errc::timeout);
}

TEST_CASE("a file with another checksum is refused") {
  source from;
  temporary_folder into;
  std::atomic<bool> stop{false};
  auto plan = from.plan(into.path());
  plan.files[2].crc ^= 1;
  auto got = fetch_files(plan, stop);
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().code == errc::corrupt);
}

TEST_CASE("a cancelled fetch ends, also a throttled one") {
  source from;
  temporary_folder into;
  std::atomic<bool> stop{false};
  auto plan = from.plan(into.path());
  plan.bytes_per_second = 1;
  std::thread other{[&] {
    while (read(into / "got-0").empty() &&
           from.server->last_taken(from.token).time_since_epoch().count() == 0)
      std::this_thread::yield();
    stop = true;
  }};
  auto got = fetch_files(plan, stop);
  other.join();
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().message.find("cancelled") != std::string::npos);
}

// -- connections of others ----------------------------------------------------

namespace {

struct stranger {
  boost::asio::io_context io;
  tcp::socket socket{io};

  explicit stranger(std::uint16_t port) {
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), port});
  }
  /// Everything received until the server closes the connection.
  std::string send(std::string_view bytes) {
    boost::system::error_code ignored;
    boost::asio::write(socket, boost::asio::buffer(bytes), ignored);
    std::string out;
    boost::asio::read(socket, boost::asio::dynamic_buffer(out), ignored);
    return out;
  }
};

} // namespace

TEST_CASE("bytes that are no handshake are answered with nothing, and a fetch isn't disturbed") {
  source from;
  std::string bytes;
  SUBCASE("HTTP") {
    bytes = "GET / HTTP/1.1\r\n\r\n";
  }
  SUBCASE("a request for a file, with its token") {
    spi::writer request;
    request.put(from.token.high).put(from.token.low).put(std::uint32_t{0}).put(std::uint64_t{0});
    bytes = request.take();
  }
  for (int i = 0; i < 10; ++i)
    CHECK(stranger{from.server->port()}.send(bytes).empty());
  auto refused = from.server->connections().refused;
  CHECK(refused[static_cast<std::size_t>(net::refusal::malformed)] == 10);
  temporary_folder into;
  std::atomic<bool> stop{false};
  REQUIRE(fetch_files(from.plan(into.path()), stop));
  from.must_be_in(into.path());
}

TEST_CASE("silent connections keep no fetch out") {
  source from;
  std::vector<std::unique_ptr<stranger>> silent;
  for (int i = 0; i < 200; ++i)
    silent.push_back(std::make_unique<stranger>(from.server->port()));
  temporary_folder into;
  std::atomic<bool> stop{false};
  REQUIRE(fetch_files(from.plan(into.path()), stop));
  from.must_be_in(into.path());
  CHECK(from.server->connections().displaced >= 100);
}

TEST_CASE("a receiver of another cluster, without the secret or with another one gets the reason") {
  source from;
  temporary_folder into;
  std::atomic<bool> stop{false};
  auto plan = from.plan(into.path());
  plan.idle_timeout = std::chrono::minutes{1}; // the refusal ends the fetch, not the time
  std::string reason;
  SUBCASE("another cluster") {
    plan.self.cluster = "production";
    reason = "'production'";
  }
  SUBCASE("another secret") {
    plan.secret = fresh_secret();
    reason = "different secrets";
  }
  SUBCASE("no secret") {
    plan.secret = {};
    reason = "cluster.secret_file";
  }
  auto got = fetch_files(plan, stop);
  REQUIRE_FALSE(got.has_value());
  CHECK(got.error().code == errc::refused);
  CHECK_MESSAGE(got.error().message.find(reason) != std::string::npos, got.error().message);
  CHECK(read(into / "got-0").empty());
}

TEST_CASE("a fetch from a server that never answers ends, with the reason, or when it is stopped") {
  temporary_folder into;
  std::atomic<bool> stop{false};
  boost::asio::io_context io;
  tcp::acceptor silent{io, {boost::asio::ip::make_address("127.0.0.1"), 0}};
  source from;
  auto plan = from.plan(into.path(), silent.local_endpoint().port());
  SUBCASE("idle for too long") {
    plan.idle_timeout = std::chrono::milliseconds{50};
    auto got = fetch_files(plan, stop);
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().code == errc::timeout);
    CHECK_MESSAGE(got.error().message.find("handshake") != std::string::npos, got.error().message);
  }
  SUBCASE("stopped") {
    plan.idle_timeout = std::chrono::minutes{1};
    std::thread other{[&] {
      silent.accept();
      stop = true;
    }};
    auto got = fetch_files(plan, stop);
    other.join();
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().message.find("cancelled") != std::string::npos);
  }
}
