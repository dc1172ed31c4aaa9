#pragma once

#include <atoll/core/config_value.hpp>
#include <atoll/core/error.hpp>
#include <atoll/spi/options.hpp>

#include <span>
#include <string>
#include <string_view>

namespace atl {

/// `boolean`, `integer`, `number`, `text`, `duration`, `size`.
std::string_view to_string(spi::option_type type);

/// A value from text as it stands in a plugin's descriptor or on a command line: as in TOML, but
/// without quotes. Durations become microseconds, sizes bytes.
result<spi::option_value> parse_option(spi::option_type type, std::string_view text);

/// A value as written in TOML, with the largest unit that is exact: `"150ms"`, `"8MiB"`, `3`.
std::string option_toml(const spi::option_value& value, spi::option_type type);

/// What an option takes, for people: `1 to 64`, `at least 1ms`, `one of random, any`; empty: any
/// value of its type.
std::string option_range(const spi::option_spec& option);

/// Whether a plugin's declarations make sense by themselves: names, types, bounds, and defaults
/// within them. Detects mistakes of the plugin's author before the plugin is used.
status check_declarations(std::span<const spi::option_spec> declared);

/// The complete options of a plugin, from those that the operator wrote; what is left out has its
/// default. Names all unknown keys, wrong types and values out of range, one a line, each with
/// `file:line:column`.
/// @param declared must have passed `check_declarations`.
/// @param context whose options, for messages: `consensus plugin 'raft'`.
result<spi::options> check_options(std::span<const spi::option_spec> declared,
                                   const config_table& written, std::string_view context);

/// The same from a command line's `key=value` texts.
result<spi::options> parse_options(std::span<const spi::option_spec> declared,
                                   std::span<const std::string> assignments,
                                   std::string_view context);

} // namespace atl
