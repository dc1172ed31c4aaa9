#include "contains.hpp"
#include "port_under_test.hpp"
#include "raw_peer.hpp"

#include <atoll/net/channel.hpp>
#include <atoll/net/io_thread.hpp>

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <future>

using namespace handshake_pair;
using atl::errc;
using atl::net::channel;
using atl::net::gatekeeper;
using atl::net::refusal;

namespace {

atl::result<std::unique_ptr<gatekeeper>> open_without_secret(event_loop& loop, std::string host) {
  atl::net::gatekeeper_settings settings;
  settings.listen = {std::move(host), 0};
  return gatekeeper::open(loop.context(), settings, [](atl::net::admitted) {});
}

end client() {
  return ends{}.dialer;
}

end node() {
  return {identity_of("storage-1", "storage")};
}

std::uint64_t all_refused(const port_under_test& port) {
  std::uint64_t sum = 0;
  for (auto count : port.tested->counters().refused)
    sum += count;
  return sum;
}

} // namespace

TEST_CASE("a peer with the secret is admitted, and both ends know each other") {
  for (auto with_secret : {true, false}) {
    event_loop loop;
    auto secret = with_secret ? handshake_pair::secret() : cluster_secret{};
    port_under_test port{loop, [&](auto& it) { it.secret = secret; }};
    call_under_test call{loop, port.tested->listens_at(), {client().who, secret}};
    auto& connection = call.connection();
    REQUIRE(port.admitted.size() == 1);
    auto& admitted = port.admitted.front();
    CHECK(connection.peer.name == "master-1");
    CHECK(admitted.peer.name == "shell");
    CHECK(connection.link == admitted.link);
    CHECK(connection.link != atl::net::link_id{});
    CHECK(connection.wire_version == 1);
    CHECK(admitted.wire_version == 1);
    CHECK(port.tested->counters().admitted == 1);
    CHECK(all_refused(port) == 0);
  }
}

TEST_CASE("what an acceptor sends right after its welcome isn't lost") {
  event_loop loop;
  port_under_test port{loop};
  std::shared_ptr<channel> accepting;
  port.on_admitted = [&] {
    accepting = channel::open(std::move(port.admitted.front().socket), {}, {});
    accepting->send("early ", "bird");
  };
  call_under_test call{loop, port.tested->listens_at()};
  REQUIRE(loop.run_until([&] { return accepting && accepting->queued_bytes() == 0; }));
  std::string got;
  auto dialing = channel::open(std::move(call.connection().socket), {},
                               {[&](std::string_view message) { got = message; }, {}});
  CHECK(loop.run_until([&] { return !got.empty(); }));
  CHECK(got == "early bird");
  accepting->close();
  dialing->close();
}

TEST_CASE("two links have different ids, and a further connection of a link keeps its id") {
  event_loop loop;
  port_under_test port{loop};
  call_under_test one{loop, port.tested->listens_at()};
  call_under_test other{loop, port.tested->listens_at()};
  auto link = one.connection().link;
  CHECK(other.connection().link != link);
  auto further = client();
  further.who.link = link;
  call_under_test third{loop, port.tested->listens_at(), further};
  CHECK(third.connection().link == link);
  CHECK(port.admitted.back().link == link);
}

TEST_CASE("a peer that doesn't belong is refused with its kind counted, and told why") {
  struct stray {
    refusal why;
    const char* text;
    std::function<void(end&)> make;
  };
  const stray strays[] = {
      {refusal::version, "wire version 9",
       [](end& it) {
         it.who.wire = {9, 9};
       }},
      {refusal::cluster, "cluster name 'lagoon'", [](end& it) { it.who.cluster = "lagoon"; }},
      {refusal::cluster, "group group-9", [](end& it) { it.who.group = "group-9"; }},
      {refusal::plane, "for bulk messages", [](end& it) { it.who.plane = atl::net::plane::bulk; }},
      {refusal::secret, "different secrets", [](end& it) { it.secret = secret_of("1"); }},
      {refusal::secret, "shell (client) has none", [](end& it) { it.secret = {}; }},
  };
  event_loop loop;
  for (auto& each : strays) {
    CAPTURE(each.text);
    port_under_test port{loop};
    auto as = client();
    each.make(as);
    call_under_test call{loop, port.tested->listens_at(), as};
    CHECK(call.failure().problem.code == errc::refused);
    CHECK(contains(call.failure().problem.message, each.text));
    CHECK_FALSE(call.failure().nothing_listens);
    CHECK(loop.run_until([&] { return port.refused(each.why) == 1; }));
    CHECK(all_refused(port) == 1);
    CHECK(port.admitted.empty());
    // The port serves others as before.
    CHECK(call_under_test{loop, port.tested->listens_at()}.connection().peer.name == "master-1");
  }
}

TEST_CASE("connections of the spare role leave the reserve to others") {
  event_loop loop;
  port_under_test port{loop, [](auto& it) {
                         it.connections_max = 3;
                         it.reserve = 1;
                         it.spare_role = "client";
                       }};
  auto connect = [&](const end& as) {
    return call_under_test{loop, port.tested->listens_at(), as};
  };
  auto one = connect(client());
  auto two = connect(client());
  one.connection();
  two.connection();
  auto three = connect(client());
  CHECK(three.failure().problem.code == errc::busy);
  CHECK(contains(three.failure().problem.message, "there are 2 connections already"));
  CHECK(port.refused(refusal::busy) == 1);
  auto four = connect(node());
  four.connection();
  auto five = connect(node());
  CHECK(five.failure().problem.code == errc::busy);
  CHECK(port.tested->counters().admitted == 3);
  port.admitted.pop_front();
  CHECK(connect(client()).failure().problem.code == errc::busy);
  port.admitted.pop_front();
  auto six = connect(client());
  six.connection();
}

