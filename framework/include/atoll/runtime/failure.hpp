#pragma once

#include <caf/error.hpp>

#include <string>

/// Why a request to another node failed, in words for people, without CAF's terms.
namespace atl::runtime {

/// `connection refused`, `no answer in time`, `the connection was closed`
std::string describe_failure(const caf::error& problem);

/// Did the other host say that nothing listens on the port? False for a host that doesn't answer:
/// it may only be slow.
bool is_connection_refused(const caf::error& problem);

} // namespace atl::runtime
