#include "master/registry.hpp"

#include <doctest/doctest.h>

#include <limits>

/// A master's registry of storage nodes.
using namespace dfs;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const steady_time begin{seconds{1000}};

protocol::storage_heartbeat report_of(std::string name) {
  protocol::storage_heartbeat it;
  it.group = "group";
  it.name = std::move(name);
  it.uuid = it.name + "'s folder";
  it.free_bytes = 1000;
  return it;
}

} // namespace

TEST_CASE("a silent node is not alive until it reports again") {
  storage_registry registry{milliseconds{500}};
  auto& node = registry.update(report_of("a"), begin);
  CHECK(registry.alive(node, begin + milliseconds{500}));
  CHECK_FALSE(registry.alive(node, begin + milliseconds{501}));
  registry.update(report_of("a"), begin + seconds{5});
  CHECK(registry.alive(node, begin + seconds{5}));
}

TEST_CASE("what a heartbeat tells once isn't kept with the node's last one") {
  storage_registry registry{seconds{1}};
  auto report = report_of("a");
  report.from_scratch = true;
  report.changes = {{{1, 2}, 0, true, 3}};
  report.done.resize(2);
  report.slice.emplace().last = true;
  report.scrub.damaged = 4;
  auto& node = registry.update(report, begin);
  CHECK(node.last.changes.empty());
  CHECK(node.last.done.empty());
  CHECK_FALSE(node.last.slice);
  CHECK(node.last.scrub.damaged == 4);
}

TEST_CASE("a node that failed is alive, and takes no data") {
  storage_registry registry{seconds{1}};
  auto report = report_of("a");
  report.failed = "its disk is broken";
  auto& node = registry.update(report, begin);
  CHECK(registry.alive(node, begin));
  CHECK_FALSE(registry.healthy(node, begin));
}

TEST_CASE("a node takes data if it reports, has joined and says no failure") {
  storage_registry registry{seconds{1}};
  auto& node = registry.update(report_of("a"), begin);
  CHECK_FALSE(registry.healthy(node, begin)); // it has no id yet
  node.id = 1;
  CHECK(registry.healthy(node, begin + seconds{1}));
  CHECK_FALSE(registry.healthy(node, begin + seconds{2}));
  auto failed = report_of("a");
  failed.failed = "its disk is broken";
  CHECK_FALSE(registry.healthy(registry.update(failed, begin), begin));
}

TEST_CASE("a node whose data folder belongs to no group gets no data") {
  storage_registry registry{seconds{1}};
  auto report = report_of("a");
  report.group.clear();
  auto& node = registry.update(report, begin);
  node.id = 1;
  CHECK_FALSE(registry.healthy(node, begin));
  registry.update(report_of("a"), begin);
  CHECK(registry.healthy(node, begin));
}

TEST_CASE("a weight that is not a number counts as 0") {
  storage_registry registry{seconds{1}};
  for (double weight :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -1.0}) {
    auto report = report_of("a");
    report.weight = weight;
    CHECK(registry.update(report, begin).last.weight == 0);
  }
}

namespace {

/// Applies a report with the count and the digest that a node gives it.
storage_registry::node& tell(storage_registry& registry, protocol::storage_heartbeat& report) {
  if (report.from_scratch)
    report.told = report.told_digest = 0;
  for (auto& change : report.changes) {
    ++report.told;
    report.told_digest = protocol::add_to_digest(report.told_digest, change);
  }
  return registry.update(report, begin);
}

} // namespace

TEST_CASE("reports add and remove fragments, and a complete list replaces all") {
  storage_registry registry{seconds{1}};
  auto report = report_of("a");
  report.from_scratch = true;
  report.changes = {{{1, 1}, 0, true}, {{2, 2}, 0, true}};
  auto& node = tell(registry, report);
  CHECK(node.has.size() == 2);
  report.from_scratch = false;
  report.changes = {{{1, 1}, 0, false}, {{3, 3}, 1, true}};
  tell(registry, report);
  CHECK(node.has == std::set<storage_registry::fragment>{{{2, 2}, 0, 0}, {{3, 3}, 1, 0}});
  report.from_scratch = true;
  report.changes = {{{9, 9}, 0, true}};
  tell(registry, report);
  CHECK(node.has == std::set<storage_registry::fragment>{{{9, 9}, 0, 0}});
}

TEST_CASE("a list of fragments is complete once its last part has arrived") {
  storage_registry registry{seconds{1}};
  auto report = report_of("a");
  report.from_scratch = true;
  report.more = true;
  report.changes = {{{1, 1}, 0, true}};
  auto& node = tell(registry, report);
  CHECK_FALSE(node.complete);
  CHECK(node.listing); // so the master does not ask for the list again
  report.from_scratch = false;
  report.changes = {{{2, 2}, 0, true}};
  tell(registry, report);
  CHECK_FALSE(node.complete);
  report.more = false;
  report.changes = {{{3, 3}, 0, true}};
  tell(registry, report);
  CHECK(node.complete);
  CHECK(node.has.size() == 3);
  report.from_scratch = true;
  report.more = true;
  tell(registry, report);
  CHECK_FALSE(node.complete);
}

TEST_CASE("the search for garbage visits old fragments in cyclic order") {
  storage_registry registry{seconds{1}};
  auto report = report_of("a");
  report.from_scratch = true;
  for (std::uint64_t made = 1; made <= 5; ++made)
    report.changes.push_back({{made, 0}, 0, true});
  auto& node = tell(registry, report);
  auto times = [&] {
    std::string text;
    for (auto& fragment : registry.next_to_look_up(node, 5, 3))
      text += std::to_string(fragment.chunk.made_us);
    return text;
  };
  CHECK(times() == "123");
  CHECK(times() == "4"); // 5 is not below the watermark
  CHECK(times() == "123");
}

TEST_CASE("a list of which a part was lost is void, and so are changes that come after it") {
  storage_registry registry{seconds{1}};
  auto report = report_of("a");
  report.from_scratch = true;
  report.more = true;
  report.changes = {{{1, 1}, 0, true, 7}};
  auto& node = tell(registry, report);
  auto lost = report;
  lost.from_scratch = false;
  lost.changes = {{{2, 2}, 0, true, 8}};
  storage_registry elsewhere{seconds{1}};
  tell(elsewhere, lost); // never arrives here
  lost.more = false;
  lost.changes = {{{3, 3}, 0, true, 9}};
  tell(registry, lost);
  CHECK_FALSE(node.complete);
  CHECK_FALSE(node.listing); // so the master asks for the list again
}

TEST_CASE("a copy that was made anew is known by its new generation") {
  storage_registry registry{seconds{1}};
  auto report = report_of("a");
  report.from_scratch = true;
  report.changes = {{{1, 1}, 0, true, 7}};
  auto& node = tell(registry, report);
  report.from_scratch = false;
  report.changes = {{{1, 1}, 0, true, 8}};
  tell(registry, report);
  REQUIRE(node.has.size() == 1);
  CHECK(node.has.begin()->generation == 8);
}
