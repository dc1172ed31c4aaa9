#include "master/keeper_host.hpp"
#include "namespace/query.hpp"
#include "namespace/response.hpp"

#include <doctest/doctest.h>

#include <chrono>

using namespace dfs;

/// How a keeper's orders get to storage nodes. What the keeper orders here is that the one node
/// lists its fragments, as a new leader wants it of all nodes.
namespace {

struct group_of_one_node {
  keeper_host::time now = std::chrono::steady_clock::now(); // for the host reads this clock, too
  storage_registry registry{std::chrono::milliseconds{500}};
  keeper_host host{{}, 1'000, services()};

  group_of_one_node() {
    host.on_leadership(true, 7, now);
    responses::summary summary;
    summary.storages = {{1, "storage-1", "its uuid", storage_state::active}};
    host.on_summary(summary, summary.storages, now);
  }

  /// An empty name space, which accepts everything.
  static keeper_host::services services() {
    return {[](const query_message& what, const keeper_host::reply& then) {
              if (std::holds_alternative<queries::incomplete>(what))
                then(encode_response(responses::incomplete_page{}));
              else
                then(encode_response(responses::chunk_page{}));
            },
            [](const action&, const keeper_host::reply& then) {
              then(encode_response(responses::relocated{}));
            },
            [](const std::string&) {}};
  }

  /// The answer to a heartbeat.
  protocol::storage_commands beat(std::uint64_t incarnation, std::uint64_t batch_taken) {
    protocol::storage_heartbeat heartbeat;
    heartbeat.name = "storage-1";
    heartbeat.incarnation = incarnation;
    heartbeat.batch_taken = batch_taken;
    now += std::chrono::milliseconds{200};
    auto& node = registry.update(heartbeat, now);
    node.id = 1;
    host.advance(now);
    host.on_heartbeat(node, heartbeat, now);
    protocol::storage_commands commands;
    host.give_orders(node, registry, commands);
    return commands;
  }

  /// The first answer with orders.
  protocol::storage_commands first_orders(std::uint64_t incarnation) {
    for (int beats = 0; beats < 100; ++beats)
      if (auto commands = beat(incarnation, 0); commands.batch != 0)
        return commands;
    FAIL("the keeper wants nothing of the node");
    return {};
  }
};

} // namespace

TEST_CASE("orders are given again as they were until the node has taken them, and not after that") {
  group_of_one_node group;
  auto first = group.first_orders(1);
  REQUIRE(first.slice_from);
  for (int lost = 0; lost < 3; ++lost) {
    auto again = group.beat(1, 0);
    CHECK(again.batch == first.batch);
    REQUIRE(again.slice_from);
    CHECK(again.slice_from->id == first.slice_from->id);
  }
  auto next = group.beat(1, first.batch);
  CHECK(next.batch == 0);
  CHECK(!next.slice_from);
}

TEST_CASE("a node's new process isn't given the orders of the former one") {
  group_of_one_node group;
  auto first = group.first_orders(1);
  CHECK(group.beat(2, 0).batch != first.batch);
}

TEST_CASE(
    "what a node took from an earlier process of the master isn't taken for the present one's") {
  group_of_one_node group;
  auto first = group.first_orders(1);
  auto again = group.beat(1, first.batch + 1);
  CHECK(again.batch == first.batch);
  CHECK(again.slice_from);
}
