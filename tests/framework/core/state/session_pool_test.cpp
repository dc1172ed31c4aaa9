#include <atoll/core/state/answer.hpp>
#include <atoll/core/state/session_pool.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace atl;
using verdict = session_pool::verdict;

namespace {

session_command sent(const session_pool::call& call) {
  // The bytes live in a static variable, because a decoded command has a view into them.
  static std::string bytes;
  bytes = call.bytes();
  auto decoded = decode_session_command(bytes);
  REQUIRE(decoded.has_value());
  return *decoded;
}

/// Gives the sessions 1, 2, 3, ….
std::function<session_id()> counting() {
  return [next = std::uint64_t{0}]() mutable { return session_id{0, ++next}; };
}

const result<std::string> answered = encode_answer(std::string_view{"done"});
const result<std::string> expired = encode_answer(session_expired("it was idle for long"));

} // namespace

TEST_CASE("a session serves one command after the other, and commands at the same time have one "
          "each") {
  session_pool pool{counting()};
  auto first = pool.begin(7, "body");
  CHECK(sent(first).session == session_id{0, 1});
  CHECK(sent(first).sequence == 1);
  CHECK(sent(first).command.type == 7);
  CHECK(sent(first).command.body == "body");
  auto second = pool.begin(7, "other");
  CHECK(sent(second).session == session_id{0, 2});
  CHECK(pool.finish(first, answered) == verdict::done);
  auto third = pool.begin(8, "third");
  CHECK(sent(third).session == session_id{0, 1});
  CHECK(sent(third).sequence == 2);
}

TEST_CASE("a session whose command is in doubt is not used again") {
  session_pool pool{counting()};
  auto first = pool.begin(1, {});
  CHECK(pool.finish(first, fail(errc::timeout, "no answer")) == verdict::done);
  CHECK(sent(pool.begin(1, {})).session == session_id{0, 2});
}

TEST_CASE("an error of the service ends the command, and its session goes on") {
  session_pool pool{counting()};
  auto first = pool.begin(1, {});
  CHECK(pool.finish(first, encode_answer(error{errc::refused, "no"})) == verdict::done);
  CHECK(sent(pool.begin(1, {})).sequence == 2);
}

TEST_CASE("a command whose session had expired is sent once more, as the first one of another "
          "session") {
  session_pool pool{counting()};
  auto first = pool.begin(1, {});
  CHECK(pool.finish(first, answered) == verdict::done);
  auto second = pool.begin(1, "body");
  CHECK(sent(second).sequence == 2);
  CHECK(pool.finish(second, expired) == verdict::repeat);
  CHECK(sent(second).session == session_id{0, 2});
  CHECK(sent(second).sequence == 1);
  CHECK(sent(second).command.body == "body");
  SUBCASE("it is answered then") {
    CHECK(pool.finish(second, answered) == verdict::done);
    auto third = pool.begin(1, {});
    CHECK(sent(third).session == session_id{0, 2});
    CHECK(sent(third).sequence == 2);
  }
  SUBCASE("it isn't sent for ever") {
    CHECK(pool.finish(second, expired) == verdict::done);
  }
}

TEST_CASE("sessions are random") {
  CHECK(random_session() != random_session());
  CHECK(random_session().high != 0);
  CHECK(to_string(session_id{1, 0xabc}) == "00000000000000010000000000000abc");
}
