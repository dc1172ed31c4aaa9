#pragma once

#include <atoll/spi/plugin.hpp>

#include <optional>
#include <string>

namespace atl::verify {

/// Why the claims of a plugin can't be checked: a claim that its kind doesn't know, is made twice,
/// or has an unknown value. None when all claims can be checked.
std::optional<std::string> claims_refusal(const spi::descriptor& plugin);

} // namespace atl::verify
