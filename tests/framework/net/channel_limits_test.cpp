#include "channel_under_test.hpp"
#include "contains.hpp"
#include "seed_count.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>

using namespace channel_under_test;
using atl::errc;

namespace {

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
