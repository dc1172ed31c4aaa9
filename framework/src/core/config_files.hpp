#pragma once

#include <atoll/core/config_value.hpp>
#include <atoll/core/error.hpp>

#include <filesystem>
#include <string_view>

namespace atl {

/// Reads a configuration file and all it includes, into one table without `include`.
result<config_table> read_config_files(const std::filesystem::path& file);

/// The same for a text that stands for `file`.
result<config_table> read_config_text(std::string_view text, const std::filesystem::path& file);

} // namespace atl
