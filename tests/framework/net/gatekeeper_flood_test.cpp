#include "contains.hpp"
#include "port_under_test.hpp"
#include "raw_peer.hpp"
#include "strangers.hpp"

#include <atoll/net/net_limits.hpp>

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <algorithm>
#include <vector>

using namespace handshake_pair;
using atl::net::refusal;
using atl::net::unproved_connections_max;

namespace {

std::string hello_of(const end& who) {
  return handshake::dial(who.who, who.secret, {1}).take_output();
}

/// Opens connections that say nothing, and has them accepted.
std::vector<raw_peer> idle_connections(event_loop& loop, const port_under_test& port,
                                       std::size_t count) {
  std::vector<raw_peer> out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(raw_peer::connect_to(port.number()));
    if (i % 64 == 0)
      loop.run_ready();
  }
  return out;
}

/// Allows no descriptor more than are open, as long as it exists.
class no_descriptors {
 public:
  no_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    auto next = ::dup(0);
    ::close(next);
    auto none = before_;
    none.rlim_cur = static_cast<rlim_t>(next);
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;
  ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

} // namespace

TEST_CASE("a stranger gets no byte, whatever it speaks and however slowly, and is hung up on") {
  event_loop loop;
  port_under_test port{loop};
  std::uint64_t refused = 0;
  for (auto& stranger : strangers::all()) {
    CAPTURE(stranger.name);
    for (std::size_t piece : {std::size_t{1}, stranger.bytes.size()}) {
      auto peer = raw_peer::connect_to(port.number());
      auto end = std::min(stranger.bytes.size(), piece * 64);
      for (std::size_t at = 0; at < end; at += piece) {
        peer.send(std::string_view{stranger.bytes}.substr(at, piece));
        loop.run_ready();
      }
      CHECK(loop.run_until([&] { return peer.has_ended(); }));
      CHECK(peer.received().empty());
      CHECK(port.refused(refusal::malformed) == ++refused);
    }
  }
  CHECK(port.admitted.empty());
  call_under_test{loop, port.tested->listens_at()}.connection();
}

TEST_CASE("a refused peer that is still sending reads why before the connection ends in order") {
  event_loop loop;
  port_under_test port{loop};
  auto stray = ends{}.dialer;
  stray.who.cluster = "lagoon";
  auto peer = raw_peer::connect_to(port.number());
  // More than is read at once lies behind the message that is refused.
  auto hello = hello_of(stray);
  peer.send(hello);
  loop.run_ready();
  for (int i = 0; i < 4; ++i) {
    peer.send(std::string(3000, 'x'));
    loop.run_ready();
  }
  CHECK_FALSE(peer.was_reset());
  CHECK(loop.run_until([&] { return peer.has_ended(); }));
  CHECK(contains(peer.received(), "has the cluster name 'lagoon'"));
  CHECK_FALSE(peer.was_reset());
  CHECK(port.refused(refusal::cluster) == 1);
  peer.close();
  loop.run_ready();
  auto counters = port.tested->counters();
  CHECK(counters.hung_up == 0); // it was counted once
}

TEST_CASE("a message that can't be read, with much more behind it, is answered before the end") {
  event_loop loop;
  port_under_test port{loop};
  auto peer = raw_peer::connect_to(port.number());
  peer.send(std::string{"ATOL\x09\0\0\0", 8}.append(8000, 'x'));
  CHECK(loop.run_until([&] { return peer.has_ended(); }));
  CHECK(contains(peer.received(), "can't be read"));
  CHECK_FALSE(peer.was_reset());
}

TEST_CASE("a refused peer that sends without end is cut off") {
  event_loop loop;
  port_under_test port{loop};
  auto peer = raw_peer::connect_to(port.number());
  peer.send(std::string{"ATOL\x09\0\0\0", 8});
  const std::string more(4096, 'x');
  CHECK(loop.run_until([&] {
    peer.send(more);
    return peer.was_reset();
  }));
  CHECK(port.refused(refusal::malformed) == 1);
}

TEST_CASE("a peer that hangs up during the handshake is counted") {
  event_loop loop;
  port_under_test port{loop};
  auto hello = hello_of(ends{}.dialer);
  for (std::size_t size : {std::size_t{0}, std::size_t{5}, hello.size()}) {
    auto peer = raw_peer::connect_to(port.number());
    peer.send(std::string_view{hello}.substr(0, size));
    loop.run_ready();
    peer.close();
  }
  CHECK(loop.run_until([&] { return port.tested->counters().hung_up == 3; }));
}

