#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>

namespace dfs {

/// Finds consecutive ports on which nothing listens at the moment, below the ephemeral ports.
/// @returns the first of them.
atl::result<std::uint16_t> free_ports(std::uint32_t count);

} // namespace dfs
