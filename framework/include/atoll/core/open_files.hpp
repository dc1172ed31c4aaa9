#pragma once

#include <cstdint>

namespace atl {

/// Raises this process's limit of open files (sockets count too) as far as the system lets it.
/// @returns the limit from now on
std::uint64_t raise_open_files_limit();

/// How many files this process may have open.
std::uint64_t open_files_limit();

} // namespace atl
