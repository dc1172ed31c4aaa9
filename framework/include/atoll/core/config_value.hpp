#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace atl {

/// A place in a configuration file, for people.
struct config_location {
  std::shared_ptr<const std::string> file; ///< as the operator named it; none: not from a file
  std::uint32_t line = 0;
  std::uint32_t column = 0;

  /// `node.toml:3:12`; only the name where there is no line (a command line, say).
  std::string text() const;
};

struct config_value;
struct config_entry;

/// A TOML table as read: keys in alphabetical order, each value with its place.
struct config_table {
  config_location where;
  std::vector<config_entry> entries;

  const config_entry* find(std::string_view key) const;
};

/// A date or a time: TOML has such values, and no configuration here uses them.
struct config_date {
  std::string text;
};

/// Any TOML value as read. `std::vector<config_value>` is an array, of tables or of anything else.
struct config_value {
  std::variant<bool, std::int64_t, double, std::string, config_date, std::vector<config_value>,
               config_table>
      value;
  config_location where;

  /// The type and value, for messages: `the integer 3`, `the text "x"`, `a table`.
  std::string describe() const;
  /// As written in TOML, on one line.
  std::string toml() const;
};

struct config_entry {
  std::string key;
  config_location key_where;
  config_value value;
};

/// A text in TOML's double quotes.
std::string toml_quote(std::string_view text);

/// Reads TOML. @param origin what messages call the text, usually a file's name. Errors cite
/// `origin:line:column`.
result<config_table> parse_toml(std::string_view text, std::string_view origin);

/// Merges `over` into `base`: tables are merged, and any other value of `over` replaces that of
/// `base`.
void merge(config_table& base, config_table over);

} // namespace atl
