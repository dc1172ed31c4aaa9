#include "contains.hpp"
#include "verify/applied_history.hpp"

#include <atoll/core/state/answer.hpp>

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <vector>

using namespace atl;
using namespace atl::verify;

TEST_CASE("replicas that make different things of one entry are told apart") {
  applied_history history;
  const applied_history::outcome done{"done", true, 100};
  const applied_history::command_id command{{1, 2}, 1};
  auto bytes = encode(session_command{{1, 2}, 1, 0, {7, "body"}});
  spi::committed_entry first{1, 0, false, bytes};
  spi::committed_entry again{2, 0, false, bytes};
  CHECK(history.last_effect(command, 9) == 0);
  CHECK_FALSE(history.add_entry(1, first, done).has_value());
  CHECK_FALSE(history.repeated_effect(first, 0).has_value());
  CHECK(history.last_effect(command, 9) == 1);
  CHECK_FALSE(history.add_entry(2, first, done).has_value());
  CHECK(history.add_entry(3, first, {"other", true, 100}) ==
        "replica 3 answers entry 1 otherwise than replica 1");
  CHECK(history.add_entry(1, first, {"other", true, 100}) ==
        "replica 1 answers entry 1 otherwise than before a restart it did");
  CHECK(history.add_entry(3, first, {"done", false, 100}) ==
        "replica 3 did not carry out the command of entry 1, and replica 1 did");
  CHECK(history.add_entry(1, first, {"done", false, 100}) ==
        "replica 1 did not carry out the command of entry 1, and before a restart it did");
  CHECK_FALSE(history.add_entry(1, again, done).has_value());
  CHECK(contains(history.repeated_effect(again, 0).value_or(""),
                 "took effect at entry 1, and again at entry 2"));
  CHECK_FALSE(history.add_entry(1, {3, 0, true, {}}, {"", false, 100}).has_value());
  CHECK_FALSE(history.add_digest(1, 3, 7).has_value());
  CHECK_FALSE(history.add_query(1, 3, 0, "all").has_value());
  auto next = encode(session_command{{1, 2}, 2, 0, {7, "body"}});
  INFO("a no-op that was lost with a disk is no entry");
  CHECK_FALSE(history.add_entry(2, {3, 0, false, next}, done).has_value());
  CHECK_FALSE(history.add_digest(2, 3, 8).has_value());
  CHECK_FALSE(history.add_query(2, 3, 0, "none").has_value());
  CHECK(history.effects_up_to(3) == 3);
  CHECK(history.effects_up_to(1) == 1);
  CHECK(history.effects_up_to(2) == 2);
  CHECK_FALSE(history.add_digest(1, 2, 5).has_value());
  CHECK_FALSE(history.add_digest(2, 2, 5).has_value());
  CHECK(history.add_digest(2, 2, 6) == "replica 2 has other rows than replica 1 after entry 2");
  CHECK(history.add_digest(1, 2, 6) ==
        "replica 1 has other rows after entry 2 than it had before a restart");
  CHECK_FALSE(history.add_query(1, 2, 0, "all").has_value());
  CHECK_FALSE(history.add_query(2, 2, 1, "none").has_value());
  CHECK(history.add_query(2, 2, 0, "none") ==
        "replica 2 answers a query otherwise than replica 1 did, both after entry 2");
}

namespace {

/// The command with this number of session 1 at an entry.
spi::committed_entry entry_of(spi::log_index index, std::uint64_t sequence) {
  return {index, 0, false, encode(session_command{{0, 1}, sequence, 0, {7, "body"}})};
}

} // namespace

TEST_CASE("a command may take effect again once its session was idle for long enough to end") {
  applied_history history;
  REQUIRE_FALSE(history.add_entry(1, entry_of(1, 1), {"one", true, 1'000}).has_value());
  REQUIRE_FALSE(history.add_entry(1, entry_of(2, 2), {"two", true, 1'500}).has_value());
  REQUIRE_FALSE(history.add_entry(1, entry_of(3, 2), {"two again", true, 1'600}).has_value());
  CHECK(history.repeated_effect(entry_of(3, 2), 100).has_value());
  CHECK_FALSE(history.repeated_effect(entry_of(3, 2), 99).has_value());
  CHECK_FALSE(history.repeated_effect(entry_of(2, 2), 100).has_value());
  CHECK(history.time_between(1, 3) == 600);
  CHECK(history.last_effect({{0, 1}, 2}, 1) == 0);
  CHECK(history.last_effect({{0, 1}, 2}, 2) == 2);
  CHECK(history.last_effect({{0, 1}, 2}, 9) == 3);
  CHECK(history.last_effect(session_id{0, 1}, 9) == 3);
  CHECK(history.last_effect(session_id{0, 1}, 1) == 1);
  CHECK(history.last_effect(session_id{0, 2}, 9) == 0);
  CHECK(history.answer(3) == "two again");
}

TEST_CASE("a command that was refused for certain must not take effect, earlier or later") {
  applied_history history;
  REQUIRE_FALSE(history.add_entry(1, entry_of(1, 1), {"one", true, 1}).has_value());
  CHECK(contains(history.add_refusal({{0, 1}, 1}).value_or(""),
                 "was refused as certainly not proposed, and took effect at entry 1"));
  CHECK_FALSE(history.add_refusal({{0, 1}, 2}).has_value());
  CHECK_FALSE(history.add_entry(1, entry_of(2, 2), {"stale", false, 1}).has_value());
  CHECK(contains(history.add_entry(1, entry_of(3, 2), {"two", true, 1}).value_or(""),
                 "command 2 of session 00000000000000000000000000000001 was refused as certainly "
                 "not proposed, and took effect at entry 3"));
}

TEST_CASE("what is known of an entry is the failure of its command and the queries after it") {
  applied_history history;
  auto failure = encode_answer(error{errc::refused, "too late"});
  REQUIRE_FALSE(history.add_entry(1, entry_of(1, 1), {failure, true, 1}).has_value());
  REQUIRE_FALSE(history.add_entry(1, entry_of(2, 1), {failure, false, 1}).has_value());
  REQUIRE_FALSE(history.add_entry(1, entry_of(3, 2), {encode_answer("done"), true, 1}).has_value());
  CHECK(history.failure_of(1) == "too late");
  CHECK_FALSE(history.failure_of(2).has_value()); // a repetition
  CHECK_FALSE(history.failure_of(3).has_value());
  CHECK_FALSE(history.failure_of(4).has_value());
  REQUIRE_FALSE(history.add_query(1, 2, 7, "seven").has_value());
  REQUIRE_FALSE(history.add_query(1, 2, 3, "three").has_value());
  REQUIRE_FALSE(history.add_query(1, 3, 5, "five").has_value());
  CHECK(history.queries_after(2) == std::vector<std::uint64_t>{3, 7});
  CHECK(history.queries_after(1).empty());
  CHECK(history.add_query(1, 2, 3, "four") ==
        "replica 1 answers a query otherwise than it did before, both after entry 2");
}
