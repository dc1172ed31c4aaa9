#include "node/open_files_plan.hpp"

#include <doctest/doctest.h>

/// How a node divides its limit of open files.
using namespace dfs;

namespace {

node_settings node_with(bool master, bool storage) {
  node_settings node;
  if (master)
    node.roles.emplace_back(master_role_name);
  if (storage)
    node.roles.emplace_back(storage_role_name);
  node.connections_max = 256;
  return node;
}

} // namespace

TEST_CASE("with enough open files a node gets the connections that it asks for") {
  auto plan = plan_open_files(node_with(true, true), durability::replicated, 10'000);
  REQUIRE(plan.has_value());
  CHECK(plan->connections == 256);
  CHECK(plan->sync_backlog == 256);
  CHECK(plan->repairs == 4);
}

TEST_CASE("each disk has files of its own, and a part of those that wait for their sync") {
  auto node = node_with(false, true);
  node.connections_max = 4096;
  auto one = plan_open_files(node, durability::replicated, 1024, 1);
  auto eight = plan_open_files(node, durability::replicated, 1024, 8);
  REQUIRE(one.has_value());
  REQUIRE(eight.has_value());
  CHECK(one->sync_backlog == 128);
  CHECK(eight->sync_backlog == 16);
  CHECK(eight->connections < one->connections);
}

TEST_CASE("a limit of 65,536 open files is enough for thousands of connections beside a master") {
  auto node = node_with(true, true);
  node.connections_max = 4096;
  auto plan = plan_open_files(node, durability::replicated, 65'536);
  REQUIRE(plan.has_value());
  CHECK(plan->connections == 4096);
  CHECK(plan->unproved == 256);
  auto few = plan_open_files(node, durability::replicated, 4096);
  REQUIRE(few.has_value());
  CHECK(few->connections > 800);
  CHECK(few->connections < 4096 / 4);
}

TEST_CASE("with few open files a storage node serves fewer connections, and keeps a reserve") {
  std::uint32_t before = 256;
  for (std::uint64_t limit : {1024, 512, 256, 128}) {
    CAPTURE(limit);
    auto plan = plan_open_files(node_with(false, true), durability::fsync, limit);
    REQUIRE(plan.has_value());
    CHECK(plan->connections <= before);
    CHECK(plan->connections >= 4);
    CHECK(plan->repairs >= 1);
    CHECK(4 * plan->connections + 2 * plan->repairs + 32 < limit);
    before = plan->connections;
  }
}

TEST_CASE("a node of few connections lets many clients connect at the same time, as far as its "
          "limit of open files allows") {
  auto node = node_with(false, true);
  node.connections_max = 6;
  auto plan = plan_open_files(node, durability::fsync, 10'000);
  REQUIRE(plan.has_value());
  CHECK(plan->connections == 6);
  CHECK(plan->unproved == 256);
  for (std::uint64_t limit : {64, 128, 1024}) {
    CAPTURE(limit);
    auto few = plan_open_files(node_with(false, true), durability::fsync, limit);
    REQUIRE(few.has_value());
    CHECK(few->unproved >= few->connections);
    CHECK(3 * few->connections + few->unproved + 32 < limit);
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
