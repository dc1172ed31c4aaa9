#include <atoll/core/quantity.hpp>
#include <atoll/core/spelling_suggestion.hpp>

#include <doctest/doctest.h>

#include <vector>

using namespace std::chrono_literals;

TEST_CASE("durations are parsed in every unit, and other texts are refused") {
  CHECK(atl::parse_duration("150ms") == 150ms);
  CHECK(atl::parse_duration("7us") == 7us);
  CHECK(atl::parse_duration("2s") == 2s);
  CHECK(atl::parse_duration("0s") == 0s);
  CHECK(atl::parse_duration("3m") == 3min);
  CHECK(atl::parse_duration("1h") == 1h);
  for (auto text : {"", "s", "5", "-5s", "+5s", "1.5s", "5 s", " 5s", "5s ", "5S", "5d",
                    "9223372036854775807h", "99999999999999999999us"})
    CHECK_MESSAGE(!atl::parse_duration(text), text);
  CHECK(atl::parse_duration("5d").error().message ==
        "\"5d\" is not a duration such as \"150ms\" (units: us, ms, s, m, h)");
}

TEST_CASE("sizes are powers of 1024, and a bare number is bytes") {
  CHECK(atl::parse_size("4096") == 4096);
  CHECK(atl::parse_size("4096B") == 4096);
  CHECK(atl::parse_size("64KiB") == 65536);
  CHECK(atl::parse_size("8MiB") == 8 << 20);
  CHECK(atl::parse_size("3GiB") == std::int64_t{3} << 30);
  CHECK(atl::parse_size("1TiB") == std::int64_t{1} << 40);
  for (auto text : {"", "KiB", "-1", "8MB", "8M", "8mib", "1.5MiB", "8 MiB", "8388608TiB"})
    CHECK_MESSAGE(!atl::parse_size(text), text);
}

TEST_CASE("quantities are formatted in the largest exact unit, and parsed back to the same value") {
  CHECK(atl::format_duration(150ms) == "150ms");
  CHECK(atl::format_duration(1001us) == "1001us");
  CHECK(atl::format_duration(120s) == "2m");
  CHECK(atl::format_duration(0s) == "0us");
  CHECK(atl::format_size(8 << 20) == "8MiB");
  CHECK(atl::format_size(1000) == "1000");
  CHECK(atl::format_size(0) == "0");
  for (auto count : {0L, 1L, 999L, 1000L, 60'000'000L, 3'600'000'001L})
    CHECK(atl::parse_duration(atl::format_duration(std::chrono::microseconds{count})) ==
          std::chrono::microseconds{count});
}

TEST_CASE("the edit distance counts a swap of neighbours as one") {
  CHECK(atl::edit_distance("", "") == 0);
  CHECK(atl::edit_distance("raft", "raft") == 0);
  CHECK(atl::edit_distance("", "raft") == 4);
  CHECK(atl::edit_distance("raft", "rafts") == 1);
  CHECK(atl::edit_distance("rfat", "raft") == 1);
  CHECK(atl::edit_distance("paxos", "raft") == 4);
  std::string endless(1 << 20, 'x');
  CHECK(atl::edit_distance(endless, "raft") == 64);
}

TEST_CASE("a misspelt name gets a suggestion, a different word gets none") {
  std::vector<std::string> known{"random", "round_robin", "raft"};
  CHECK(atl::spelling_suggestion("randm", known) == "random");
  CHECK(atl::spelling_suggestion("round-robin", known) == "round_robin");
  CHECK(atl::spelling_suggestion("rafft", known) == "raft");
  CHECK(!atl::spelling_suggestion("consistent_hash", known));
  CHECK(!atl::spelling_suggestion("xyz", known));
  CHECK(atl::did_you_mean("randm", known) == "; did you mean 'random'?");
  CHECK(atl::did_you_mean("xyz", known).empty());
}