TEST_CASE("two thousand idle connections don't keep a dialer out") {
  event_loop loop;
  port_under_test port{loop};
  auto idle = idle_connections(loop, port, 2000);
  call_under_test call{loop, port.tested->listens_at()};
  call.connection();
  CHECK(port.admitted.size() == 1);
  auto counters = port.tested->counters();
  CHECK(counters.displaced + counters.timed_out >= 2000 - unproved_connections_max);
  // The oldest went first.
  CHECK(loop.run_until([&] { return idle.front().has_ended(); }));
  CHECK(idle.front().received().empty());
}

TEST_CASE("a dialer that is displaced during its handshake is told to come again") {
  event_loop loop;
  port_under_test port{loop, [](auto& settings) { settings.unproved_max = 1; }};
  auto begun = raw_peer::connect_to(port.number());
  begun.send(hello_of(ends{}.dialer));
  loop.run_ready();
  auto challenge = begun.received();
  REQUIRE_FALSE(challenge.empty());
  auto newer = raw_peer::connect_to(port.number());
  CHECK(loop.run_until([&] { return begun.has_ended(); }));
  CHECK(contains(begun.received(), "try again"));
  CHECK(port.tested->counters().displaced == 1);
  CHECK_FALSE(newer.has_ended());
}

TEST_CASE("a connection that is refused makes room before one whose handshake is under way") {
  event_loop loop;
  port_under_test port{loop, [](auto& settings) { settings.unproved_max = 2; }};
  auto begun = raw_peer::connect_to(port.number());
  begun.send(hello_of(ends{}.dialer));
  loop.run_ready();
  auto stray = ends{}.dialer;
  stray.who.cluster = "lagoon";
  auto refused = raw_peer::connect_to(port.number());
  refused.send(hello_of(stray));
  loop.run_ready();
  REQUIRE(port.refused(refusal::cluster) == 1);
  auto newer = raw_peer::connect_to(port.number());
  loop.run_ready();
  CHECK_FALSE(begun.has_ended());
  CHECK(port.tested->counters().displaced == 0);
}

TEST_CASE("a flood of connections that never ends doesn't keep a dialer out") {
  event_loop loop;
  port_under_test port{loop};
  std::vector<raw_peer> flood;
  call_under_test call{loop, port.tested->listens_at()};
  CHECK(loop.run_until([&] {
    flood.push_back(raw_peer::connect_to(port.number()));
    return call.has_ended();
  }));
  call.connection();
}

TEST_CASE("connections without a proof end when their time is over, however slowly they talk") {
  event_loop loop;
  port_under_test port{loop};
  auto hello = hello_of(ends{}.dialer);
  // More than there may be, so that the timer was started for a connection that is displaced.
  constexpr std::size_t more = 44;
  auto slow = idle_connections(loop, port, unproved_connections_max + more);
  REQUIRE(loop.run_until([&] { return port.tested->counters().displaced >= more; }));
  std::size_t at = 0;
  auto talk = [&] {
    if (at < hello.size() - 1)
      for (std::size_t i = more; i < slow.size() - 50; ++i) // some say nothing at all
        slow[i].send({&hello[at], 1});
    ++at;
  };
  for (int i = 0; i < 20; ++i) {
    talk();
    loop.run_ready();
  }
  call_under_test call{loop, port.tested->listens_at()};
  call.connection();
  CHECK(loop.run_until([&] {
    auto counters = port.tested->counters();
    return counters.timed_out + counters.displaced == slow.size();
  }));
  for (auto& each : slow)
    CHECK(loop.run_until([&] { return each.has_ended(); }));
  // The timer starts again for those that come later.
  auto late = raw_peer::connect_to(port.number());
  CHECK(loop.run_until([&] { return late.has_ended(); }));
  CHECK(port.admitted.size() == 1);
}

TEST_CASE("without descriptors connections are hung up on, and served when there are some again") {
  event_loop loop;
  port_under_test port{loop};
  std::vector<raw_peer> waiting;
  for (int i = 0; i < 20; ++i)
    waiting.push_back(raw_peer::connect_to(port.number()));
  {
    no_descriptors now;
    for (auto& each : waiting)
      CHECK(loop.run_until([&] { return each.has_ended(); }));
    call_under_test call{loop, port.tested->listens_at()};
    CHECK(call.failure().problem.code == atl::errc::busy);
    CHECK(contains(call.failure().problem.message, "too many open files"));
  }
  call_under_test call{loop, port.tested->listens_at()};
  call.connection();
}
