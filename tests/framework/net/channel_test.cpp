#include "channel_under_test.hpp"
#include "contains.hpp"

#include <stdexcept>

using namespace channel_under_test;
using atl::errc;

TEST_CASE("messages of any size up to the limit arrive whole and in order, both ways") {
  event_loop loop;
  const channel::settings limits{.message_bytes_max = 300'000};
  auto ends = connect(loop);
  auto theirs = tcp::socket{*loop.context()};
  theirs.assign(tcp::v4(), ::dup(ends.theirs.fd()));
  std::vector<std::string> at_one;
  std::vector<std::string> at_other;
  auto collect = [](std::vector<std::string>& into) {
    return channel::handlers{[&into](std::string_view message) { into.emplace_back(message); },
                             [](const atl::error&) { FAIL("closed"); }};
  };
  auto one = channel::open(std::move(ends.ours), limits, collect(at_one));
  auto other = channel::open(std::move(theirs), limits, collect(at_other));
  std::vector<std::string> sent;
  for (std::size_t size :
       {0, 1, 7, 8, 9, 4096, 131'063, 131'064, 131'065, 131'072, 299'999, 300'000, 0})
    sent.emplace_back(size, static_cast<char>('a' + sent.size()));
  for (auto& message : sent) {
    auto half = message.size() / 2;
    CHECK(one->send(message.substr(0, half), message.substr(half)));
    CHECK(other->send({}, message));
  }
  CHECK(one->queued_bytes() > 0);
  CHECK(loop.run_until(
      [&] { return at_one.size() == sent.size() && at_other.size() == sent.size(); }));
  CHECK(at_one == sent);
  CHECK(at_other == sent);
  CHECK(one->queued_bytes() == 0);
  one->close();
  other->close();
}

TEST_CASE("a message above the limit isn't sent") {
  event_loop loop;
  endpoint_under_test it{loop, {.message_bytes_max = 100}};
  CHECK_FALSE(it.tested->send("", std::string(101, 'x')));
  CHECK_FALSE(it.tested->send("h", std::string(100, 'x')));
  CHECK_FALSE(it.tested->send(std::string(101, 'x'), ""));
  CHECK(it.tested->queued_bytes() == 0);
  CHECK(it.tested->send("h", std::string(99, 'x')));
  CHECK(loop.run_until([&] { return it.peer.received().size() == 108; }));
  CHECK(it.peer.received() == frame_of(std::string{"h"}.append(99, 'x')));
}

TEST_CASE("a message that is cut at any byte arrives") {
  event_loop loop;
  endpoint_under_test it{loop};
  const std::string message = "a message of 27 bytes, whole";
  // With a message before it and one behind it in the same bytes.
  auto bytes = frame_of("") + frame_of(message) + frame_of("z");
  std::size_t expected = 0;
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    it.peer.send(bytes.substr(0, cut));
    loop.run_ready();
    it.peer.send(bytes.substr(cut));
    expected += 3;
    REQUIRE(loop.run_until([&] { return it.messages.size() == expected; }));
    CHECK(it.messages[expected - 3].empty());
    CHECK(it.messages[expected - 2] == message);
    CHECK(it.messages[expected - 1] == "z");
  }
  for (char byte : bytes) {
    it.peer.send({&byte, 1});
    loop.run_ready();
  }
  REQUIRE(loop.run_until([&] { return it.messages.size() == expected + 3; }));
  CHECK(it.messages[expected + 1] == message);
  CHECK_FALSE(it.closed);
}

TEST_CASE("a handler may close the channel: no message comes after that, and no word about it") {
  event_loop loop;
  auto ends = connect(loop);
  // What the handler captures is small, so that the function holds it in itself.
  struct state {
    std::shared_ptr<channel> tested;
    int messages = 0;
    bool said = false;
  } seen;
  auto released = std::make_shared<int>();
  channel::handlers then;
  then.on_message = [&seen](std::string_view message) {
    CHECK(message == "one");
    seen.tested->close();
    seen.tested.reset();
    ++seen.messages;
  };
  then.on_closed = [&seen, released](const atl::error&) { seen.said = true; };
  seen.tested = channel::open(std::move(ends.ours), {}, std::move(then));
  ends.theirs.send(frame_of("one") + frame_of("two"));
  CHECK(loop.run_until([&] { return seen.messages > 0 && ends.theirs.has_ended(); }));
  loop.run_ready();
  CHECK(seen.messages == 1);
  CHECK_FALSE(seen.said);
  CHECK(released.use_count() == 1);
}

TEST_CASE("a channel that is closed gives its place back, sends nothing, and drops its queue") {
  event_loop loop;
  auto ends = connect(loop);
  auto place = std::make_shared<int>();
  std::weak_ptr<int> taken = place;
  auto tested =
      channel::open(std::move(ends.ours), {}, {[](std::string_view) {}, {}}, std::move(place));
  CHECK_FALSE(taken.expired());
  CHECK(tested->send("", "never sent"));
  tested->close();
  tested->close();
  CHECK(taken.expired());
  CHECK_FALSE(tested->is_open());
  CHECK(tested->queued_bytes() == 0);
  CHECK_FALSE(tested->send("", "x"));
  CHECK(loop.run_until([&] { return ends.theirs.has_ended(); }));
  CHECK(ends.theirs.received().empty());
}

TEST_CASE("a peer that closes or resets the connection closes the channel with a reason") {
  event_loop loop;
  for (auto reset : {false, true}) {
    endpoint_under_test it{loop};
    it.peer.send(frame_of("last"));
    loop.run_until([&] { return !it.messages.empty(); });
    reset ? it.peer.abort() : it.peer.close();
    REQUIRE(loop.run_until([&] { return it.closed.has_value(); }));
    CHECK(it.closed->code == errc::unavailable);
    CHECK(it.messages == std::vector<std::string>{"last"});
    CHECK_FALSE(it.tested->send("", "x"));
  }
}

TEST_CASE("sending to a peer that has gone closes the channel, and not from within the call") {
  event_loop loop;
  endpoint_under_test it{loop};
  it.peer.abort();
  CHECK(it.tested->send("", "x"));
  CHECK_FALSE(it.closed);
  REQUIRE(loop.run_until([&] { return it.closed.has_value(); }));
  CHECK(it.closed->code == errc::unavailable);
}

TEST_CASE("a handler that throws closes the channel, because the message was not served") {
  event_loop loop;
  auto ends = connect(loop);
  std::optional<atl::error> closed;
  int messages = 0;
  auto tested = channel::open(std::move(ends.ours), {},
                              {[&](std::string_view) {
                                 ++messages;
                                 throw std::runtime_error{"out of luck"};
                               },
                               [&](const atl::error& why) { closed = why; }});
  ends.theirs.send(frame_of("one") + frame_of("two"));
  REQUIRE(loop.run_until([&] { return closed.has_value(); }));
  CHECK(closed->code == errc::internal);
  CHECK(contains(closed->message, "out of luck"));
  CHECK(messages == 1);
  CHECK(loop.run_until([&] { return ends.theirs.has_ended(); }));
}

TEST_CASE("channels that are open when their context ends leave nothing behind") {
  auto owned = std::make_shared<int>();
  {
    event_loop loop;
    auto ends = connect(loop);
    channel::open(std::move(ends.ours), {}, {[owned](std::string_view) {}, {}});
    loop.run_ready();
    CHECK(owned.use_count() == 2);
  }
  CHECK(owned.use_count() == 1);
}
