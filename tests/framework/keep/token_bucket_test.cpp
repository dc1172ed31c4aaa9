#include <atoll/keep/token_bucket.hpp>

#include <doctest/doctest.h>

using atl::keep::token_bucket;
using atl::spi::timestamp;

TEST_CASE("a bucket without a rate is always open") {
  token_bucket it;
  it.take(1'000'000'000, timestamp{0});
  CHECK(it.is_open(timestamp{0}));
}

TEST_CASE("over any time no more than rate times time, a piece and the burst is taken") {
  constexpr std::uint64_t rate = 1'000'000;
  constexpr std::uint64_t piece = 300'000;
  token_bucket it;
  it.set_rate(rate, timestamp{0});
  std::uint64_t taken = 0;
  auto now = timestamp{0};
  for (; now < timestamp{20'000'000}; now += timestamp{1'000})
    while (it.is_open(now)) {
      it.take(piece, now);
      taken += piece;
    }
  CHECK(taken <= 20 * rate + piece + rate / 20);
  CHECK(taken >= 19 * rate);
}

TEST_CASE("a bucket tells when it opens again") {
  token_bucket it;
  it.set_rate(1'000'000, timestamp{0});
  it.take(2'000'000, timestamp{0});
  auto opens = it.opens_at();
  CHECK_FALSE(it.is_open(opens - timestamp{1'000}));
  CHECK(it.is_open(opens));
}

TEST_CASE("an idle bucket saves up no more than its burst") {
  token_bucket it;
  it.set_rate(1'000'000, timestamp{0});
  REQUIRE(it.is_open(timestamp{3600'000'000}));
  it.take(100'000, timestamp{3600'000'000});
  CHECK_FALSE(it.is_open(timestamp{3600'000'000}));
}
