#include "broken_protocols.hpp"
#include "check_found.hpp"
#include "plugins/consensus/plugin_under_test.hpp"

#include <atoll/verify/verify.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

/// The verification kit must find each broken protocol, and report its actual mistake.
namespace {

void must_be_found(const broken_protocols::specimen& it) {
  CAPTURE(it.name);
  CAPTURE(it.mistake);
  atl::verify::effort how;
  how.seeds = it.seeds;
  how.stop_at_first = true;
  auto report = atl::verify::verify_here(it.plugin, under_test::make_options(it.plugin), how);
  check_found(report, it.property, it.detail);
}

/// The property whose seeds must find the mistake, whatever scenarios found before.
void must_be_found_by_seeds(const broken_protocols::specimen& it) {
  CAPTURE(it.name);
  atl::verify::effort how;
  how.seeds = it.seeds;
  auto report = atl::verify::verify_here(it.plugin, under_test::make_options(it.plugin), how);
  auto found = std::ranges::find(report.findings, it.property, &atl::verify::finding::property);
  REQUIRE(found != report.findings.end());
  CAPTURE(found->detail);
  CHECK(found->what == atl::verify::verdict::broken);
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
TEST_CASE("a mistake that the default options in groups of three hide is found") {
  for (auto& it : broken_protocols::in_corners()) {
    must_be_found_by_seeds(it);
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
      auto usual = under_test::simulation_of(it.plugin, seed, 3);
      CHECK_MESSAGE(simulate(usual, under_test::factory_of(it.plugin)).ok, it.name);
    }
  }
}
