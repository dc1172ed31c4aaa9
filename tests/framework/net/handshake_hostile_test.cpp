#include "contains.hpp"
#include "handshake_mutations.hpp"
#include "handshake_pair.hpp"
#include "seed_count.hpp"
#include "strangers.hpp"

#include <atoll/net/net_limits.hpp>

#include <doctest/doctest.h>

#include <algorithm>

using namespace handshake_mutations;
using namespace handshake_pair;
using atl::net::refusal;

namespace {

using state = handshake::state;

constexpr std::size_t messages_of_exchange = 4;

/// Hands a message over in pieces of random sizes.
void carry_in_pieces(handshake& to, std::string_view message, random_bits& random) {
  while (!message.empty()) {
    auto size = std::min(message.size(), 1 + below(random, 200));
    to.receive(message.substr(0, size));
    message.remove_prefix(size);
    CHECK(to.bytes_wanted() <= atl::net::handshake_message_bytes_max);
  }
}

} // namespace

TEST_CASE("a handshake that is cut at any byte goes through") {
  ends between;
  auto lengths = run(between).messages;
  for (std::size_t number = 0; number < messages_of_exchange; ++number)
    for (std::size_t cut = 0; cut <= lengths[number].size(); ++cut) {
      std::size_t carried = 0;
      auto out = run(between, {}, [&](handshake& to, std::string_view message) {
        if (carried++ != number)
          return (void)to.receive(message);
        to.receive(message.substr(0, cut));
        to.receive(message.substr(cut));
      });
      if (!out.both_done())
        FAIL_CHECK("message ", number, " cut at byte ", cut);
    }
}

TEST_CASE("a handshake that comes in pieces of any one size goes through") {
  for (std::size_t size = 1; size <= 64; ++size) {
    auto out = run({}, {}, [&](handshake& to, std::string_view message) {
      for (; !message.empty(); message.remove_prefix(std::min(size, message.size())))
        to.receive(message.substr(0, size));
    });
    CHECK(out.both_done());
  }
}

TEST_CASE("a reader that reads only what is wanted reads exactly the handshake") {
  ends between;
  auto out = run(between, {}, [](handshake& to, std::string_view message) {
    while (!message.empty()) {
      auto wanted = to.bytes_wanted();
      REQUIRE(wanted > 0);
      REQUIRE(wanted <= message.size());
      to.receive(message.substr(0, wanted));
      message.remove_prefix(wanted);
    }
  });
  CHECK(out.both_done());
}

TEST_CASE("a handshake that ends early is never done at the end that misses bytes") {
  ends between;
  auto lengths = run(between).messages;
  for (std::size_t number = 0; number < messages_of_exchange; ++number)
    for (std::size_t cut = 0; cut < lengths[number].size(); ++cut) {
      auto out = run(between, [&](std::size_t which, std::string& message) {
        if (which == number)
          message.resize(cut);
      });
      auto& misses = number % 2 == 0 ? out.acceptor : out.dialer;
      if (misses.current() != state::running)
        FAIL_CHECK("message ", number, " ended at byte ", cut);
    }
}

TEST_CASE("with a secret no bit of any message can be changed without one end refusing") {
  ends between;
  auto lengths = run(between).messages;
  for (std::size_t number = 0; number < messages_of_exchange; ++number)
    for (std::size_t bit = 0; bit < 8 * lengths[number].size(); ++bit) {
      auto out = run(between, [&](std::size_t which, std::string& message) {
        if (which == number)
          message[bit / 8] ^= static_cast<char>(1 << bit % 8);
      });
      if (out.both_done())
        FAIL_CHECK("message ", number, ", bit ", bit, " of byte ", bit / 8);
      auto& receiver = number % 2 == 0 ? out.acceptor : out.dialer;
      if (number >= 2 && receiver.current() == state::done)
        FAIL_CHECK("message ", number, " was taken with bit ", bit, " changed");
    }
}

TEST_CASE("a message that is longer or shorter than it should be is refused") {
  ends between;
  auto lengths = run(between).messages;
  for (std::size_t number = 0; number < messages_of_exchange; ++number)
    for (std::size_t size = header_bytes; size <= lengths[number].size() + 300; ++size) {
      if (size == lengths[number].size())
        continue;
      auto out = run(between, [&](std::size_t which, std::string& message) {
        if (which == number) {
          message.resize(size, '\0');
          set_length(message, size - header_bytes);
        }
      });
      auto& receiver = number % 2 == 0 ? out.acceptor : out.dialer;
      if (receiver.current() != state::failed || receiver.why() != refusal::malformed)
        FAIL_CHECK("message ", number, " of ", size, " bytes");
    }
}

TEST_CASE("a message above the limit is refused as soon as its length is known") {
  for (std::size_t body : {2041, 2048, 4096, 65535}) {
    auto acceptor = handshake::accept({}, secret(), {2}, {});
    std::string header{"ATOL\0\0\0\0", header_bytes};
    set_length(header, body);
    CHECK(acceptor.receive(header) == state::failed);
    CHECK(acceptor.why() == refusal::malformed);
  }
}

