#include "../protocol_under_test.hpp"
#include "two_phase_commit.hpp"

const atl::spi::descriptor& under_test::protocol() {
  return two_phase_commit::plugin();
}
