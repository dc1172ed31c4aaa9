#include "event_loop.hpp"
#include "temporary_folder.hpp"

#include <atoll/core/open_files.hpp>
#include <atoll/net/all_of.hpp>
#include <atoll/net/run_here.hpp>
#include <atoll/net/tcp_stream.hpp>
#include <atoll/net/worker_pool.hpp>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <fcntl.h>
#include <fstream>
#include <thread>
#include <unistd.h>

using namespace atl;
using namespace atl::net;
using boost::asio::awaitable;
using boost::asio::ip::tcp;

namespace {

constexpr io_timeout patient{std::chrono::seconds{30}};
constexpr io_timeout hasty{std::chrono::milliseconds{30}};

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    out[i] = static_cast<char>(i * 31 + i / 251);
  return out;
}

/// Two ends of a TCP connection: a stream, and a plain socket that blocks.
struct connected_pair {
  boost::asio::io_context& context;
  boost::asio::io_context other_context;
  tcp::socket other{other_context};
  tcp_stream near;

  explicit connected_pair(boost::asio::io_context& in) : context{in} {
    tcp::acceptor acceptor{other_context, {boost::asio::ip::make_address("127.0.0.1"), 0}};
    tcp::socket own{context};
    own.connect(acceptor.local_endpoint());
    other = acceptor.accept();
    near = tcp_stream{std::move(own)};
  }
  void send(std::string_view bytes) { boost::asio::write(other, boost::asio::buffer(bytes)); }
  std::string receive(std::size_t size) {
    std::string out(size, '\0');
    out.resize(boost::asio::read(other, boost::asio::buffer(out)));
    return out;
  }
  /// Small, so that few bytes fill them.
  void shrink_buffers() {
    for (auto fd : {near.native_handle(), other.native_handle()})
      for (auto option : {SO_SNDBUF, SO_RCVBUF}) {
        int size = 4096;
        ::setsockopt(fd, SOL_SOCKET, option, &size, sizeof(size));
      }
  }
};

/// The outcome of an operation that a test starts and looks at later.
template <class T>
struct pending {
  std::optional<T> outcome;

  void start(boost::asio::io_context& in, awaitable<T> work) {
    boost::asio::co_spawn(in, std::move(work), [this](std::exception_ptr, T value) {
      outcome.emplace(std::move(value));
    });
  }
};

template <class T>
errc code_of(const T& outcome) {
  REQUIRE_FALSE(outcome.has_value());
  return outcome.error().code;
}

} // namespace

TEST_CASE("a read ends when all pieces are full, however the bytes arrive") {
  event_loop loop;
  connected_pair pair{*loop.context()};
  std::string first(3, '?');
  std::string second(4, '?');
  std::array pieces{tcp_stream::mutable_buffer{first.data(), first.size()},
                    tcp_stream::mutable_buffer{second.data(), second.size()}};
  pending<status> read;
  read.start(pair.context, pair.near.read(pieces, patient));
  for (std::string_view part : {"a", "bcd", "ef"}) {
    pair.send(part);
    loop.run_ready();
    CHECK_FALSE(read.outcome);
  }
  pair.send("gh");
  REQUIRE(loop.run_until([&] { return read.outcome.has_value(); }));
  CHECK(read.outcome->has_value());
  CHECK(first + second == "abcdefg");
  char next = 0;
  CHECK(run_here(pair.context, pair.near.read(&next, 1, patient)));
  CHECK(next == 'h');
}

TEST_CASE("large data arrives whole in both directions at the same time") {
  auto context = context_of_this_thread();
  connected_pair pair{*context};
  auto data = pattern(20 << 20);
  std::string received(data.size(), '?');
  std::thread echo{[&] {
    std::string all;
    std::thread reader{[&] { all = pair.receive(data.size()); }};
    pair.send(data);
    reader.join();
    CHECK(all == data);
  }};
  std::vector<awaitable<status>> both;
  both.push_back(pair.near.read(received.data(), received.size(), patient));
  both.push_back(pair.near.write(data, patient));
  for (auto& done : run_here(*context, all_of(std::move(both))))
    CHECK(done);
  echo.join();
  CHECK(received == data);
}

