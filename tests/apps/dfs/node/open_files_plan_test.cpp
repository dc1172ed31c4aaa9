#include "node/open_files_plan.hpp"

#include <doctest/doctest.h>

/// How a node divides its limit of open files.
using namespace dfs;

namespace {

node_settings node_with(bool master, bool storage) {
  node_settings node;
  node.is_master = master;
  node.is_storage = storage;
  node.connections_max = 256;
  return node;
}

} // namespace

TEST_CASE("with enough open files a node gets the connections that it asks for") {
  auto plan = plan_open_files(node_with(true, true), durability::replicated, 10'000);
  REQUIRE(plan.has_value());
  CHECK(plan->connections == 256);
  CHECK(plan->sync_backlog == 256);
}

TEST_CASE("with few open files a storage node serves fewer connections, and keeps a reserve") {
  std::uint32_t before = 256;
  for (std::uint64_t limit : {1024, 512, 256, 128}) {
    CAPTURE(limit);
    auto plan = plan_open_files(node_with(false, true), durability::fsync, limit);
    REQUIRE(plan.has_value());
    CHECK(plan->connections <= before);
    CHECK(plan->connections >= 4);
    CHECK(4 * plan->connections + 32 < limit);
    before = plan->connections;
  }
}

TEST_CASE("a limit of open files that is too low is refused with the numbers") {
  for (auto node : {node_with(true, false), node_with(false, true), node_with(true, true)}) {
    auto plan = plan_open_files(node, durability::fsync, 50);
    REQUIRE_FALSE(plan.has_value());
    CHECK(plan.error().code == atl::errc::refused);
    CHECK(plan.error().message.find("50 open files") != std::string::npos);
  }
  CHECK(plan_open_files(node_with(true, false), durability::fsync, 128).has_value());
}
