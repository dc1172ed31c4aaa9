#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>

namespace dfs {

/// So many ports in a row on which nobody listens here at the moment, below those that systems hand
/// out to connections by themselves. @returns the first of them.
atl::result<std::uint16_t> free_ports(std::uint32_t count);

} // namespace dfs