TEST_CASE("a peer that stalls is a timeout, and one that closes in the middle is unavailable") {
  auto context = context_of_this_thread();
  connected_pair pair{*context};
  std::string into(10, '?');
  pair.send("half");
  auto read = [&](const io_timeout& wait) {
    return run_here(*context, pair.near.read(into.data(), into.size(), wait));
  };
  SUBCASE("it sends no more") {
    CHECK(code_of(read(hasty)) == errc::timeout);
  }
  SUBCASE("it closes the connection") {
    pair.other.close();
    CHECK(code_of(read(patient)) == errc::unavailable);
  }
  SUBCASE("it resets the connection") {
    pair.other.set_option(boost::asio::socket_base::linger{true, 0});
    pair.other.close();
    CHECK(code_of(read(patient)) == errc::unavailable);
  }
}

TEST_CASE("a deadline ends a transfer that makes progress") {
  auto context = context_of_this_thread();
  connected_pair pair{*context};
  std::string into(64 << 20, '?'); // more than comes in time, one byte after the other
  io_timeout wait{std::chrono::seconds{30},
                  io_timeout::clock::now() + std::chrono::milliseconds{30}};
  std::thread sender{[&] {
    boost::system::error_code closed;
    while (!closed)
      boost::asio::write(pair.other, boost::asio::buffer("x", 1), closed);
  }};
  CHECK(code_of(run_here(*context, pair.near.read(into.data(), into.size(), wait))) ==
        errc::timeout);
  pair.near.close();
  sender.join();
}

TEST_CASE("bytes that are there count even after the deadline") {
  auto context = context_of_this_thread();
  connected_pair pair{*context};
  pair.send("late");
  pair.other.wait(tcp::socket::wait_write);
  char into[4] = {};
  io_timeout past{std::chrono::seconds{1}, io_timeout::clock::now() - std::chrono::seconds{1}};
  CHECK(run_here(*context, pair.near.read(into, 4, past)));
}

TEST_CASE("a reader that takes nothing is a timeout, and one that ends its side is unavailable") {
  auto context = context_of_this_thread();
  connected_pair pair{*context};
  pair.shrink_buffers();
  auto data = pattern(8 << 20);
  SUBCASE("it takes nothing") {
    CHECK(code_of(run_here(*context, pair.near.write(data, hasty))) == errc::timeout);
  }
  SUBCASE("it ends its side before") {
    pair.other.shutdown(tcp::socket::shutdown_send);
    CHECK(code_of(run_here(*context, pair.near.write(data, patient))) == errc::unavailable);
  }
  SUBCASE("it ends its side while the write waits") {
    event_loop loop;
    connected_pair other{*loop.context()};
    other.shrink_buffers();
    pending<status> write;
    write.start(other.context, other.near.write(data, patient));
    loop.run_ready();
    CHECK_FALSE(write.outcome);
    other.other.shutdown(tcp::socket::shutdown_send);
    REQUIRE(loop.run_until([&] { return write.outcome.has_value(); }));
    CHECK(code_of(*write.outcome) == errc::unavailable);
  }
}

TEST_CASE("closing or destroying a stream ends what waits for it") {
  event_loop loop;
  connected_pair pair{*loop.context()};
  pair.shrink_buffers();
  std::string into(10, '?');
  auto data = pattern(8 << 20);
  pending<status> read;
  pending<status> write;
  read.start(pair.context, pair.near.read(into.data(), into.size(), patient));
  write.start(pair.context, pair.near.write(data, patient));
  loop.run_ready();
  CHECK_FALSE(read.outcome);
  CHECK_FALSE(write.outcome);
  SUBCASE("close") {
    pair.near.close();
  }
  SUBCASE("replace") {
    pair.near = tcp_stream{};
  }
  CHECK_FALSE(pair.near.is_open());
  loop.run_ready();
  REQUIRE(read.outcome);
  REQUIRE(write.outcome);
  CHECK(code_of(*read.outcome) == errc::unavailable);
  CHECK(code_of(*write.outcome) == errc::unavailable);
  CHECK(code_of(run_here(pair.context, pair.near.write("x", patient))) == errc::unavailable);
}

