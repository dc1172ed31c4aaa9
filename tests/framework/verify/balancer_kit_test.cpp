#include "broken_balancers.hpp"

#include <atoll/verify/verify.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

/// The kit is worth as much as the broken balancers that it finds, and finds for what they are.
namespace {

using broken_balancers::specimen;

atl::verify::report verified(const specimen& it, std::uint64_t seeds) {
  atl::verify::effort how;
  how.seeds = seeds;
  how.stop_at_first = true;
  return atl::verify::verify_here(it.plugin, it.options, how);
}

/// Under a sanitizer, allocations are not counted, and the check that would find the specimen says
/// so.
bool needs_counted_allocations(const specimen& it, const atl::verify::report& report) {
  return std::any_of(report.findings.begin(), report.findings.end(), [&](auto& finding) {
    return finding.what == atl::verify::verdict::skipped && finding.property == it.property &&
           finding.detail.find("does not count allocations") != std::string::npos;
  });
}

void must_be_found(const specimen& it) {
  CAPTURE(it.name);
  CAPTURE(it.mistake);
  auto report = verified(it, 20);
  auto found = std::find_if(report.findings.begin(), report.findings.end(), [](auto& finding) {
    return finding.what == atl::verify::verdict::broken;
  });
  if (found == report.findings.end() && needs_counted_allocations(it, report))
    return;
  auto is_found = found != report.findings.end();
  CHECK(is_found);
  if (!is_found)
    return; // to the next one
  CAPTURE(found->property);
  CAPTURE(found->detail);
  if (!it.property.empty())
    CHECK(found->property == it.property);
  CHECK(found->detail.find(it.detail) != std::string::npos);
  MESSAGE(it.name << " by '" << found->property << "': " << found->detail);
}

} // namespace

TEST_CASE("a balancer whose shares are wrong from the start is found") {
  for (auto& it : broken_balancers::with_wrong_shares())
    must_be_found(it);
}

TEST_CASE("a balancer whose shares don't follow a change is found") {
  for (auto& it : broken_balancers::with_stale_shares())
    must_be_found(it);
}

TEST_CASE("a balancer that knows, keeps or computes too much is found") {
  for (auto& it : broken_balancers::with_wrong_state())
    must_be_found(it);
}

TEST_CASE("a balancer that breaks a rule about one pick or about probes is found") {
  for (auto& it : broken_balancers::with_wrong_picks())
    must_be_found(it);
}

TEST_CASE("a balancer that breaks a claim about keys, loads, slow members or smoothness is found") {
  for (auto& it : broken_balancers::with_wrong_claims())
    must_be_found(it);
}

TEST_CASE("a balancer that looks odd and is right passes") {
  for (auto& it : broken_balancers::odd_but_right()) {
    CAPTURE(it.name);
    auto report = verified(it, 20);
    CHECK_MESSAGE(report.ok(), atl::verify::to_text(report));
  }
}
