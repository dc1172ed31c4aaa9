#include "contains.hpp"
#include "handshake_pair.hpp"

#include <atoll/net/net_limits.hpp>
#include <atoll/spi/codec.hpp>

#include <doctest/doctest.h>

using namespace handshake_pair;
using atl::errc;
using atl::net::link_id;
using atl::net::plane;
using atl::net::refusal;

namespace {

using state = handshake::state;

struct mismatch {
  const char* what;
  std::function<void(ends&)> make;
  refusal why;
  const char* text; ///< a part of the message
};

void set_wire(identity& who, std::uint32_t min, std::uint32_t max) {
  who.wire = {min, max};
}

const mismatch mismatches[] = {
    {"a newer dialer", [](ends& it) { set_wire(it.dialer.who, 3, 4); }, refusal::version,
     "shell (client) speaks wire version 3 to 4, master-1 (master) speaks 1: they are of different "
     "releases"},
    {"an older dialer", [](ends& it) { set_wire(it.acceptor.who, 2, 2); }, refusal::version,
     "shell (client) speaks wire version 1, master-1 (master) speaks 2"},
    {"an inverted range", [](ends& it) { set_wire(it.dialer.who, 2, 1); }, refusal::version,
     "wire version 2 to 1"},
    {"another cluster", [](ends& it) { it.dialer.who.cluster = "atoll"; }, refusal::cluster,
     "shell (client) has the cluster name 'atoll', master-1 (master) has 'reef'"},
    {"another birth", [](ends& it) { it.acceptor.who.group = "group-2"; }, refusal::cluster,
     "shell (client) belongs to the group group-1, master-1 (master) to group-2"},
    {"another port", [](ends& it) { it.dialer.who.plane = plane::bulk; }, refusal::plane,
     "for bulk messages, and the port of master-1 (master) is for control"},
    {"another secret", [](ends& it) { it.dialer.secret = secret_of("8"); }, refusal::secret,
     "master-1 (master) and shell (client) have different secrets"},
    {"a dialer without a secret", [](ends& it) { it.dialer.secret = {}; }, refusal::secret,
     "master-1 (master) demands the cluster's secret, and shell (client) has none"},
    {"an acceptor without a secret", [](ends& it) { it.acceptor.secret = {}; }, refusal::secret,
     "shell (client) demands the cluster's secret, and master-1 (master) has none"},
    {"nameless ends",
     [](ends& it) {
       it.dialer.who.name = it.dialer.who.role = it.acceptor.who.name = "";
       it.dialer.who.cluster = "atoll";
     },
     refusal::cluster, "a caller has the cluster name 'atoll', master has 'reef'"},
};

} // namespace

TEST_CASE("two ends with the same secret, or both without one, learn who the other end is") {
  for (auto with_secret : {true, false}) {
    ends between;
    if (!with_secret)
      between.dialer.secret = between.acceptor.secret = {};
    auto out = run(between);
    REQUIRE(out.both_done());
    CHECK(out.messages.size() == 4);
    CHECK(out.dialer.peer().name == "master-1");
    CHECK(out.dialer.peer().role == "master");
    CHECK(out.acceptor.peer().name == "shell");
    CHECK(out.acceptor.peer().role == "client");
    CHECK(out.acceptor.peer().cluster == "reef");
    CHECK(out.acceptor.peer().group == "group-1");
    CHECK(out.dialer.link() == link_id{9});
    CHECK(out.acceptor.link() == link_id{9});
    CHECK(out.dialer.wire_version() == 1);
    CHECK(out.dialer.bytes_wanted() == 0);
  }
}

TEST_CASE("a secret doesn't travel") {
  auto out = run({});
  for (auto& message : out.messages) {
    CHECK_FALSE(contains(message, std::string(8, '\x77')));
    CHECK_FALSE(contains(message, "7777"));
  }
}

TEST_CASE("both ends agree on the newest wire version that both speak") {
  ends between;
  set_wire(between.dialer.who, 2, 7);
  set_wire(between.acceptor.who, 3, 5);
  auto out = run(between);
  REQUIRE(out.both_done());
  CHECK(out.dialer.wire_version() == 5);
  CHECK(out.acceptor.wire_version() == 5);
}

TEST_CASE("a further connection of a link keeps the link's id at both ends") {
  ends between;
  between.dialer.who.link = {4, 2};
  auto out = run(between);
  REQUIRE(out.both_done());
  CHECK(out.dialer.link() == link_id{4, 2});
  CHECK(out.acceptor.link() == link_id{4, 2});
}

