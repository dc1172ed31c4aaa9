#pragma once

#include "temporary_folder.hpp"

#include <atoll/core/plugin_loader.hpp>

#include <fmt/format.h>

#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>

/// Folders of plugins from `tests/framework/core/plugins`, and how a loader refuses them.
namespace loader_test {

namespace fs = std::filesystem;
using atl::plugin_loader;
using atl::spi::plugin_kind;

inline const fs::path built = LOADER_TEST_PLUGINS;

/// A folder with the plugins of one test.
class plugin_folder : public temporary_folder {
 public:
  plugin_folder(std::initializer_list<std::string_view> names) {
    for (auto name : names)
      add(name, name);
  }

  fs::path add(std::string_view variant, std::string_view file_name) const {
    auto to = *this / fmt::format("{}.so", file_name);
    fs::copy_file(built / fmt::format("{}.so", variant), to);
    return to;
  }

  plugin_loader loader() const { return plugin_loader{{path()}}; }
};

/// The message with which a plugin is refused.
inline std::string refusal(const plugin_folder& folder, plugin_kind kind, std::string_view name) {
  auto loaded = folder.loader().load(kind, name);
  return loaded ? "loaded" : loaded.error().message;
}

inline std::string refusal(const plugin_folder& folder, std::string_view name) {
  return refusal(folder, plugin_kind::balancer, name);
}

/// The message for a plugin that is alone in its folder, with the folder's path left out.
inline std::string refusal_when_alone(std::string_view variant) {
  plugin_folder folder{variant};
  auto message = refusal(folder, variant);
  auto path = folder.path().string() + "/";
  for (auto at = message.find(path); at != std::string::npos; at = message.find(path))
    message.erase(at, path.size());
  return message;
}

} // namespace loader_test