TEST_CASE("a timeout of one direction leaves the other one waiting") {
  event_loop loop;
  connected_pair pair{*loop.context()};
  auto data = pattern(20 << 20);
  char into = 0;
  pending<status> read;
  pending<status> write;
  write.start(pair.context, pair.near.write(data, patient));
  read.start(pair.context, pair.near.read(&into, 1, hasty));
  REQUIRE(loop.run_until([&] { return read.outcome.has_value(); }));
  CHECK(code_of(*read.outcome) == errc::timeout);
  CHECK_FALSE(write.outcome);
  std::thread reader{[&] { CHECK(pair.receive(data.size()) == data); }};
  REQUIRE(loop.run_until([&] { return write.outcome.has_value(); }));
  CHECK(write.outcome->has_value());
  reader.join();
}

TEST_CASE("a stream continues in another context") {
  event_loop loop;
  connected_pair pair{*loop.context()};
  pair.send("ab");
  char into = 0;
  CHECK(run_here(pair.context, pair.near.read(&into, 1, patient)));
  auto fd = pair.near.native_handle();
  auto context = context_of_this_thread();
  REQUIRE(pair.near.move_to(*context));
  CHECK(pair.near.native_handle() == fd);
  CHECK(run_here(*context, pair.near.read(&into, 1, patient)));
  CHECK(into == 'b');
}

TEST_CASE("a range of a file is sent, and a file that ends early is an I/O error") {
  auto context = context_of_this_thread();
  connected_pair pair{*context};
  worker_pool disk{2};
  temporary_folder folder;
  auto data = pattern(3'000'000);
  std::ofstream{folder / "file", std::ios::binary} << data;
  auto fd = ::open((folder / "file").c_str(), O_RDONLY);
  REQUIRE(fd >= 0);
  SUBCASE("cold, or warm") {
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    for (int round = 0; round < 2; ++round) {
      std::string got;
      std::thread reader{[&] { got = pair.receive(2'000'000); }};
      CHECK(run_here(*context, pair.near.send_file(fd, 7, 2'000'000, patient, disk)));
      reader.join();
      CHECK(got == data.substr(7, 2'000'000));
    }
  }
  SUBCASE("too short") {
    CHECK(code_of(run_here(
              *context, pair.near.send_file(fd, data.size() - 10, 11, patient, disk))) == errc::io);
  }
  SUBCASE("no reader") {
    pair.shrink_buffers();
    CHECK(code_of(run_here(*context, pair.near.send_file(fd, 0, data.size(), hasty, disk))) ==
          errc::timeout);
  }
  ::close(fd);
}

namespace {

/// @returns whether it is open afterwards
awaitable<bool> linger_over(tcp_stream& near) {
  co_await near.linger_and_close(std::chrono::seconds{30});
  co_return near.is_open();
}

} // namespace

TEST_CASE("a stream lingers until its peer has closed") {
  auto context = context_of_this_thread();
  connected_pair pair{*context};
  pair.send("not read by anybody");
  std::thread peer{[&] {
    char byte = 0;
    boost::system::error_code ended;
    pair.other.read_some(boost::asio::buffer(&byte, 1), ended);
    CHECK(ended == boost::asio::error::eof); // no reset
    pair.other.close();
  }};
  CHECK_FALSE(run_here(*context, linger_over(pair.near)));
  peer.join();
}

namespace {

awaitable<int> count_bytes(tcp_stream& from) {
  int count = 0;
  for (char byte = 0;;) {
    auto got = co_await from.read(&byte, 1, patient);
    if (!got)
      co_return count;
    ++count;
  }
}

} // namespace

TEST_CASE("one thread serves thousands of idle streams and a busy one among them") {
  constexpr std::size_t idle_streams = 2000;
  REQUIRE(raise_open_files_limit() > 2 * idle_streams + 100);
  event_loop loop;
  std::vector<std::unique_ptr<connected_pair>> pairs;
  std::vector<pending<int>> counts(idle_streams);
  for (std::size_t i = 0; i < idle_streams; ++i) {
    pairs.push_back(std::make_unique<connected_pair>(*loop.context()));
    counts[i].start(*loop.context(), count_bytes(pairs[i]->near));
  }
  loop.run_ready();
  auto& busy = *pairs[idle_streams / 2];
  for (int i = 0; i < 500; ++i) {
    busy.send("x");
    loop.run_ready();
  }
  for (auto& each : pairs)
    each->other.close();
  CHECK(loop.run_until([&] {
    return std::all_of(counts.begin(), counts.end(), [](auto& each) { return each.outcome; });
  }));
  for (std::size_t i = 0; i < idle_streams; ++i)
    CHECK(counts[i].outcome == (i == idle_streams / 2 ? 500 : 0));
}
