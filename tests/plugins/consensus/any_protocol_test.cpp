#include "protocol_under_test.hpp"

/// What every protocol has to survive.
using under_test::protocol;
using under_test::seeds;
using under_test::survive;

TEST_CASE("three replicas keep every promise under whatever faults a seed draws") {
  survive(protocol(), 3, seeds(600));
}
TEST_CASE("five replicas keep every promise under whatever faults a seed draws") {
  survive(protocol(), 5, seeds(300));
}
TEST_CASE("a single replica keeps every promise under whatever faults a seed draws") {
  survive(protocol(), 1, seeds(100));
}

TEST_CASE("the same seed makes the same run to the last byte, traced or not") {
  under_test::repeat(protocol(), 3);
}
