#include "value_rule.hpp"

#include <atoll/core/plugin_name.hpp>
#include <atoll/core/plugin_options.hpp>
#include <atoll/core/quantity.hpp>
#include <atoll/core/spelling_suggestion.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

namespace atl {

namespace {

using spi::option_scope;
using spi::option_spec;
using spi::option_type;
using spi::option_value;

value_rule rule_of(const option_spec& option) {
  return {option.type, option.minimum, option.maximum};
}

template <class Number>
result<option_value> parse_number(std::string_view text, std::string_view expected) {
  Number number{};
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool whole = problem == std::errc{} && end == text.data() + text.size();
  if constexpr (std::is_floating_point_v<Number>)
    whole = whole && std::isfinite(number);
  if (whole)
    return number;
  return fail(errc::invalid, fmt::format("\"{}\" is not {}", text.substr(0, 64), expected));
}

status check_declaration(const option_spec& option) {
  if (!option.name || !is_plugin_name(option.name))
    return fail(errc::invalid, "an option has no name of the form [a-z][a-z0-9_]*");
  auto wrong = [&](std::string_view what) {
    return fail(errc::invalid, fmt::format("option '{}' {}", option.name, what));
  };
  if (!option.default_value || !option.minimum || !option.maximum || !option.meaning)
    return wrong("lacks a default, a bound or a meaning (an absent bound is an empty text)");
  if (option.type > option_type::size)
    return wrong("has a type that isn't known");
  if (option.scope > option_scope::member)
    return wrong("has a scope that isn't known");
  auto value = parse_option(option.type, option.default_value);
  if (!value)
    return wrong("has a default that isn't of its type: " + value.error().message);
  if (option.type != option_type::text)
    for (std::string_view bound : {option.minimum, option.maximum})
      if (auto parsed = parse_option(option.type, bound); !parsed && !bound.empty())
        return wrong("has a bound that isn't of its type: " + parsed.error().message);
  if (auto objection = out_of_range(rule_of(option), *value))
    return wrong("has a default that " + *objection);
  return {};
}

const option_spec* find(std::span<const option_spec> declared, std::string_view name) {
  for (auto& option : declared)
    if (option.name == name)
      return &option;
  return nullptr;
}

/// The complete options, once everything that was written has been judged.
class options_builder {
 public:
  options_builder(std::span<const option_spec> declared, std::string_view context)
      : declared_{declared}, context_{context} {
    for (auto& option : declared)
      if (auto value = parse_option(option.type, option.default_value))
        values_.emplace(option.name, *value);
  }

  void set(const option_spec& option, result<option_value> value, const config_location& where) {
    if (value)
      values_.insert_or_assign(option.name, std::move(*value));
    else
      report_error(
          where, fmt::format("option '{}' of {} {}", option.name, context_, value.error().message));
  }

  void unknown(std::string_view name, const config_location& where) {
    std::vector<std::string> known;
    for (auto& option : declared_)
      known.emplace_back(option.name);
    auto hint = did_you_mean(name, known);
    if (hint.empty())
      hint = known.empty() ? "; it has no options"
                           : fmt::format("; it has {}", fmt::join(known, ", "));
    report_error(where, fmt::format("unknown option '{}' of {}{}", name, context_, hint));
  }

  void report_error(const config_location& where, std::string message) {
    problems_.push_back({where, std::move(message)});
  }

  result<spi::options> finish() {
    if (!problems_.empty())
      return tl::unexpected<error>{join_problems(std::move(problems_))};
    return spi::options{std::move(values_)};
  }

 private:
  std::span<const option_spec> declared_;
  std::string_view context_;
  std::map<std::string, option_value, std::less<>> values_;
  std::vector<config_problem> problems_;
};

} // namespace

std::string_view to_string(option_type type) {
  constexpr std::string_view names[] = {"boolean", "integer", "number", "text", "duration", "size"};
  return names[static_cast<std::size_t>(type)];
}

result<option_value> parse_option(option_type type, std::string_view text) {
  switch (type) {
  case option_type::boolean:
    if (text == "true" || text == "false")
      return text == "true";
    return fail(errc::invalid, fmt::format("\"{}\" is neither true nor false", text.substr(0, 64)));
  case option_type::integer:
    return parse_number<std::int64_t>(text, "an integer");
  case option_type::real:
    return parse_number<double>(text, "a number");
  case option_type::text:
    return std::string{text};
  case option_type::duration:
    return parse_duration(text).map([](auto value) { return option_value{value.count()}; });
  case option_type::size:
    return parse_size(text).map([](auto value) { return option_value{value}; });
  }
  return fail(errc::invalid, "there is no such type of option");
}

std::string option_toml(const option_value& value, option_type type) {
  if (auto* integer = std::get_if<std::int64_t>(&value)) {
    if (type == option_type::duration)
      return toml_quote(format_duration(std::chrono::microseconds{*integer}));
    if (type == option_type::size) {
      auto text = format_size(*integer);
      return text.back() == 'B' ? toml_quote(text) : text;
    }
  }
  return std::visit([](auto& each) { return config_value{each, {}}.toml(); }, value);
}

std::string option_range(const option_spec& option) {
  return range_text(rule_of(option));
}

status check_declarations(std::span<const option_spec> declared) {
  for (auto& option : declared) {
    if (auto fine = check_declaration(option); !fine)
      return fine;
    if (find(declared, option.name) != &option)
      return fail(errc::invalid, fmt::format("option '{}' is declared twice", option.name));
  }
  return {};
}

result<spi::options> check_options(std::span<const option_spec> declared,
                                   const config_table& written, std::string_view context) {
  options_builder builder{declared, context};
  for (auto& entry : written.entries) {
    if (auto* option = find(declared, entry.key))
      builder.set(*option, apply_rule(rule_of(*option), entry.value), entry.value.where);
    else
      builder.unknown(entry.key, entry.key_where);
  }
  return builder.finish();
}

result<spi::options> parse_options(std::span<const option_spec> declared,
                                   std::span<const std::string> assignments,
                                   std::string_view context) {
  options_builder builder{declared, context};
  for (std::string_view text : assignments) {
    config_location where{std::make_shared<const std::string>(text), 0, 0};
    auto sign = text.find('=');
    if (sign == std::string_view::npos) {
      builder.report_error(where, "an option is written key=value");
      continue;
    }
    auto* option = find(declared, text.substr(0, sign));
    if (!option) {
      builder.unknown(text.substr(0, sign), where);
      continue;
    }
    auto value = parse_option(option->type, text.substr(sign + 1));
    if (!value)
      value = fail(errc::invalid, "can't be set: " + value.error().message);
    else if (auto objection = out_of_range(rule_of(*option), *value))
      value = fail(errc::invalid, *objection);
    builder.set(*option, std::move(value), where);
  }
  return builder.finish();
}

} // namespace atl
