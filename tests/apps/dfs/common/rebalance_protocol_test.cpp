#include "altered_bytes.hpp"
#include "common/rebalance_protocol.hpp"

#include <doctest/doctest.h>

using namespace dfs::protocol;
using dfs::test::check_altered_bytes;

TEST_CASE("a plan of rebalancing is decoded as it was encoded, and damaged bytes are refused") {
  rebalance_state state;
  state.mean = 0.25;
  state.threshold = 0.05;
  state.rate = 1;
  state.bytes = 2;
  state.under_way = 3;
  state.waits_for_audit = true;
  state.nodes = {{"storage-1", 0.5, 4, 0}, {"storage-2", 0.0, 0, 5}};
  state.moves = {{0, 1, 6}};
  auto decoded = decode_rebalance_state(encode(state));
  REQUIRE(decoded);
  CHECK(decoded->mean == 0.25);
  CHECK(decoded->threshold == 0.05);
  CHECK(decoded->rate == 1);
  CHECK(decoded->bytes == 2);
  CHECK(decoded->under_way == 3);
  CHECK(decoded->waits_for_audit);
  REQUIRE(decoded->nodes.size() == 2);
  CHECK(decoded->nodes[1].name == "storage-2");
  CHECK(decoded->nodes[0].bytes_over == 4);
  REQUIRE(decoded->moves.size() == 1);
  CHECK(decoded->moves[0].to == 1);
  check_altered_bytes(encode(state), decode_rebalance_state);
  check_altered_bytes(encode(rebalance_request{true}), decode_rebalance_request);
}

TEST_CASE("a move between nodes that a plan doesn't name is refused") {
  rebalance_state state;
  state.nodes = {{"storage-1", 0.5, 4, 0}};
  state.moves = {{0, 1, 6}};
  CHECK_FALSE(decode_rebalance_state(encode(state)));
}
