#pragma once

#include <atoll/core/loaded_plugin.hpp>
#include <atoll/core/plugin_file.hpp>

#include <filesystem>
#include <string>
#include <vector>

// What `atoll plugin` prints, as a text for people and as JSON for programs. Each text ends with a
// newline.

std::string list_text(const std::vector<atl::plugin_file>& files,
                      const std::vector<std::filesystem::path>& folders);
std::string list_json(const std::vector<atl::plugin_file>& files,
                      const std::vector<std::filesystem::path>& folders);

std::string show_text(const atl::plugin& plugin);
std::string show_json(const atl::plugin& plugin);
