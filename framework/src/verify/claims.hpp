#pragma once

#include <atoll/spi/plugin.hpp>

#include <optional>
#include <string>

namespace atl::verify {

/// Why the claims of a plugin can't be checked: a claim that its kind doesn't know, is made twice,
/// or has a value that nobody knows. None when all of them can be.
std::optional<std::string> claims_objection(const spi::descriptor& plugin);

} // namespace atl::verify
