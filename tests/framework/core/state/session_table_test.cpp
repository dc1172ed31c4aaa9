#include "../../../contains.hpp"
#include "tally_service.hpp"

#include <atoll/core/proposal_clock.hpp>
#include <atoll/spi/random.hpp>

using namespace tally;

namespace {

constexpr std::uint64_t hour_us = 3600 * second_us;
constexpr std::uint64_t year_2100_us = 4'102'444'800 * second_us;

} // namespace

TEST_CASE("a repeated command gets the first answer and is applied once, also after a restart") {
  temporary_folder folder;
  auto state = open(folder / "state");
  auto first = entry_of(1, 1, add, "a");
  auto answer = apply_bytes(*state, first);
  CHECK(apply_bytes(*state, first) == answer);
  state.reset();
  state = open(folder / "state");
  CHECK(apply_bytes(*state, first) == answer);
  CHECK(ask(*state, "a") == "1");
  CHECK(*run(*state, 1, 7, add, "a") == "2"); // sequences may have gaps
  CHECK(*run(*state, 1, 7, add, "a") == "2");
  SUBCASE("a refusal is repeated as well, even if the command would succeed now") {
    CHECK(run(*state, 1, 8, clear, "b").error().code == errc::not_found);
    CHECK(*run(*state, 2, 1, add, "b") == "1");
    CHECK(run(*state, 1, 8, clear, "b").error().code == errc::not_found);
    CHECK(ask(*state, "b") == "1");
  }
  SUBCASE("a stale command is refused") {
    auto stale = run(*state, 1, 6, add, "a");
    REQUIRE_FALSE(stale.has_value());
    CHECK(stale.error().code == errc::refused);
    CHECK_FALSE(is_session_expired(stale.error()));
    CHECK(ask(*state, "a") == "2");
  }
}

TEST_CASE("a command of an unknown session is refused unless it opens the session") {
  temporary_folder folder;
  auto state = open(folder / "state");
  auto unknown = run(*state, 5, 2, add, "a");
  REQUIRE_FALSE(unknown.has_value());
  CHECK(is_session_expired(unknown.error()));
  CHECK(is_session_expired(apply_bytes(*state, entry_of(5, 2, add, "a"))));
  auto zero = run(*state, 5, 0, add, "a");
  CHECK(zero.error().code == errc::invalid);
  CHECK_FALSE(is_session_expired(zero.error()));
  CHECK(ask(*state, "sum") == "0");
  CHECK(ask(*state, "sessions") == "0");
  CHECK(*run(*state, 5, 1, add, "a") == "1");
  CHECK(ask(*state, "sessions") == "1");
}

TEST_CASE("each new session ends up to two that were idle for longer than the service allows") {
  temporary_folder folder;
  auto state = open(folder / "state");
  for (std::uint64_t id = 1; id <= 5; ++id)
    CHECK(run(*state, id, 1, add, "a", noon_us + id).has_value());
  auto later = noon_us + hour_us;
  CHECK(run(*state, 2, 2, add, "a", later).has_value()); // in use
  CHECK(run(*state, 6, 1, add, "a", later).has_value());
  CHECK(ask(*state, "sessions") == "6"); // none was idle for longer than an hour
  CHECK(run(*state, 7, 1, add, "a", later + 60 * second_us).has_value());
  CHECK(ask(*state, "sessions") == "6"); // of 1 and 2, only 1 was idle
  CHECK(run(*state, 8, 1, add, "a", later + 60 * second_us).has_value());
  CHECK(ask(*state, "sessions") == "5"); // 3 and 4
  for (std::uint64_t gone : {1, 3, 4})
    CHECK(is_session_expired(run(*state, gone, 2, add, "a", later).error()));
  for (std::uint64_t kept : {2, 5, 6, 7, 8})
    CHECK(run(*state, kept, 3, add, "a", later).has_value());
  CHECK(run(*state, 1, 1, add, "a", later).has_value()); // opened again
}

TEST_CASE("a command of the application ends idle sessions, and never its own") {
  temporary_folder folder;
  auto state = open(folder / "state");
  for (std::uint64_t id = 1; id <= 3; ++id)
    CHECK(run(*state, id, 1, add, "a").has_value());
  CHECK(*run(*state, 1, 2, end_sessions, "0", noon_us + 100) == "0");
  CHECK(*run(*state, 1, 3, end_sessions, "60", noon_us + 50) == "2");
  CHECK(ask(*state, "sessions") == "1");
  CHECK(run(*state, 1, 4, add, "a", noon_us + 50).has_value());
  SUBCASE("the new session of the very command") {
    CHECK(*run(*state, 9, 1, end_sessions, "60", noon_us + 1000) == "1");
    CHECK(ask(*state, "sessions") == "1");
    CHECK(run(*state, 9, 2, add, "a", noon_us + 1000).has_value());
    CHECK(*run(*state, 9, 3, end_sessions, "60", noon_us + 2000) == "0");
  }
}

