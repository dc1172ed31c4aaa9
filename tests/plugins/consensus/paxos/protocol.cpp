#include "../protocol_under_test.hpp"
#include "paxos.hpp"

const atl::spi::descriptor& under_test::protocol() {
  return paxos::plugin();
}