TEST_CASE("bytes that come out of turn are refused") {
  ends between;
  auto refused_with_more_in = [&](std::size_t number, const std::string& more) {
    auto out = run(between, [&](std::size_t which, std::string& message) {
      if (which == number)
        message += more;
    });
    auto& receiver = number % 2 == 0 ? out.acceptor : out.dialer;
    return receiver.current() == state::failed && receiver.why() == refusal::malformed &&
           !out.both_done();
  };
  for (std::size_t number = 0; number < messages_of_exchange; ++number)
    for (std::size_t size : {1, 8, 100, 5000})
      CHECK(refused_with_more_in(number, std::string(size, 'x')));
}

TEST_CASE("a message of another step is refused") {
  ends between;
  auto known = run(between).messages;
  for (std::size_t number = 0; number < messages_of_exchange; ++number)
    for (std::size_t other = 0; other < messages_of_exchange; ++other) {
      if (other == number)
        continue;
      auto out = run(between, [&](std::size_t which, std::string& message) {
        if (which == number)
          message = known[other];
      });
      auto& receiver = number % 2 == 0 ? out.acceptor : out.dialer;
      CHECK(receiver.current() == state::failed);
      CHECK(receiver.why() == refusal::malformed);
    }
}

TEST_CASE("a recorded exchange proves nothing, to an acceptor or to a dialer") {
  ends between;
  auto recorded = run(between).messages;
  auto acceptor = handshake::accept(between.acceptor.who, secret(), {2, 99}, {9});
  CHECK(acceptor.receive(recorded[0]) == state::running);
  CHECK(acceptor.receive(recorded[2]) == state::failed);
  CHECK(acceptor.why() == refusal::secret);

  auto dialer = handshake::dial(between.dialer.who, secret(), {1, 99});
  CHECK(dialer.receive(recorded[1]) == state::failed);
  CHECK(dialer.why() == refusal::secret);

  // The end of another exchange doesn't fit either.
  between.exchange = 1;
  auto out = run(between, [&](std::size_t which, std::string& message) {
    if (which == 3)
      message = recorded[3];
  });
  CHECK(out.dialer.current() == state::failed);
  CHECK(out.dialer.why() == refusal::secret);
}

TEST_CASE("no proof of one end passes for a proof of the other end") {
  ends between;
  auto known = run(between).messages;
  auto proof_in = [](const std::string& message) { return message.substr(message.size() - 32); };
  auto with_proof = [&](std::size_t number, const std::string& proof) {
    return run(between, [&](std::size_t which, std::string& message) {
      if (which == number)
        message.replace(message.size() - 32, 32, proof);
    });
  };
  for (std::size_t number = 1; number < messages_of_exchange; ++number)
    for (std::size_t other = 1; other < messages_of_exchange; ++other)
      CHECK(with_proof(number, proof_in(known[other])).both_done() == (number == other));
  // What a dialer sends comes straight back.
  auto dialer = handshake::dial(between.dialer.who, secret(), {1});
  CHECK(dialer.receive(dialer.take_output()) == state::failed);
}

TEST_CASE("no answer goes to bytes that are no handshake, however they are cut") {
  for (auto& stranger : strangers::all()) {
    CAPTURE(stranger.name);
    for (std::size_t piece : {1, 3, 512}) {
      auto acceptor = handshake::accept({}, secret(), {2}, {});
      std::string_view rest = stranger.bytes;
      for (; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size())))
        acceptor.receive(rest.substr(0, piece));
      CHECK(acceptor.current() == state::failed);
      CHECK(acceptor.why() == refusal::malformed);
      CHECK(acceptor.take_output().empty());
    }
  }
}

TEST_CASE("no change of messages gets both ends through, and none does harm") {
  random_bits random{20260131};
  auto count = seed_count(100'000);
  std::uint64_t failed = 0;
  std::vector<std::string> others;
  for (std::uint8_t exchange = 100; exchange < 104; ++exchange) {
    ends recorded;
    recorded.exchange = exchange;
    for (auto& message : run(recorded).messages)
      others.push_back(message);
  }
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    ends between;
    auto with_secret = seed % 8 != 0;
    if (!with_secret)
      between.dialer.secret = between.acceptor.secret = {};
    auto number = below(random, messages_of_exchange);
    bool changed = false;
    auto out = run(
        between,
        [&](std::size_t which, std::string& message) {
          if (which != number)
            return;
          auto before = message;
          for (auto changes = 1 + below(random, 3); changes > 0; --changes)
            mutate(message, others, random);
          changed = message != before;
        },
        [&](handshake& to, std::string_view message) { carry_in_pieces(to, message, random); });
    if (changed && with_secret && out.both_done())
      FAIL_CHECK("variant ", seed, " of message ", number, " was taken");
    for (auto* end : {&out.dialer, &out.acceptor}) {
      failed += end->current() == state::failed ? 1 : 0;
      if (end->problem().message.find('\x1b') != std::string::npos)
        FAIL_CHECK("variant ", seed, " brings a control character into a message");
    }
  }
  MESSAGE(count, " variants, ", failed, " ends failed");
  CHECK(failed > count / 2);
}
