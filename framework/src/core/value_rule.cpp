#include "value_rule.hpp"

#include <atoll/core/plugin_options.hpp>
#include <atoll/core/quantity.hpp>
#include <atoll/core/spelling_suggestion.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace atl {

namespace {

using spi::option_type;
using spi::option_value;

std::string_view expectation(option_type type) {
  switch (type) {
  case option_type::boolean:
    return "true or false";
  case option_type::integer:
    return "an integer";
  case option_type::real:
    return "a number";
  case option_type::text:
    return "a text in quotes";
  case option_type::duration:
    return "a duration such as \"150ms\"";
  case option_type::size:
    return "a size such as \"8MiB\" or a number of bytes";
  }
  return "nothing"; // not reached: declarations are checked
}

tl::unexpected<error> wrong_type(const value_rule& rule, const config_value& written) {
  return fail(errc::invalid,
              fmt::format("takes {}, found {}", expectation(rule.type), written.describe()));
}

/// The value of a rule's type, whatever its bounds.
result<option_value> typed(const value_rule& rule, const config_value& written) {
  auto* integer = std::get_if<std::int64_t>(&written.value);
  auto* text = std::get_if<std::string>(&written.value);
  switch (rule.type) {
  case option_type::boolean:
    if (auto* flag = std::get_if<bool>(&written.value))
      return *flag;
    break;
  case option_type::integer:
    if (integer)
      return *integer;
    break;
  case option_type::real:
    if (integer)
      return static_cast<double>(*integer);
    if (auto* real = std::get_if<double>(&written.value); real && std::isfinite(*real))
      return *real;
    break;
  case option_type::text:
    if (text)
      return *text;
    break;
  case option_type::size:
    if (integer && *integer >= 0)
      return *integer;
    [[fallthrough]];
  case option_type::duration:
    if (text)
      if (auto value = parse_option(rule.type, *text))
        return *value;
    break;
  }
  return wrong_type(rule, written);
}

} // namespace

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    auto end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string range_text(const value_rule& rule) {
  if (rule.type == option_type::text) {
    auto choices = split(rule.maximum, '|');
    return choices.empty() ? "" : fmt::format("one of {}", fmt::join(choices, ", "));
  }
  if (!rule.minimum.empty() && !rule.maximum.empty())
    return fmt::format("{} to {}", rule.minimum, rule.maximum);
  if (!rule.minimum.empty())
    return fmt::format("at least {}", rule.minimum);
  return rule.maximum.empty() ? "" : fmt::format("at most {}", rule.maximum);
}

std::optional<std::string> out_of_range(const value_rule& rule, const option_value& value) {
  if (rule.type == option_type::text) {
    auto choices = split(rule.maximum, '|');
    auto& text = std::get<std::string>(value);
    if (choices.empty() || std::find(choices.begin(), choices.end(), text) != choices.end())
      return std::nullopt;
    return fmt::format("is {}, and must be {}{}", toml_quote(text.substr(0, 64)), range_text(rule),
                       did_you_mean(text, choices));
  }
  auto below = [&](std::string_view bound, auto less) {
    auto parsed = bound.empty() ? result<option_value>{value} : parse_option(rule.type, bound);
    return parsed && less(value, *parsed);
  };
  bool too_small = below(rule.minimum, std::less<option_value>{});
  bool too_large = below(rule.maximum, std::greater<option_value>{});
  if (!too_small && !too_large)
    return std::nullopt;
  return fmt::format("is {}, and must be {}", option_toml(value, rule.type), range_text(rule));
}

result<option_value> apply_rule(const value_rule& rule, const config_value& written) {
  auto value = typed(rule, written);
  if (value)
    if (auto objection = out_of_range(rule, *value))
      return fail(errc::invalid, *objection);
  return value;
}

error join_problems(std::vector<config_problem> problems) {
  auto place = [](const config_problem& problem) {
    auto& where = problem.where;
    return std::tuple{where.file ? std::string_view{*where.file} : std::string_view{}, where.line,
                      where.column};
  };
  std::stable_sort(problems.begin(), problems.end(),
                   [&](auto& a, auto& b) { return place(a) < place(b); });
  std::string out;
  for (auto& problem : problems)
    out += fmt::format("{}{}: {}", out.empty() ? "" : "\n", problem.where.text(), problem.message);
  return {errc::invalid, std::move(out)};
}

} // namespace atl