TEST_CASE("a reserve of more than all connections shuts the spare role out, and nobody else") {
  event_loop loop;
  port_under_test port{loop, [](auto& it) {
                         it.connections_max = 1;
                         it.reserve = 2;
                         it.spare_role = "client";
                       }};
  call_under_test one{loop, port.tested->listens_at(), client()};
  CHECK(one.failure().problem.code == errc::busy);
  call_under_test other{loop, port.tested->listens_at(), node()};
  other.connection();
}

TEST_CASE("without a secret a wildcard address becomes the loopback address of its family") {
  event_loop loop;
  for (auto [wildcard, loopback] :
       {std::pair{"0.0.0.0", "127.0.0.1"}, {"::", "::1"}, {"127.0.0.1", "127.0.0.1"}}) {
    auto opened = open_without_secret(loop, wildcard);
    REQUIRE(opened);
    CHECK((*opened)->listens_at().host == loopback);
    CHECK((*opened)->listens_at().port != 0);
  }
}

TEST_CASE("without a secret an address that others reach is refused with what to do") {
  event_loop loop;
  for (auto host : {"192.0.2.1", "2001:db8::1", "::ffff:0.0.0.0"}) {
    auto opened = open_without_secret(loop, host);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == errc::refused);
    CHECK(contains(opened.error().message, "cluster.secret_file"));
    CHECK(contains(opened.error().message, host));
  }
}

TEST_CASE("an address that can't be listened on is an error that names it") {
  event_loop loop;
  port_under_test port{loop};
  atl::net::gatekeeper_settings settings;
  settings.secret = handshake_pair::secret();
  for (auto& where : {port.tested->listens_at(), atl::endpoint{"192.0.2.1", 0}}) {
    settings.listen = where;
    auto opened = gatekeeper::open(loop.context(), settings, [](atl::net::admitted) {});
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == errc::unavailable);
    CHECK(contains(opened.error().message, to_string(where)));
  }
}

TEST_CASE("a dialer reaches a port of the other address family by name and by address") {
  event_loop loop;
  port_under_test port{loop, [](auto& it) { it.listen.host = "::1"; }};
  call_under_test by_address{loop, {"::1", port.number()}};
  by_address.connection();
  port_under_test both{loop, [](auto& it) { it.listen.host = "::"; }};
  call_under_test by_old_address{loop, {"127.0.0.1", both.number()}};
  by_old_address.connection();
  call_under_test by_name{loop, {"localhost", both.number()}};
  by_name.connection();
}

TEST_CASE("a node that has joined a group introduces itself as its member") {
  event_loop loop;
  port_under_test port{loop, [](auto& it) { it.self.group.clear(); }};
  call_under_test before{loop, port.tested->listens_at()};
  CHECK(before.connection().peer.group.empty());
  port.tested->introduce_as(ends{}.acceptor.who);
  call_under_test after{loop, port.tested->listens_at()};
  CHECK(after.connection().peer.group == "group-1");
}

TEST_CASE("a gatekeeper may be destroyed by whom it hands a connection to") {
  event_loop loop;
  port_under_test port{loop};
  auto idle = raw_peer::connect_to(port.number());
  auto where = port.tested->listens_at();
  port.on_admitted = [&] { port.tested.reset(); };
  call_under_test call{loop, where};
  call.connection();
  CHECK_FALSE(port.tested);
  CHECK(loop.run_until([&] { return idle.has_ended(); }));
  CHECK(call_under_test{loop, where}.failure().nothing_listens);
}

TEST_CASE("a gatekeeper is opened, asked, and destroyed by any thread") {
  atl::net::io_thread thread{"test"};
  std::atomic<int> admitted = 0;
  atl::net::gatekeeper_settings settings;
  settings.listen = {"127.0.0.1", 0};
  settings.self = ends{}.acceptor.who;
  settings.secret = handshake_pair::secret();
  for (int round = 0; round < 20; ++round) {
    auto opened = gatekeeper::open(thread.shared_context(), settings,
                                   [&](atl::net::admitted) { ++admitted; });
    REQUIRE(opened);
    event_loop loop;
    call_under_test one{loop, (*opened)->listens_at()};
    (*opened)->introduce_as(ends{}.acceptor.who);
    one.connection();
    CHECK(loop.run_until([&] { return (*opened)->counters().admitted == 1; }));
    auto stray = raw_peer::connect_to((*opened)->listens_at().port);
    opened->reset(); // while a connection may be under way
  }
  thread.stop();
  CHECK(admitted == 20);
}

TEST_CASE("what is open when its context ends doesn't keep the context") {
  std::weak_ptr<boost::asio::io_context> ended;
  auto owned = std::make_shared<int>();
  {
    event_loop loop;
    ended = loop.context();
    port_under_test port{loop};
    auto idle = raw_peer::connect_to(port.number());
    raw_listener silent;
    for (auto& where : {port.tested->listens_at(), atl::endpoint{"127.0.0.1", silent.port()},
                        atl::endpoint{"some.host.invalid", 1}})
      atl::net::dial(loop.context(), {where, client().who, client().secret},
                     [owned](call_under_test::outcome) {});
    loop.run_ready();
    CHECK(owned.use_count() > 2);
  }
  // A name server may still be asked, by a thread that knows neither.
  CHECK(owned.use_count() == 1);
  CHECK(ended.expired());
}
