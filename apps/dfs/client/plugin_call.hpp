#pragma once

#include <fmt/format.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

namespace dfs {

/// An exception of a plugin, with the plugin's name.
class plugin_threw : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Calls a plugin and converts its exceptions to `plugin_threw`, which names the plugin.
template <class Call>
auto call_plugin(std::string_view kind, const std::string& name, Call call) {
  try {
    return call();
  } catch (const std::exception& thrown) {
    throw plugin_threw{
        fmt::format("the {} plugin '{}' threw: {}; choose another plugin, or fix this one", kind,
                    name, thrown.what())};
  }
}

} // namespace dfs
