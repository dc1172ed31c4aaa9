#pragma once

#include <caf/error.hpp>

#include <string>

/// Why a request to another node failed, in words for people, without CAF's terms.
namespace atl::runtime {

/// `no answer in time`, `it ended before it answered`, `the connection was closed`
std::string describe_failure(const caf::error& problem);

} // namespace atl::runtime
