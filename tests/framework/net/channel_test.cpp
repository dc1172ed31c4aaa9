#include "contains.hpp"
#include "event_loop.hpp"
#include "raw_peer.hpp"
#include "seed_count.hpp"

#include <atoll/core/crc32c.hpp>
#include <atoll/net/channel.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <limits>
#include <optional>
#include <random>
#include <vector>

using atl::errc;
using atl::net::channel;
using boost::asio::ip::tcp;

namespace {

constexpr std::size_t header_bytes = 8;

std::string frame_of(std::string_view message) {
  auto size = static_cast<std::uint32_t>(message.size());
  auto crc = atl::crc32c(message);
  std::string out;
  out.append(reinterpret_cast<const char*>(&size), sizeof(size));
  out.append(reinterpret_cast<const char*>(&crc), sizeof(crc));
  out.append(message);
  return out;
}

struct connected {
  tcp::socket ours;
  raw_peer theirs;
};

connected connect(event_loop& loop) {
  raw_listener port;
  auto theirs = raw_peer::connect_to(port.port());
  tcp::socket ours{*loop.context()};
  auto accepted = port.accept();
  ours.assign(tcp::v4(), accepted.release());
  return {std::move(ours), std::move(theirs)};
}

/// A channel, what came out of it, and its peer.
struct endpoint_under_test {
  explicit endpoint_under_test(event_loop& loop, channel::settings limits = {})
      : endpoint_under_test{connect(loop), limits} {}
  endpoint_under_test(connected ends, channel::settings limits) : peer{std::move(ends.theirs)} {
    channel::handlers then;
    then.on_message = [this](std::string_view message) { messages.emplace_back(message); };
    then.on_closed = [this](const atl::error& why) {
      REQUIRE_FALSE(closed);
      closed = why;
    };
    tested = channel::open(std::move(ends.ours), limits, std::move(then));
  }
  endpoint_under_test(const endpoint_under_test&) = delete;
  endpoint_under_test& operator=(const endpoint_under_test&) = delete;
  ~endpoint_under_test() { tested->close(); }

  raw_peer peer;
  std::shared_ptr<channel> tested;
  std::vector<std::string> messages;
  std::optional<atl::error> closed;
};

/// Address space and resident memory of this process, in bytes.
struct memory {
  std::size_t space = 0;
  std::size_t resident = 0;
};

memory memory_now() {
  std::ifstream in{"/proc/self/statm"};
  memory out;
  in >> out.space >> out.resident;
  auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return {out.space * page, out.resident * page};
}

} // namespace

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

TEST_CASE("a message above the limit closes the channel as soon as its size is known") {
  event_loop loop;
  for (std::uint32_t size : {101U, 1U << 20, std::numeric_limits<std::uint32_t>::max()}) {
    endpoint_under_test it{loop, {.message_bytes_max = 100}};
    std::string header(header_bytes, '\0');
    std::memcpy(header.data(), &size, sizeof(size));
    it.peer.send(header);
    REQUIRE(loop.run_until([&] { return it.closed.has_value(); }));
    CHECK(it.closed->code == errc::corrupt);
    CHECK(contains(it.closed->message, std::to_string(size) + " bytes, above the limit of 100"));
    CHECK(loop.run_until([&] { return it.peer.has_ended(); }));
  }
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

TEST_CASE("a message with any bit changed isn't delivered, and the channel closes with a reason") {
  event_loop loop;
  const auto right = frame_of("any message");
  for (std::size_t bit = 0; bit < 8 * right.size(); ++bit) {
    endpoint_under_test it{loop};
    auto changed = right;
    changed[bit / 8] ^= static_cast<char>(1 << bit % 8);
    it.peer.send(changed);
    it.peer.end_sending(); // a larger size is waited for
    REQUIRE(loop.run_until([&] { return it.closed.has_value(); }));
    CHECK(it.messages.empty());
    CHECK_FALSE(it.closed->message.empty());
    if (bit >= 32)
      CHECK(it.closed->code == errc::corrupt);
  }
}

TEST_CASE("whatever a peer sends, only messages with the right checksum are delivered") {
  event_loop loop;
  std::mt19937_64 random{20260131};
  auto below = [&](std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>{0, bound - 1}(random);
  };
  auto count = seed_count(4000);
  std::uint64_t delivered = 0;
  std::uint64_t closed = 0;
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    endpoint_under_test it{loop, {.message_bytes_max = 1000}};
    std::string bytes;
    std::vector<std::string> sent;
    for (auto frames = 1 + below(4); frames > 0; --frames) {
      sent.emplace_back(below(300), static_cast<char>(below(256)));
      bytes += frame_of(sent.back());
    }
    for (auto changes = below(4); changes > 0; --changes) {
      auto at = below(bytes.size());
      if (below(3) != 0)
        bytes[at] = static_cast<char>(below(256));
      else if (below(2) == 0)
        bytes.erase(at, 1 + below(10));
      else
        bytes.insert(at, std::string(1 + below(10), static_cast<char>(below(256))));
      bytes.resize(std::max<std::size_t>(bytes.size(), 1));
    }
    for (std::string_view rest = bytes; !rest.empty();) {
      auto piece = rest.substr(0, 1 + below(200));
      it.peer.send(piece);
      rest.remove_prefix(piece.size());
      loop.run_ready();
    }
    it.peer.end_sending();
    REQUIRE(loop.run_until([&] { return it.closed.has_value(); }));
    for (auto& message : it.messages)
      if (std::find(sent.begin(), sent.end(), message) == sent.end())
        FAIL_CHECK("seed ", seed, " delivers a message that nobody sent");
    delivered += it.messages.size();
    closed += it.closed->code == errc::corrupt ? 1 : 0;
  }
  MESSAGE(count, " variants, ", delivered, " messages delivered, ", closed, " channels corrupt");
  CHECK(delivered > count / 2);
  CHECK(closed > count / 4);
}

