#pragma once

#include <atoll/spi/plugin.hpp>

#include <memory>
#include <stdexcept>
#include <string_view>

namespace atl::spi {

/// A plugin that was found by its name, and its options, for a plugin that wraps another one. Must
/// outlive the objects that are created with it, and stay where it is meanwhile.
struct found_plugin {
  std::shared_ptr<const descriptor> plugin; ///< keeps the library loaded
  atl::spi::options options;                ///< complete

  const spi::descriptor& operator*() const { return *plugin; }
  const spi::descriptor* operator->() const { return plugin.get(); }
};

/// Finds plugins by name, for a plugin that has the name of another one among its options
/// (`options::plugins`). Immutable and thread-safe.
class plugin_finder {
 public:
  plugin_finder() = default;
  plugin_finder(const plugin_finder&) = delete;
  plugin_finder& operator=(const plugin_finder&) = delete;
  virtual ~plugin_finder() = default;

  /// @param written the options of that plugin, `key=value` with commas between them; the others
  ///        have their defaults
  /// @throws std::invalid_argument with a sentence for the operator: there is no such plugin, it
  ///         can't be loaded, or it hasn't these options
  virtual found_plugin find(plugin_kind kind, std::string_view name,
                            std::string_view written) const = 0;
};

/// The plugin that these options name with `plugin`, with the options that they name with
/// `options`. @throws as `plugin_finder::find`
inline found_plugin find_named_plugin(plugin_kind kind, const options& named) {
  if (named.plugins() == nullptr)
    throw std::invalid_argument("this program can't load the plugin that the option 'plugin' "
                                "names");
  return named.plugins()->find(kind, named.text("plugin"), named.text("options"));
}

} // namespace atl::spi
