#include "broken_schemes.hpp"

#include <atoll/core/plugin_options.hpp>
#include <atoll/verify/verify.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <span>
#include <string>

/// The kit is worth as much as the broken schemes that it finds, and finds for what they are.
namespace {

using broken_schemes::specimen;

atl::verify::report verified(const specimen& it, std::uint64_t seeds) {
  atl::verify::effort how;
  how.seeds = seeds;
  how.stop_at_first = true;
  auto options = atl::check_options(it.plugin.options, {}, "a specimen");
  return atl::verify::verify_here(it.plugin, *options, how);
}

void must_be_found(const specimen& it) {
  CAPTURE(it.name);
  CAPTURE(it.mistake);
  auto report = verified(it, 100);
  auto found = std::find_if(report.findings.begin(), report.findings.end(), [](auto& finding) {
    return finding.what == atl::verify::verdict::broken;
  });
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

TEST_CASE("a scheme that makes, takes or counts fragments wrongly is found") {
  for (auto& it : broken_schemes::with_wrong_codec())
    must_be_found(it);
}

TEST_CASE("a scheme that judges or plans wrongly is found") {
  for (auto& it : broken_schemes::with_wrong_repair())
    must_be_found(it);
}

TEST_CASE("a scheme that looks odd and is right passes") {
  for (auto& it : broken_schemes::odd_but_right()) {
    CAPTURE(it.name);
    auto report = verified(it, 100);
    CHECK_MESSAGE(report.ok(), atl::verify::to_text(report));
  }
}
