#include "contains.hpp"
#include "net/connector.hpp"
#include "port_under_test.hpp"
#include "raw_peer.hpp"
#include "strangers.hpp"

#include <atoll/net/io_thread.hpp>
#include <atoll/net/resolve.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <doctest/doctest.h>

#include <csignal>
#include <fcntl.h>
#include <future>

using namespace handshake_pair;
using namespace std::chrono_literals;
using atl::endpoint;
using atl::errc;
using boost::asio::ip::tcp;

namespace {

/// A port to whose callers nothing answers, as if its machine were off: its queue is full.
class silent_port {
 public:
  silent_port() {
    for (int i = 0; i < 4; ++i) {
      auto& peer =
          queued_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
      auto address = raw_peer::loopback(port_.port());
      ::connect(peer.fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address));
    }
  }
  endpoint where() const { return {"127.0.0.1", port_.port()}; }
  tcp::endpoint address() const { return {boost::asio::ip::address_v4::loopback(), port_.port()}; }

 private:
  raw_listener port_{0};
  std::list<raw_peer> queued_;
};

std::uint16_t closed_port() {
  raw_listener port;
  return port.port();
}

tcp::endpoint local(std::uint16_t port) {
  return {boost::asio::ip::address_v4::loopback(), port};
}

raw_peer accept(event_loop& loop, raw_listener& at) {
  REQUIRE(loop.run_until([&] { return at.has_waiting(); }));
  return at.accept();
}

call_under_test call(event_loop& loop, endpoint where,
                     std::chrono::milliseconds timeout = event_loop::patience) {
  return {loop, std::move(where), ends{}.dialer, timeout};
}

} // namespace

TEST_CASE("a port on which nothing listens is told apart from a host that is not there") {
  event_loop loop;
  auto closed = call(loop, {"127.0.0.1", closed_port()});
  CHECK(closed.failure().nothing_listens);
  CHECK(closed.failure().problem == atl::error{errc::unavailable, "connection refused"});
  auto unreachable = call(loop, {"255.255.255.255", 7001});
  CHECK_FALSE(unreachable.failure().nothing_listens);
  CHECK(unreachable.failure().problem == atl::error{errc::unavailable, "network is unreachable"});
}

TEST_CASE("a host that doesn't answer costs the timeout and no more") {
  event_loop loop;
  silent_port silent;
  auto to_silent = call(loop, silent.where(), 50ms);
  CHECK(to_silent.failure().problem == atl::error{errc::timeout, "no answer in time"});
  CHECK_FALSE(to_silent.failure().nothing_listens);
}

TEST_CASE("a host that accepts and says nothing costs the timeout and no more") {
  event_loop loop;
  raw_listener mute;
  auto it = call(loop, {"127.0.0.1", mute.port()}, 500ms);
  CHECK(it.failure().problem == atl::error{errc::timeout, "no answer to the handshake in time"});
  auto peer = accept(loop, mute);
  CHECK(loop.run_until([&] { return peer.has_ended(); }));
}

TEST_CASE("a host that speaks another protocol, or hangs up, is said to be no node") {
  event_loop loop;
  raw_listener other;
  for (auto& stranger : strangers::all()) {
    CAPTURE(stranger.name);
    auto it = call(loop, {"127.0.0.1", other.port()});
    auto peer = accept(loop, other);
    peer.send(stranger.bytes);
    CHECK(it.failure().problem.code == errc::unavailable);
    CHECK(contains(it.failure().problem.message, "doesn't speak the protocol"));
    loop.run_ready();
    CHECK(contains(peer.received(), "shell"));
    CHECK_FALSE(contains(peer.received(), "doesn't speak"));
  }
  for (auto reset : {false, true}) {
    auto it = call(loop, {"127.0.0.1", other.port()});
    auto peer = accept(loop, other);
    reset ? peer.abort() : peer.close();
    CHECK(it.failure().problem.code == errc::unavailable);
    // A reset may come before the end of the attempt to connect.
    CHECK((contains(it.failure().problem.message, "no node of this version") ||
           contains(it.failure().problem.message, "reset")));
  }
}

TEST_CASE("an acceptor that knows no secret doesn't get a proof") {
  event_loop loop;
  raw_listener impostor;
  auto it = call(loop, {"127.0.0.1", impostor.port()});
  auto peer = accept(loop, impostor);
  loop.run_until([&] { return !peer.received().empty(); });
  auto fake = handshake::accept(ends{}.acceptor.who, secret_of("0"), {2}, {});
  fake.receive(peer.received());
  peer.send(fake.take_output());
  CHECK(it.failure().problem.code == errc::refused);
  CHECK(contains(it.failure().problem.message, "different secrets"));
  CHECK(loop.run_until([&] { return peer.has_ended(); }));
  CHECK(contains(peer.received(), "different secrets"));
}

TEST_CASE("a host that nobody knows is an error, and no name server holds the dialer up") {
  event_loop loop;
  auto it = call(loop, {"some.host.invalid", 7001}, 300ms);
  auto code = it.failure().problem.code; // the name server's answer, or none
  CHECK((code == errc::unavailable || code == errc::timeout));
  CHECK_FALSE(it.failure().nothing_listens);
}

TEST_CASE("connections that are made at the same time don't wait for each other") {
  event_loop loop;
  silent_port silent;
  raw_listener mute;
  port_under_test port{loop};
  std::list<call_under_test> hopeless;
  for (int i = 0; i < 50; ++i) {
    hopeless.emplace_back(loop, silent.where());
    hopeless.emplace_back(loop, endpoint{"127.0.0.1", mute.port()});
  }
  auto good = call(loop, port.tested->listens_at());
  good.connection();
  for (auto& each : hopeless)
    CHECK_FALSE(each.has_ended());
}

