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
  report.findings = {{{1, 2}, 0}};
  report.done.resize(2);
  report.slice.emplace().last = true;
  report.scrub.damaged = 4;
  auto& node = registry.update(report, begin);
  CHECK(node.last.findings.empty());
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

TEST_CASE("a node that is drained or counts as lost takes no data") {
  storage_registry registry{seconds{1}};
  auto& node = registry.update(report_of("a"), begin);
  node.id = 1;
  CHECK(registry.healthy(node, begin));
  for (auto state : {storage_state::draining, storage_state::dead, storage_state::forgotten}) {
    node.state = state;
    CHECK_FALSE(registry.healthy(node, begin));
    CHECK(registry.alive(node, begin));
  }
}

namespace {

protocol::storage_heartbeat report_of_process(std::uint64_t incarnation) {
  auto report = report_of("a");
  report.incarnation = incarnation;
  return report;
}

/// What the registry says of a report, which it applies if it is of the current process.
storage_registry::sender hear(storage_registry& registry, std::uint64_t incarnation,
                              steady_time now) {
  auto report = report_of_process(incarnation);
  auto sender = registry.judge_sender(report, now);
  if (sender == storage_registry::sender::current)
    registry.update(report, now);
  return sender;
}

} // namespace

using sender = storage_registry::sender;

TEST_CASE("a node that was restarted is the same node, also if a report of its former process "
          "comes late, or its clock was set back") {
  storage_registry registry{seconds{1}};
  CHECK(hear(registry, 20, begin) == sender::current);
  CHECK(hear(registry, 10, begin) == sender::current);
  CHECK(hear(registry, 20, begin) == sender::doubtful);
  for (int i = 0; i < 5; ++i)
    CHECK(hear(registry, 10, begin) == sender::current);
  CHECK(hear(registry, 30, begin) == sender::current);
  CHECK(registry.find("a")->last.incarnation == 30);
}

TEST_CASE("a second process on a copy of a node's data folder is kept out while the first is up") {
  storage_registry registry{seconds{1}};
  hear(registry, 10, begin);
  CHECK(hear(registry, 20, begin) == sender::current);
  CHECK(hear(registry, 10, begin) == sender::doubtful);
  CHECK(hear(registry, 20, begin) == sender::current);
  CHECK(hear(registry, 10, begin) == sender::current);
  CHECK(registry.find("a")->last.incarnation == 10);
  CHECK(hear(registry, 20, begin) == sender::copy);
  CHECK(hear(registry, 10, begin) == sender::current);
  CHECK(hear(registry, 20, begin) == sender::copy);
}

TEST_CASE("a process that was frozen while another one took its place is kept out") {
  storage_registry registry{seconds{1}};
  hear(registry, 10, begin);
  CHECK(hear(registry, 20, begin + seconds{2}) == sender::current);
  CHECK(hear(registry, 10, begin + seconds{2}) == sender::copy);
  CHECK(hear(registry, 20, begin + seconds{2}) == sender::current);
}
