#pragma once

#include <atoll/core/loaded_plugin.hpp>
#include <atoll/core/plugin_loader.hpp>
#include <atoll/spi/plugin_finder.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atl {

/// Loads the plugins that options of other plugins name, each once, from a list of folders.
class named_plugins final : public spi::plugin_finder {
 public:
  explicit named_plugins(std::vector<std::filesystem::path> search_path)
      : loader_{std::move(search_path)} {}

  spi::found_plugin find(spi::plugin_kind kind, std::string_view name,
                         std::string_view written) const override;

 private:
  std::shared_ptr<const plugin> load(spi::plugin_kind kind, std::string_view name) const;

  const plugin_loader loader_;
  mutable std::mutex mutex_;
  mutable std::map<std::pair<spi::plugin_kind, std::string>, std::shared_ptr<const plugin>> loaded_;
};

} // namespace atl
