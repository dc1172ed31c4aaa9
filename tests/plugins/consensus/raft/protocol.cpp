#include "../protocol_under_test.hpp"
#include "raft.hpp"

const atl::spi::descriptor& under_test::protocol() {
  return raft::plugin();
}
