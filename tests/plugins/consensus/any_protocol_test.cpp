#include "protocol_under_test.hpp"

/// The faults that every protocol must survive.
using under_test::check_promises;
using under_test::protocol;
using under_test::seeds;

TEST_CASE("three replicas keep every promise under whatever faults a seed draws") {
  check_promises(protocol(), 3, seeds(600));
}
TEST_CASE("five replicas keep every promise under whatever faults a seed draws") {
  check_promises(protocol(), 5, seeds(300));
}
TEST_CASE("a single replica keeps every promise under whatever faults a seed draws") {
  check_promises(protocol(), 1, seeds(100));
}

TEST_CASE("the same seed makes the same run to the last byte, traced or not") {
  under_test::repeat(protocol(), 3);
}
