#include "altered_bytes.hpp"
#include "common/chunk_check_protocol.hpp"

#include <doctest/doctest.h>

using namespace dfs::protocol;
using dfs::test::check_altered_bytes;

TEST_CASE("a check of chunks is decoded as it was encoded, and damaged bytes are refused") {
  chunk_check_state state;
  state.is_done = true;
  state.chunks = 1;
  state.critical = 2;
  state.tasks = 3;
  state.nodes_down = {"storage-1", "storage-2"};
  state.disks_failed = {"storage-1: /disk2: it is gone"};
  state.problem = "no scheme";
  auto decoded = decode_chunk_check_state(encode(state));
  REQUIRE(decoded);
  CHECK(decoded->is_done);
  CHECK(decoded->chunks == 1);
  CHECK(decoded->critical == 2);
  CHECK(decoded->tasks == 3);
  CHECK(decoded->nodes_down == state.nodes_down);
  CHECK(decoded->disks_failed == state.disks_failed);
  CHECK(decoded->problem == "no scheme");
  check_altered_bytes(encode(state), decode_chunk_check_state);
  check_altered_bytes(encode(chunk_check_request{7}), decode_chunk_check_request);
}