TEST_CASE("a group that one end doesn't know is no mismatch") {
  for (auto which : {&ends::dialer, &ends::acceptor}) {
    ends between;
    (between.*which).who.group.clear();
    CHECK(run(between).both_done());
  }
}

TEST_CASE("each mismatch is told to both ends, with its kind and the same text") {
  for (auto& each : mismatches) {
    CAPTURE(each.what);
    ends between;
    each.make(between);
    auto out = run(between);
    for (auto* end : {&out.dialer, &out.acceptor}) {
      CHECK(end->current() == state::failed);
      CHECK(end->why() == each.why);
      CHECK(end->problem().code == errc::refused);
      CHECK(contains(end->problem().message, each.text));
      CHECK(end->bytes_wanted() == 0);
    }
    CHECK(out.dialer.problem().message == out.acceptor.problem().message);
  }
}

TEST_CASE("a dialer that doesn't know the secret is refused whatever it confirms") {
  ends between;
  auto out = run(between, [](std::size_t number, std::string& message) {
    if (number == 2)
      std::fill(message.end() - 32, message.end(), '\0');
  });
  CHECK(out.acceptor.why() == refusal::secret);
  CHECK(out.dialer.why() == refusal::secret);
  CHECK(contains(out.dialer.problem().message, "different secrets"));
}

TEST_CASE("an acceptor that has no room says so instead of its welcome") {
  ends between;
  auto dialer = handshake::dial(between.dialer.who, secret(), {1});
  auto acceptor = handshake::accept(between.acceptor.who, secret(), {2}, {});
  acceptor.receive(dialer.take_output());
  dialer.receive(acceptor.take_output());
  REQUIRE(acceptor.receive(dialer.take_output()) == state::done);
  acceptor.refuse(refusal::busy, "no room");
  CHECK(acceptor.current() == state::failed);
  CHECK(dialer.receive(acceptor.take_output()) == state::failed);
  CHECK(dialer.why() == refusal::busy);
  CHECK(dialer.problem() == atl::error{errc::busy, "no room"});
}

TEST_CASE("a later release that says more about itself is refused for its version") {
  ends between;
  set_wire(between.dialer.who, 2, 2);
  auto out = run(between, [](std::size_t number, std::string& message) {
    if (number != 0)
      return;
    message += std::string(100, 'x');
    message[8 + 8] = 17; // a kind of port that this release doesn't know
    auto size = static_cast<std::uint16_t>(message.size() - 8);
    std::memcpy(message.data() + 6, &size, sizeof(size));
  });
  CHECK(out.acceptor.why() == refusal::version);
  CHECK(out.dialer.why() == refusal::version);
}

TEST_CASE("names of any length are cut to the limit, and the messages stay within theirs") {
  ends between;
  for (auto* end : {&between.dialer, &between.acceptor})
    for (auto* text : {&end->who.cluster, &end->who.group, &end->who.name, &end->who.role})
      *text = std::string(5000, 'n');
  auto out = run(between, [](std::size_t, std::string& message) {
    CHECK(message.size() <= atl::net::handshake_message_bytes_max);
  });
  CHECK(out.dialer.why() == refusal::cluster); // a cut name isn't the same name
  CHECK(out.acceptor.peer().name.size() == atl::net::handshake_text_bytes_max);
}

TEST_CASE("text of a peer can't move a terminal's cursor or start a line in a log") {
  ends between;
  between.dialer.who.name = "a\x1b[2J\r\nb\x7f";
  between.dialer.who.cluster = "x\n";
  auto out = run(between);
  CHECK(contains(out.acceptor.problem().message, "a?[2J??b? (client) has the cluster name 'x?'"));
  CHECK(out.dialer.problem().message == out.acceptor.problem().message);
}

TEST_CASE(
    "a reason of the peer is taken with control characters replaced, and only if it is short") {
  auto refused = [](std::string_view text) {
    atl::spi::writer body;
    body.put(refusal::busy).put(text);
    std::string message{"ATOL\x04\0", 6};
    auto size = static_cast<std::uint16_t>(body.size());
    message.append(reinterpret_cast<const char*>(&size), sizeof(size)).append(body.view());
    auto dialer = handshake::dial({}, secret(), {1});
    (void)dialer.take_output();
    dialer.receive(message);
    CHECK(dialer.take_output().empty());
    CHECK(dialer.current() == state::failed);
    return dialer;
  };
  CHECK(refused("go\taway\n").problem() == atl::error{errc::busy, "go?away?"});
  CHECK(refused(std::string(400, 'x')).why() == refusal::busy);
  CHECK(refused(std::string(401, 'x')).why() == refusal::malformed);
}
