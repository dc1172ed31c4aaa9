#include "../crash_points.hpp"
#include "scenario.hpp"

using paxos::group;
using under_test::crash_everywhere;

TEST_CASE("one replica crashes before any effect of a run, and the counter stays exact") {
  crash_everywhere<group>(3, false);
}
TEST_CASE("all replicas crash before any effect of a run, and the counter stays exact") {
  crash_everywhere<group>(3, true);
}
TEST_CASE("a group of one crashes before any effect of a run, and the counter stays exact") {
  crash_everywhere<group>(1, true);
}
