#include <atoll/runtime/failure.hpp>

#include <caf/error.hpp>
#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <doctest/doctest.h>

#include <string>

using namespace atl::runtime;

TEST_CASE("no failure is reported as CAF formats it") {
  for (int code = 1; code <= 68; ++code) {
    auto problem = make_error(static_cast<caf::sec>(code));
    CAPTURE(to_string(problem));
    CHECK(describe_failure(problem).find_first_of("_(") == std::string::npos);
  }
  CHECK(describe_failure(make_error(caf::sec::request_timeout)) == "no answer in time");
  CHECK(describe_failure(make_error(caf::exit_reason::remote_link_unreachable)) ==
        "the connection was closed");
}
