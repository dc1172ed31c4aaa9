#include "broken_schemes.hpp"
#include "check_found.hpp"

#include <atoll/core/plugin_options.hpp>
#include <atoll/verify/verify.hpp>

#include <doctest/doctest.h>

#include <span>
#include <string>

/// The verification kit must find each broken scheme, and report its actual mistake.
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
  check_found(verified(it, 100), it.property, it.detail);
}

} // namespace

TEST_CASE("a scheme that makes, takes or counts fragments wrongly is found") {
  for (auto& it : broken_schemes::with_wrong_codec())
    must_be_found(it);
}

TEST_CASE("a scheme that makes parts wrongly, or breaks what it promises, is found") {
  for (auto& it : broken_schemes::with_wrong_parts())
    must_be_found(it);
}

TEST_CASE("a scheme that judges or plans wrongly is found") {
  for (auto& it : broken_schemes::with_wrong_repair())
    must_be_found(it);
}

TEST_CASE("an unusual but correct scheme passes") {
  for (auto& it : broken_schemes::odd_but_right()) {
    CAPTURE(it.name);
    auto report = verified(it, 100);
    CHECK_MESSAGE(report.ok(), atl::verify::to_text(report));
  }
}
