#include <atoll/runtime/failure.hpp>
#include <atoll/runtime/system.hpp>

#include <caf/error.hpp>
#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <doctest/doctest.h>

#include <cstdint>
#include <string>

using namespace atl::runtime;

namespace {

/// An error with CAF's details, of types that CAF must know first.
caf::error cannot_connect(const std::string& why) {
  atl::runtime::system registers_types{{}, 1};
  return make_error(caf::sec::cannot_connect_to_node, why, std::string{"host"}, std::uint16_t{1});
}

} // namespace

TEST_CASE("the reason why a node can't be reached is reported without CAF's terms") {
  auto refused = cannot_connect("ip_connect failed");
  CHECK(describe_failure(refused) == "connection refused");
  CHECK(is_connection_refused(refused));
  auto unknown = cannot_connect("no such host");
  CHECK(describe_failure(unknown) == "there is no such host");
  CHECK(describe_failure(make_error(caf::sec::request_timeout)) == "no answer in time");
  CHECK_FALSE(is_connection_refused(make_error(caf::sec::request_timeout)));
}

TEST_CASE("no failure is reported as CAF formats it") {
  for (int code = 1; code <= 68; ++code) {
    auto problem = make_error(static_cast<caf::sec>(code));
    CAPTURE(to_string(problem));
    CHECK(describe_failure(problem).find_first_of("_(") == std::string::npos);
  }
  CHECK(describe_failure(make_error(caf::exit_reason::remote_link_unreachable)) ==
        "the connection was closed");
}
