#include "master/collection.hpp"

#include <doctest/doctest.h>

#include <chrono>

/// A collection of garbage on request.
using namespace dfs;
using protocol::collect_phase;
using std::chrono::seconds;

namespace {

const steady_time begin{seconds{1000}};

protocol::storage_heartbeat report_of(std::string name, std::uint64_t removed_bytes) {
  protocol::storage_heartbeat it;
  it.group = "group";
  it.name = std::move(name);
  it.uuid = it.name + "'s folder";
  it.removed_bytes = removed_bytes;
  return it;
}

/// Two nodes, and a keeper that has removed ten fragments so far.
struct fixture {
  fixture() {
    storage_id id = 0;
    for (auto* name : {"a", "b"})
      registry.update(report_of(name, 400), begin).id = ++id;
  }

  void advance(steady_time when = begin) { subject.advance(registry, keeper, when); }
  void begin_audit() {
    REQUIRE(subject.wants_audit());
    subject.on_audit_begun(++rounds, keeper);
  }
  void end_audit(std::uint64_t removed) {
    keeper.audit_round = rounds;
    keeper.removed += removed;
    advance();
  }
  collect_phase phase() { return subject.state(registry).phase; }

  storage_registry registry{seconds{10}};
  collection::progress keeper{0, 10, 0};
  std::uint64_t rounds = 0;
  collection subject;
};

} // namespace

TEST_CASE("a collection is done once an audit of all nodes finds no garbage any more") {
  fixture it;
  REQUIRE(it.subject.request(1, 100, it.registry, it.keeper));
  CHECK(it.phase() == collect_phase::waiting);
  CHECK_FALSE(it.subject.wants_audit());
  it.subject.on_watermark_reached(100);
  CHECK(it.phase() == collect_phase::collecting);
  it.begin_audit();
  it.advance();
  CHECK(it.phase() == collect_phase::collecting);
  it.end_audit(2);
  CHECK(it.phase() == collect_phase::collecting); // orders may have been lost
  it.registry.update(report_of("a", 1000), begin);
  it.registry.update(report_of("b", 1000), begin);
  it.begin_audit();
  it.end_audit(0);
  auto state = it.subject.state(it.registry);
  CHECK(state.phase == collect_phase::done);
  CHECK(state.fragments == 2);
  CHECK(state.bytes == 1200);
  CHECK(state.nodes_down.empty());
}

TEST_CASE("fragments whose removal is under way are waited for") {
  fixture it;
  it.subject.request(1, 100, it.registry, it.keeper);
  it.subject.on_watermark_reached(100);
  it.begin_audit();
  it.keeper.being_removed = 3;
  it.end_audit(0);
  CHECK(it.phase() == collect_phase::collecting);
  CHECK(it.subject.state(it.registry).fragments_left == 3);
  it.keeper.being_removed = 0;
  it.end_audit(0);
  CHECK(it.phase() == collect_phase::done);
}

TEST_CASE("a later request moves the target, and an earlier watermark doesn't satisfy it") {
  fixture it;
  it.subject.request(1, 100, it.registry, it.keeper);
  it.subject.request(2, 200, it.registry, it.keeper);
  it.subject.request(1, 300, it.registry, it.keeper); // already known
  it.subject.on_watermark_reached(100);
  CHECK(it.phase() == collect_phase::waiting);
  it.subject.on_watermark_reached(200);
  CHECK(it.phase() == collect_phase::collecting);
}

TEST_CASE(
    "a node that was silent for a while is waited for, one that is down is left out and named") {
  fixture it;
  it.subject.request(1, 100, it.registry, it.keeper);
  it.subject.on_watermark_reached(100);
  it.begin_audit();
  it.keeper.audit_round = it.rounds;
  auto soon = begin + seconds{12};
  it.registry.update(report_of("a", 400), soon);
  it.advance(soon);
  CHECK(it.phase() == collect_phase::collecting);
  auto later = begin + seconds{16};
  it.registry.update(report_of("a", 400), later);
  it.advance(later);
  CHECK(it.phase() == collect_phase::done);
  CHECK(it.subject.state(it.registry).nodes_down == std::vector<std::string>{"b"});
}

TEST_CASE("a request after the end begins a new collection, with counts of its own") {
  fixture it;
  it.subject.request(1, 100, it.registry, it.keeper);
  it.subject.on_watermark_reached(100);
  it.begin_audit();
  it.end_audit(5);
  it.begin_audit();
  it.end_audit(0);
  REQUIRE(it.phase() == collect_phase::done);
  CHECK(it.subject.request(2, 200, it.registry, it.keeper));
  CHECK(it.phase() == collect_phase::waiting);
  CHECK(it.subject.state(it.registry).fragments == 0);
}
