#include "cli/chunk_places.hpp"

#include <doctest/doctest.h>

using namespace dfs;
using namespace dfs::cli;

namespace {

storage_names three_nodes() {
  storage_names names;
  names.by_id = {{1, {"storage-1", true}}, {2, {"storage-2", false}}, {3, {"storage-3", true}}};
  return names;
}

piece on(std::vector<storage_id> nodes) {
  return {0, 100, chunk_part{{{1, 2}, 100, std::move(nodes), 0, 1}, 0}};
}

} // namespace

TEST_CASE("a chunk's places are the nodes' names, in the order of the fragments") {
  auto names = three_nodes();
  auto chunk = describe_chunk(on({3, 1}), names);
  CHECK(chunk["storages"] == nlohmann::json::array({3, 1}));
  CHECK(chunk["names"] == nlohmann::json::array({"storage-3", "storage-1"}));
  CHECK(place_text(chunk) == "on storage-3, storage-1");
}

TEST_CASE("a copy that was never stored, or whose disk was replaced, is missing; a node that is "
          "down is marked") {
  auto names = three_nodes();
  CHECK(place_text(describe_chunk(on({1, 3, no_storage}), names)) ==
        "on storage-1, storage-3; 1 fragment is missing");
  CHECK(place_text(describe_chunk(on({2, 7, 8}), names)) ==
        "on storage-2 (down); 2 fragments are missing");
  CHECK(place_text(describe_chunk(on({9}), names)) == "on no storage node; 1 fragment is missing");
}
