#pragma once

#include <atoll/verify/verify.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string_view>

/// Checks that the first violated property of a report is the expected one, with the expected
/// detail. @param property empty: any
inline void check_found(const atl::verify::report& report, std::string_view property,
                        std::string_view detail) {
  auto found =
      std::ranges::find(report.findings, atl::verify::verdict::broken, &atl::verify::finding::what);
  auto is_found = found != report.findings.end();
  CHECK(is_found);
  if (!is_found)
    return; // continue with the next plugin
  CAPTURE(found->property);
  CAPTURE(found->detail);
  if (!property.empty())
    CHECK(found->property == property);
  CHECK(found->detail.find(detail) != std::string_view::npos);
}
