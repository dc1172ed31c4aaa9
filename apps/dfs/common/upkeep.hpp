#pragma once

#include <atoll/core/error.hpp>
#include <atoll/keep/keeper_settings.hpp>
#include <atoll/spi/options.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace dfs {

/// What an operator decides about the upkeep of data.
struct upkeep_values : atl::keep::keeper_settings {
  /// Bytes a second of chunks that are stored by another policy; 0: any number.
  std::uint64_t convert_rate = 0;

  friend bool operator==(const upkeep_values&, const upkeep_values&) = default;
};

/// A setting of the upkeep of data. The configuration gives its value for new clusters; an operator
/// may change it while the cluster runs, which the name space remembers.
struct upkeep_setting {
  std::string_view key;
  atl::spi::option_type type;
  std::string_view default_value;
  std::string_view minimum;
  std::string_view maximum; ///< empty: none
  std::string_view meaning;
};

std::span<const upkeep_setting> upkeep_settings();

/// Sets one of them from text as a configuration has it. Errors: not_found (no such key), invalid
/// (no such value, or one beyond the bounds); the message says what is possible.
atl::status set_upkeep(upkeep_values& into, std::string_view key, std::string_view value);
/// The text that `set_upkeep` reads back. @pre the key exists
std::string upkeep_text(const upkeep_values& from, std::string_view key);

} // namespace dfs
