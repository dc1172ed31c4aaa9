#include "linear_code.hpp"
#include "read_list.hpp"

#include <doctest/doctest.h>

#include <vector>

using atl::coded::linear_code;
using atl::coded::read_list;
using atl::spi::fragment_range;

namespace {

using indexes = std::vector<std::uint32_t>;

/// Four data fragments, the exclusive or of the first two, and that of all.
linear_code two_sums() {
  return {4, {1, 1, 0, 0, 1, 1, 1, 1}};
}

indexes sources_of(const linear_code& code, const indexes& present, const indexes& wanted) {
  auto decoder = code.make_decoder(present, wanted);
  if (!decoder)
    return {};
  return {decoder->sources().begin(), decoder->sources().end()};
}

} // namespace

TEST_CASE("a fragment is made of the first others that suffice, and of those that matter alone") {
  auto code = two_sums();
  CHECK(sources_of(code, {1, 2, 3, 4, 5}, {0}) == indexes{1, 4});
  CHECK(sources_of(code, {5, 3, 2, 1, 4}, {0}) == indexes{5, 3, 2, 1});
  CHECK(sources_of(code, {0, 1, 2, 3, 5}, {4}) == indexes{0, 1});
  CHECK(sources_of(code, {0, 1, 4, 5, 3}, {2, 4}) == indexes{0, 1, 5, 3});
  CHECK(sources_of(code, {2, 3, 4, 5}, {0}).empty()); // only the sum of 0 and 1 is known
  CHECK(sources_of(code, {2, 3, 5}, {4}) == indexes{2, 3, 5});
}

TEST_CASE("a fragment is the sum that its decoder makes") {
  auto code = two_sums();
  unsigned char one[] = {7}, sum[] = {12}, made[] = {0};
  auto decoder = code.make_decoder(indexes{1, 4}, indexes{0});
  REQUIRE(decoder);
  std::vector<const unsigned char*> from{one, sum};
  std::vector<unsigned char*> to{made};
  decoder->run(1, from, to);
  CHECK(made[0] == (7 ^ 12));
}

TEST_CASE("reads that overlap or touch become one, and empty ones none") {
  read_list reads;
  reads.add(2, 100, 200);
  reads.add(1, 50, 60);
  reads.add(2, 0, 100);
  reads.add(2, 150, 250);
  reads.add(2, 300, 310);
  reads.add(2, 120, 130);
  reads.add(3, 5, 5);
  CHECK(reads.merged() == std::vector<fragment_range>{{1, 50, 10}, {2, 0, 250}, {2, 300, 10}});
}
