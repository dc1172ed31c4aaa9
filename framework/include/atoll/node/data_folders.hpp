#pragma once

#include <atoll/core/toml_config.hpp>
#include <atoll/node/config_errors.hpp>

#include <cstddef>
#include <filesystem>
#include <vector>

namespace atl::node {

/// Disks at most of one node.
inline constexpr std::size_t data_folders_max = 64;

/// The folders of `node.data`: one, or one for each disk. Absolute, in the order of the file.
std::vector<std::filesystem::path> data_folders(const config& config);

/// Checks `node.data` as far as this can be done without creating a folder.
void check_data_folders(const config& config, config_errors& problems);

/// Reports a list of several folders, which this role can't use.
void refuse_several_folders(const config& config, std::string_view role, config_errors& problems);

} // namespace atl::node
