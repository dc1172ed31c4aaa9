#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>
#include <filesystem>
#include <vector>

namespace atl::compare {

/// Whether recorded times may go back.
enum class time_order : std::uint8_t { any, ascending };

/// Reads times in seconds, a number a line, as microseconds. Empty lines and those that begin with
/// '#' are skipped. Errors: io if the file can't be read; invalid, with `file:line:column`, for a
/// line that isn't a time from 0 on, times that go back where they must ascend, and a file without
/// any.
result<std::vector<double>> read_recorded_times(const std::filesystem::path& file,
                                                time_order order);

} // namespace atl::compare
