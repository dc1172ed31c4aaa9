#pragma once

#include <string_view>

namespace atl {

/// The longest name of a plugin or of an option.
inline constexpr std::size_t plugin_name_characters_max = 64;

/// Whether a text may name a plugin or an option: `[a-z][a-z0-9_]*`, of a sensible length.
constexpr bool is_plugin_name(std::string_view name) {
  if (name.empty() || name.size() > plugin_name_characters_max || name[0] < 'a' || name[0] > 'z')
    return false;
  for (char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
      return false;
  return true;
}

} // namespace atl