TEST_CASE("a message of 4 GiB that is only announced takes no memory") {
  event_loop loop;
  endpoint_under_test it{loop, {.message_bytes_max = std::numeric_limits<std::uint32_t>::max()}};
  it.peer.send(frame_of("warm"));
  REQUIRE(loop.run_until([&] { return it.messages.size() == 1; }));
  auto before = memory_now();
  it.peer.send(std::string(4, '\xff').append(4 + 1024, 'x'));
  loop.run_ready();
  it.peer.send("y");
  loop.run_ready();
  auto after = memory_now();
  CHECK(it.tested->is_open());
  CHECK(after.space < before.space + (1 << 20));
  CHECK(after.resident < before.resident + (1 << 20));
}

TEST_CASE("a peer that doesn't read bounds the queue, and loses nothing when it reads again") {
  event_loop loop;
  const channel::settings limits{.message_bytes_max = 1 << 20, .queue_bytes_max = 4 << 20};
  endpoint_under_test it{loop, limits};
  std::uint32_t sent = 0;
  std::uint32_t refused = 0;
  // The kernel's own buffers, which grow for a while, take the first ones.
  while (refused < 100) {
    std::string body(100'000, '\0');
    std::memcpy(body.data(), &sent, sizeof(sent));
    if (it.tested->send("", std::move(body)))
      ++sent;
    else
      ++refused;
    CHECK(it.tested->queued_bytes() <= limits.queue_bytes_max + header_bytes * sent);
    loop.run_ready();
    REQUIRE(sent < 10'000);
  }
  CHECK(it.tested->is_open());
  const std::size_t bytes = sent * std::size_t{100'008};
  REQUIRE(loop.run_until([&] { return it.peer.received().size() >= bytes; }));
  auto& all = it.peer.received();
  REQUIRE(all.size() == bytes);
  for (std::uint32_t i = 0; i < sent; ++i) {
    std::uint32_t number = 0;
    std::memcpy(&number, all.data() + i * std::size_t{100'008} + header_bytes, sizeof(number));
    if (number != i)
      FAIL_CHECK("message ", i, " is number ", number);
  }
  CHECK(it.tested->queued_bytes() == 0);
  CHECK(it.tested->send("", "again"));
}

TEST_CASE("messages without bytes take their place in the queue too") {
  event_loop loop;
  endpoint_under_test it{loop, {.queue_bytes_max = 1 << 20}};
  std::size_t sent = 0;
  while (it.tested->send("", "") && sent < 100'000)
    ++sent;
  CHECK(sent >= 1000);
  CHECK(sent <= (1 << 20) / 100); // each takes a hundred bytes and more
}

TEST_CASE("an empty queue takes a message as large as the queue") {
  event_loop loop;
  endpoint_under_test it{loop, {.message_bytes_max = 1000, .queue_bytes_max = 1000}};
  CHECK(it.tested->send("", std::string(1000, 'x')));
  CHECK_FALSE(it.tested->send("", "x"));
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
