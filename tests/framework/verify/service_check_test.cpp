#include "contains.hpp"
#include "counting_service.hpp"
#include "temporary_folder.hpp"

#include <atoll/verify/service_check.hpp>

#include <doctest/doctest.h>

using namespace counting_service;

TEST_CASE("a correct service passes") {
  temporary_folder folder;
  auto finding = check_service(with(flaw::none), folder.path());
  CHECK_MESSAGE(!finding.has_value(), finding.value_or(service_finding{}).what);
}

TEST_CASE("a mistake of a service is found, and again with its seed alone") {
  struct {
    flaw what;
    const char* says;
  } flaws[] = {{flaw::forgets, "the sum is"},
               {flaw::counts_starts, "otherwise"},
               {flaw::leaks, "rows"},
               {flaw::miscounts, "the sum is"},
               {flaw::throws, "out of luck"}};
  for (auto& it : flaws) {
    CAPTURE(it.says);
    temporary_folder folder;
    auto service = with(it.what);
    auto finding = check_service(service, folder.path());
    REQUIRE(finding.has_value());
    service.first_seed = finding->seed;
    service.seeds = 1;
    auto again = check_service(service, folder.path());
    REQUIRE(again.has_value());
    CHECK(again->what == finding->what);
    if (it.what != flaw::forgets)
      CHECK_MESSAGE(contains(finding->what, it.says), finding->what);
  }
}
