#include "master/collection.hpp"

#include <doctest/doctest.h>

#include <chrono>

/// A collection of garbage on request.
using namespace dfs;
using protocol::collect_phase;
using std::chrono::seconds;

namespace {

const steady_time begin{seconds{1000}};
const collection::fragment dead{{5, 1}, 0, 3};
const collection::fragment alive{{6, 1}, 0, 4};

protocol::storage_heartbeat report_of(std::string name, std::uint64_t removed_bytes) {
  protocol::storage_heartbeat it;
  it.group = "group";
  it.name = std::move(name);
  it.uuid = it.name + "'s folder";
  it.removed_bytes = removed_bytes;
  return it;
}

/// Two nodes with a fragment each that nothing refers to.
struct fixture {
  fixture() {
    storage_id id = 0;
    for (auto* name : {"a", "b"}) {
      auto report = report_of(name, 400);
      report.from_scratch = true;
      report.changes = {{dead.chunk, dead.index, true, 3}, {alive.chunk, alive.index, true, 4}};
      count(report);
      registry.update(report, begin).id = ++id;
    }
  }

  /// As a node counts what it tells.
  void count(protocol::storage_heartbeat& report) const {
    auto& nodes = registry.nodes();
    if (auto known = nodes.find(report.name); known != nodes.end() && !report.from_scratch) {
      report.told = known->second.told;
      report.told_digest = known->second.told_digest;
    }
    for (auto& change : report.changes) {
      ++report.told;
      report.told_digest = protocol::add_to_digest(report.told_digest, change);
    }
  }

  void remove(const std::string& node, steady_time when) {
    auto report = report_of(node, 1000);
    report.changes = {{dead.chunk, dead.index, false}};
    count(report);
    registry.update(report, when);
  }
  collect_phase phase() { return subject.state(registry).phase; }

  storage_registry registry{seconds{10}};
  collection subject;
};

} // namespace

TEST_CASE("a collection is done when all nodes were examined and all garbage is removed") {
  fixture it;
  REQUIRE(it.subject.request(1, 100, it.registry));
  CHECK(it.phase() == collect_phase::waiting);
  it.subject.on_watermark_reached(100, it.registry, begin);
  CHECK(it.phase() == collect_phase::collecting);
  for (auto* node : {"a", "b"}) {
    it.subject.on_unwanted(node, dead);
    it.subject.on_orphans_found(node, it.subject.pass());
  }
  it.subject.advance(it.registry, begin);
  CHECK(it.subject.state(it.registry).fragments_left == 2);
  it.remove("a", begin);
  it.subject.advance(it.registry, begin);
  CHECK(it.phase() == collect_phase::collecting);
  it.remove("b", begin);
  it.subject.advance(it.registry, begin);
  auto state = it.subject.state(it.registry);
  CHECK(state.phase == collect_phase::done);
  CHECK(state.fragments == 2);
  CHECK(state.bytes == 1200);
  CHECK(state.nodes_down.empty());
}

TEST_CASE("a look-up from before the watermark does not end a pass") {
  fixture it;
  auto former = it.subject.pass();
  it.subject.request(1, 100, it.registry);
  it.subject.on_watermark_reached(100, it.registry, begin);
  for (auto* node : {"a", "b"})
    it.subject.on_orphans_found(node, former);
  it.subject.advance(it.registry, begin);
  CHECK(it.phase() == collect_phase::collecting);
}

TEST_CASE("a later request moves the target, and an earlier watermark doesn't satisfy it") {
  fixture it;
  it.subject.request(1, 100, it.registry);
  it.subject.request(2, 200, it.registry);
  it.subject.request(1, 300, it.registry); // already known
  it.subject.on_watermark_reached(100, it.registry, begin);
  CHECK(it.phase() == collect_phase::waiting);
  it.subject.on_watermark_reached(200, it.registry, begin);
  CHECK(it.phase() == collect_phase::collecting);
}

TEST_CASE("a node that is down is left out, and named") {
  fixture it;
  it.subject.request(1, 100, it.registry);
  it.subject.on_watermark_reached(100, it.registry, begin);
  it.subject.on_unwanted("a", dead);
  it.subject.on_orphans_found("a", it.subject.pass());
  auto later = begin + seconds{16};
  it.remove("a", later);
  it.subject.advance(it.registry, later);
  auto state = it.subject.state(it.registry);
  CHECK(state.phase == collect_phase::done);
  CHECK(state.nodes_down == std::vector<std::string>{"b"});
}

TEST_CASE("the deletion of fragments that remain is ordered again") {
  fixture it;
  it.subject.request(1, 100, it.registry);
  it.subject.on_watermark_reached(100, it.registry, begin);
  it.subject.on_unwanted("a", dead);
  CHECK(it.subject.advance(it.registry, begin + seconds{1}).empty());
  auto again = it.subject.advance(it.registry, begin + seconds{6});
  REQUIRE(again.contains("a"));
  CHECK(again["a"] == std::vector<collection::fragment>{dead});
}

TEST_CASE("a bounded number of requests share a collection") {
  fixture it;
  auto taken = 0;
  for (std::uint64_t id = 1; id <= 1000; ++id)
    taken += it.subject.request(id, id, it.registry) ? 1 : 0;
  CHECK(taken < 1000);
}
