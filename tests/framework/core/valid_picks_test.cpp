#include <atoll/core/valid_picks.hpp>

#include <doctest/doctest.h>

using picks = std::vector<std::size_t>;

TEST_CASE("picks of unknown candidates and repeated picks are dropped") {
  CHECK(atl::valid_picks({2, 0, 2, 3, 1, std::size_t(-1)}, 3) == picks{2, 0, 1});
  CHECK(atl::valid_picks({}, 3) == picks{});
  CHECK(atl::valid_picks({0}, 0) == picks{});
}