TEST_CASE("a dialer releases all that it holds as soon as it has ended") {
  event_loop loop;
  auto owned = std::make_shared<int>();
  silent_port silent;
  port_under_test port{loop};
  int ended = 0;
  for (auto& where :
       {silent.where(), port.tested->listens_at(), endpoint{"127.0.0.1", closed_port()}})
    atl::net::dial(loop.context(), {where, ends{}.dialer.who, ends{}.dialer.secret, 50ms},
                   [owned, &ended](call_under_test::outcome) { ++ended; });
  CHECK(loop.run_until([&] { return ended == 3; }));
  loop.run_ready();
  CHECK(owned.use_count() == 1);
}

// -- several addresses --------------------------------------------------------

namespace {

struct race {
  race(event_loop& loop, atl::net::addresses to) : loop_{loop} {
    connector = atl::net::connector::start(
        *loop.context(), std::move(to), [this](boost::system::error_code how, tcp::socket socket) {
          REQUIRE_FALSE(problem);
          problem = how;
          if (!how)
            connected_to = socket.remote_endpoint();
        });
  }
  void wait() {
    REQUIRE(loop_.run_until([this] { return problem.has_value(); }));
  }
  /// Whether nothing is under way any more.
  bool is_over() {
    std::weak_ptr<atl::net::connector> weak = std::exchange(connector, nullptr);
    loop_.run_ready();
    return weak.expired();
  }

  std::shared_ptr<atl::net::connector> connector;
  std::optional<boost::system::error_code> problem;
  tcp::endpoint connected_to;

 private:
  event_loop& loop_;
};

} // namespace

TEST_CASE("an address that doesn't answer doesn't keep the next one from being tried") {
  event_loop loop;
  silent_port silent;
  raw_listener good;
  race it{loop, {silent.address(), silent.address(), local(good.port())}};
  it.wait();
  CHECK(it.connected_to.port() == good.port());
  CHECK(it.is_over()); // the attempts at the silent address have ended too
}

TEST_CASE("an address that refuses makes the next one be tried at once") {
  event_loop loop;
  raw_listener good;
  // Were the delay waited for each time, this would take longer than the test waits.
  atl::net::addresses to(400, local(closed_port()));
  to.push_back(local(good.port()));
  race it{loop, to};
  it.wait();
  CHECK(it.connected_to.port() == good.port());
  CHECK(it.is_over());
}

TEST_CASE("of the errors of all addresses the one that a process decided is told") {
  event_loop loop;
  tcp::endpoint nowhere{boost::asio::ip::make_address_v4("255.255.255.255"), 1};
  for (auto& to : {atl::net::addresses{nowhere, local(closed_port()), nowhere},
                   atl::net::addresses{local(closed_port()), nowhere}}) {
    race it{loop, to};
    it.wait();
    CHECK(*it.problem == boost::asio::error::connection_refused);
    CHECK(it.is_over());
  }
}

TEST_CASE("a cancelled attempt to connect says nothing and ends") {
  event_loop loop;
  silent_port silent;
  race it{loop, {silent.address(), silent.address()}};
  loop.run_ready();
  it.connector->cancel();
  CHECK(it.is_over());
  CHECK_FALSE(it.problem);
}

// -- names --------------------------------------------------------------------

TEST_CASE("an address is its own, and a name is looked up") {
  auto soon = std::chrono::steady_clock::now() + event_loop::patience;
  auto four = atl::net::resolve({"127.0.0.1", 7001}, soon);
  REQUIRE(four);
  CHECK(*four == atl::net::addresses{local(7001)});
  auto six = atl::net::resolve({"::1", 7001}, soon);
  REQUIRE(six);
  CHECK(six->front() == tcp::endpoint{boost::asio::ip::address_v6::loopback(), 7001});
  auto name = atl::net::resolve({"localhost", 7001}, soon);
  REQUIRE(name);
  CHECK(name->front().address().is_loopback());
  CHECK(name->front().port() == 7001);
}

TEST_CASE("a name that isn't found by the deadline is an error that names it") {
  auto found = atl::net::resolve({"some.host.invalid", 7001}, std::chrono::steady_clock::now());
  REQUIRE_FALSE(found);
  CHECK(contains(found.error().message, "some.host.invalid"));
}

// -- thread -------------------------------------------------------------------

TEST_CASE("an I/O thread goes on after an exception and leaves signals to the main thread") {
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &before);
  atl::net::io_thread thread{"test"};
  sigset_t after;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &after);
  for (auto number : {SIGTERM, SIGHUP, SIGSEGV})
    CHECK(::sigismember(&before, number) == ::sigismember(&after, number));
  boost::asio::post(thread.context(), [] { throw std::runtime_error{"out of luck"}; });
  std::promise<sigset_t> blocked;
  boost::asio::post(thread.context(), [&] {
    sigset_t mask;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    blocked.set_value(mask);
  });
  auto mask = blocked.get_future().get();
  for (auto number : {SIGTERM, SIGINT, SIGHUP, SIGPIPE, SIGUSR1})
    CHECK(::sigismember(&mask, number) == 1);
  for (auto number : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE})
    CHECK(::sigismember(&mask, number) == 0);
  CHECK_FALSE(thread.is_current());
  thread.stop();
  thread.stop();
}
