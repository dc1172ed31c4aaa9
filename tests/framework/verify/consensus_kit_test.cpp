#include "broken_protocols.hpp"
#include "plugins/consensus/plugin_under_test.hpp"

#include <atoll/verify/verify.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

/// The kit is worth as much as the broken protocols that it finds, and finds for what they are.
namespace {

void must_be_found(const broken_protocols::specimen& it) {
  CAPTURE(it.name);
  CAPTURE(it.mistake);
  atl::verify::effort how;
  how.seeds = it.seeds;
  how.stop_at_first = true;
  auto report = atl::verify::verify_here(it.plugin, under_test::make_options(it.plugin), how);
  auto found = std::find_if(report.findings.begin(), report.findings.end(), [](auto& finding) {
    return finding.what == atl::verify::verdict::broken;
  });
  auto is_found = found != report.findings.end();
  CHECK(is_found);
  if (!is_found)
    return; // to the next one
  CAPTURE(found->property);
  CAPTURE(found->detail);
  CHECK(found->property == it.property);
  CHECK(found->detail.find(it.detail) != std::string::npos);
}

} // namespace

TEST_CASE("every broken Raft is found") {
  for (auto& it : broken_protocols::of_raft())
    must_be_found(it);
}
TEST_CASE("every broken Multi-Paxos is found") {
  for (auto& it : broken_protocols::of_paxos())
    must_be_found(it);
}
TEST_CASE("every broken two-phase commit is found") {
  for (auto& it : broken_protocols::of_two_phase_commit())
    must_be_found(it);
}
