#pragma once

#include <atoll/core/config_value.hpp>
#include <atoll/core/error.hpp>
#include <atoll/spi/options.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace atl {

/// The type and bounds of a configuration key or of a plugin's option. @pre the bounds, texts as in
/// `spi::option_spec`, are of the type.
struct value_rule {
  spi::option_type type = spi::option_type::text;
  std::string_view minimum;
  std::string_view maximum; ///< for text: the choices, `a|b|c`
};

/// The value if the rule takes it. The error's message is the rest of a sentence that begins with
/// the key: `takes a duration such as "150ms", found the integer 150`.
result<spi::option_value> apply_rule(const value_rule& rule, const config_value& written);

/// Why a value of the right type is refused, as the rest of such a sentence; none when it is
/// accepted.
std::optional<std::string> out_of_range(const value_rule& rule, const spi::option_value& value);

/// For people: `1 to 64`; empty when any value is accepted.
std::string range_text(const value_rule& rule);

std::vector<std::string> split(std::string_view text, char separator);

/// A mistake at a place in a configuration file.
struct config_problem {
  config_location where;
  std::string message;
};

/// One error of all problems, in the order of their places, one a line.
error join_problems(std::vector<config_problem> problems);

} // namespace atl