TEST_CASE("an answer above the limit is replaced by an error that says so") {
  temporary_folder folder;
  auto state = open(folder / "state");
  auto fits = service_answer_bytes_max - 2;
  CHECK(run(*state, 1, 1, answer_at_size, std::to_string(fits))->size() == fits);
  auto too_long = run(*state, 1, 2, answer_at_size, std::to_string(fits + 1));
  REQUIRE_FALSE(too_long.has_value());
  CHECK(contains(too_long.error().message, "took effect"));
  CHECK(ask(*state, "sum") == "2");
}

TEST_CASE("an entry stamped in the year 2100 neither moves the state's time nor ends sessions") {
  temporary_folder folder;
  auto state = open(folder / "state");
  CHECK(run(*state, 1, 1, add, "a", noon_us).has_value());
  CHECK(run(*state, 2, 1, add, "a", year_2100_us).has_value());
  CHECK(run(*state, 3, 1, add, "a", UINT64_MAX).has_value());
  CHECK(ask(*state, "time") == std::to_string(noon_us));
  CHECK(ask(*state, "sessions") == "3");
  CHECK(run(*state, 1, 2, add, "a", noon_us + second_us).has_value());
  CHECK(ask(*state, "time") == std::to_string(noon_us + second_us));
  CHECK(run(*state, 1, 3, add, "a", noon_us).has_value()); // nor does time go back
  CHECK(ask(*state, "time") == std::to_string(noon_us + second_us));
}

TEST_CASE("the proposing replica's time replaces a client's") {
  temporary_folder folder;
  auto state = open(folder / "state");
  auto bytes = entry_of(1, 1, add, "a", year_2100_us);
  state->stamp(bytes, std::chrono::microseconds{noon_us});
  CHECK(bytes == entry_of(1, 1, add, "a", noon_us));
  apply_bytes(*state, bytes);
  CHECK(state->latest_stamp() == std::chrono::microseconds{noon_us});
  std::string short_one(33, 'x');
  state->stamp(short_one, std::chrono::microseconds{noon_us});
  CHECK(short_one == std::string(33, 'x'));
}

TEST_CASE("a leader in the year 2100 ends no session that was used half an hour ago, and does no "
          "harm once another one leads") {
  temporary_folder folder;
  auto state = open(folder / "state");
  proposal_clock wrong;
  proposal_clock right;
  auto propose = [&](proposal_clock& leader, std::uint64_t wall_us, std::uint64_t now_us,
                     std::uint64_t session, std::uint64_t sequence) {
    using us = std::chrono::microseconds;
    auto bytes = entry_of(session, sequence, add, "a");
    leader.observe(state->latest_stamp(), us{now_us});
    state->stamp(bytes, leader.next(us{wall_us}, us{now_us}));
    auto answer = decode_answer(apply_bytes(*state, bytes));
    for (auto* clock : {&wrong, &right})
      clock->observe(state->latest_stamp(), us{now_us});
    return answer;
  };
  CHECK(propose(right, noon_us, 0, 1, 1).has_value());
  std::uint64_t session = 10;
  std::uint64_t passed = 0;
  for (; passed < 1700 * second_us; passed += 10 * second_us) // new sessions look for idle ones
    REQUIRE(propose(wrong, year_2100_us + passed, passed, session++, 1).has_value());
  CHECK(propose(wrong, year_2100_us + passed, passed, 1, 2).has_value());
  CHECK(number(ask(*state, "time")) <= noon_us + 2 * passed + second_us);
  CHECK(propose(right, noon_us + 2 * hour_us, 2 * hour_us, 1, 3).has_value());
  CHECK(number(ask(*state, "time")) == noon_us + 2 * hour_us);
}

TEST_CASE("bytes that are no command are answered with an error and change no row") {
  temporary_folder folder;
  auto state = open(folder / "state");
  auto whole = entry_of(1, 1, add, "a");
  for (std::size_t size = 1; size < whole.size() - 1; ++size)
    CHECK(decode_answer(apply_bytes(*state, whole.substr(0, size))).error().code == errc::invalid);
  auto other_version = whole;
  other_version[0] = 3;
  CHECK(contains(decode_answer(apply_bytes(*state, other_version)).error().message, "version 3"));
  CHECK(ask(*state, "sessions") == "0");
  CHECK(ask(*state, "scan c").empty());
  std::string long_one = whole + std::string(session_command_bytes_max, 'x');
  CHECK(decode_session_command(long_one).error().code == errc::invalid);
}

TEST_CASE("random bytes are a command with the same encoding, or refused") {
  spi::random_source random{1};
  auto whole = entry_of(1, 1, add, "some body");
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = whole.substr(0, random.below(whole.size()) + 1);
    for (auto changes = random.below(4); changes > 0; --changes)
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    if (auto decoded = decode_session_command(bytes))
      CHECK(encode(*decoded) == bytes);
  }
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = encode_answer(error{errc::refused, "not now"});
    for (auto changes = random.below(4); changes > 0; --changes)
      bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    auto decoded = decode_answer(bytes.substr(0, random.below(bytes.size() + 1)));
    if (decoded) // the tag of an answer without an error
      CHECK(decoded->size() < bytes.size());
    else
      CHECK((decoded.error() == malformed_answer() || decoded.error().message.size() <= 7));
  }
}
