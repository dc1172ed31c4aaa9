#pragma once

#include "common/types.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dfs {

/// A file or a directory whose files are to be stored as the policies of their directories say.
struct conversion {
  inode_id inode = 0;
  place where; ///< how it was named. A directory may be renamed meanwhile, a file may not
  bool is_file = false;
  std::uint64_t begun_us = 0;
  std::uint64_t version = 0; ///< of the setting, as the name space has it; not in its value

  friend bool operator==(const conversion&, const conversion&) = default;
};

// A conversion that an operator wants is a setting of the cluster, so that it outlives the masters'
// restarts.

/// Whether a setting is a conversion.
bool is_conversion(std::string_view setting_key);
std::string setting_key_of(inode_id inode);
std::string setting_value_of(const conversion& what);
/// None: a setting that no release of this kind has written.
std::optional<conversion> conversion_in(std::string_view setting_key, std::string_view value);

} // namespace dfs
