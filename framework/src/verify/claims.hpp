#pragma once

#include <atoll/spi/plugin.hpp>

#include <optional>
#include <string>

namespace atl::verify {

/// @returns why the claims of a plugin cannot be checked: a claim that its kind does not know, a
/// duplicate, or an unknown value. None when all claims can be checked.
std::optional<std::string> claims_refusal(const spi::descriptor& plugin);

} // namespace atl::verify
