#pragma once

#include <atoll/core/plugin_options.hpp>
#include <atoll/spi/plugin_finder.hpp>

#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/// Finds plugins that a test is linked with, for plugins that wrap them.
class known_plugins final : public atl::spi::plugin_finder {
 public:
  explicit known_plugins(std::vector<const atl::spi::descriptor*> known)
      : known_{std::move(known)} {}

  /// @param written one assignment at most
  atl::spi::found_plugin find(atl::spi::plugin_kind kind, std::string_view name,
                              std::string_view written) const override {
    for (auto* each : known_)
      if (each->kind == kind && each->name == name)
        return {{std::shared_ptr<void>{}, each}, options_of(*each, written)};
    throw std::invalid_argument("there is no plugin " + std::string{name});
  }

  /// The options of a plugin, which finds others here.
  static atl::spi::options options_for(const atl::spi::descriptor& plugin,
                                       const std::vector<std::string>& assignments,
                                       std::vector<const atl::spi::descriptor*> others) {
    auto options = atl::parse_options(plugin.options, assignments, plugin.name).value();
    options.set_plugins(std::make_shared<const known_plugins>(std::move(others)));
    return options;
  }

 private:
  static atl::spi::options options_of(const atl::spi::descriptor& plugin,
                                      std::string_view written) {
    std::vector<std::string> assignments;
    if (!written.empty())
      assignments.emplace_back(written);
    return atl::parse_options(plugin.options, assignments, plugin.name).value();
  }

  std::vector<const atl::spi::descriptor*> known_;
};
