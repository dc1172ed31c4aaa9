#include "config_checker.hpp"

#include "path_rule.hpp"

#include <atoll/core/plugin_options.hpp>
#include <atoll/core/spelling_suggestion.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace atl {

namespace {

using spi::option_type;
using spi::option_value;

/// The value of one key, or of one element of its list.
result<option_value> value_of(const key_spec& spec, const config_value& written) {
  auto value = apply_rule({spec.type, spec.minimum, spec.maximum}, written);
  if (value && spec.is_path)
    if (auto refusal = path_refusal(std::get<std::string>(*value)))
      return fail(errc::invalid, *refusal);
  return value;
}

/// A list of paths that has one element may be written without brackets.
bool is_single_path(const key_spec& spec, const config_value& written) {
  return spec.is_path && std::holds_alternative<std::string>(written.value);
}

option_value zero(option_type type) {
  switch (type) {
  case option_type::boolean:
    return false;
  case option_type::real:
    return 0.0;
  case option_type::text:
    return std::string{};
  default:
    return std::int64_t{0};
  }
}

/// @pre `check_schema` has checked that the default is of its type.
option_value default_of(option_type type, std::string_view text) {
  return text.empty() ? zero(type) : parse_option(type, text).value_or(zero(type));
}

std::vector<std::string> elements_of(const std::string& default_value) {
  auto parts = split(default_value, ',');
  for (auto& part : parts)
    part.erase(0, std::min(part.find_first_not_of(' '), part.size()));
  return parts;
}

/// Aborts if a default or a bound of the schema isn't of its key's type: a defect of the program.
void check_schema(std::span<const key_spec> schema) {
  auto insist = [](const key_spec& spec, std::string_view text) {
    if (text.empty() || parse_option(spec.type, text))
      return;
    fmt::print(stderr, "mistake in the program: \"{}\" is no {} for configuration key '{}'\n", text,
               to_string(spec.type), spec.key);
    std::abort();
  };
  for (auto& spec : schema) {
    if (spec.key.ends_with("[]"))
      continue;
    if (!spec.is_list)
      insist(spec, spec.default_value);
    else
      for (auto& element : elements_of(spec.default_value))
        insist(spec, element);
    insist(spec, spec.minimum);
    if (spec.type != option_type::text)
      insist(spec, spec.maximum);
  }
}

} // namespace

config_checker::place config_checker::place::inner(std::string_view key) const {
  auto join = [&](const std::string& prefix) {
    return prefix.empty() ? std::string{key} : fmt::format("{}.{}", prefix, key);
  };
  return {join(pattern), join(actual), element};
}

config_checker::config_checker(std::span<const key_spec> schema,
                               const std::filesystem::path& file) {
  check_schema(schema);
  made_.schema_.assign(schema.begin(), schema.end());
  made_.directory_ = absolute_folder_of(file);
}

result<config> config_checker::check(const config_table& root) {
  visit(root, place{});
  for (std::size_t i = 0; i < made_.schema_.size(); ++i)
    fill(i);
  if (!problems_.empty())
    return tl::unexpected<error>{join_problems(std::move(problems_))};
  return std::move(made_);
}

void config_checker::report_error(const config_location& where, std::string message) {
  problems_.push_back({where, std::move(message)});
}

// -- what is written --------------------------------------------------------------------------

void config_checker::visit(const config_table& table, const place& at) {
  tables_[at.actual] = table.where;
  for (auto& entry : table.entries)
    visit(entry, at);
}

void config_checker::visit(const config_entry& entry, const place& parent) {
  auto at = parent.inner(entry.key);
  // A key in quotes could spell out a path of the schema without being there.
  if (entry.key.find_first_of(".[]") != std::string::npos)
    return unknown(entry, parent, at);
  auto& schema = made_.schema_;
  auto spec = std::find_if(schema.begin(), schema.end(),
                           [&](const key_spec& each) { return each.key == at.pattern; });
  if (spec != schema.end())
    return take(entry.value, at, static_cast<std::size_t>(spec - schema.begin()));
  if (has_keys_below(at.pattern + "[]"))
    return visit_array(entry, at);
  if (!has_keys_below(at.pattern + "."))
    return unknown(entry, parent, at);
  if (auto* table = std::get_if<config_table>(&entry.value.value))
    visit(*table, at);
  else
    expected_table(entry.value, at);
}

void config_checker::visit_array(const config_entry& entry, const place& at) {
  tables_[at.actual] = entry.value.where;
  auto* elements = std::get_if<std::vector<config_value>>(&entry.value.value);
  if (!elements)
    return report_error(entry.value.where,
                        fmt::format("{} takes an array of tables ([[{}]]), found {}", at.actual,
                                    at.actual, entry.value.describe()));
  made_.array_sizes_[at.actual] = elements->size();
  for (std::size_t i = 0; i < elements->size(); ++i) {
    place element{at.pattern + "[]", fmt::format("{}[{}]", at.actual, i), i};
    if (auto* table = std::get_if<config_table>(&(*elements)[i].value))
      visit(*table, element);
    else
      expected_table((*elements)[i], element);
  }
}

void config_checker::take(const config_value& written, const place& at, std::size_t spec) {
  seen_.insert(at.actual);
  if (auto& file = written.where.file; file && !made_.directories_.contains(*file))
    made_.directories_.emplace(*file, absolute_folder_of(*file));
  auto& declared = made_.schema_[spec];
  config::entry made{spec, at.element, true, written.where, option_value{}};
  if (declared.is_plugin_options) {
    auto* table = std::get_if<config_table>(&written.value);
    if (!table)
      return expected_table(written, at);
    made.value = *table;
  } else if (declared.is_list && !is_single_path(declared, written)) {
    return take_list(written, at, spec);
  } else {
    auto value = value_of(declared, written);
    if (!value)
      return report_error(written.where, fmt::format("{} {}", at.actual, value.error().message));
    made.value = std::move(*value);
  }
  made_.entries_.insert_or_assign(at.actual, std::move(made));
}

void config_checker::take_list(const config_value& written, const place& at, std::size_t spec) {
  auto* elements = std::get_if<std::vector<config_value>>(&written.value);
  if (!elements)
    return report_error(written.where,
                        fmt::format("{} takes {}a list of {} values in [brackets], found {}",
                                    at.actual,
                                    made_.schema_[spec].is_path ? "a text in quotes, or " : "",
                                    to_string(made_.schema_[spec].type), written.describe()));
  std::vector<option_value> values;
  for (auto& element : *elements) {
    auto value = value_of(made_.schema_[spec], element);
    if (value)
      values.push_back(std::move(*value));
    else
      report_error(element.where,
                   fmt::format("an element of {} {}", at.actual, value.error().message));
  }
  made_.entries_.insert_or_assign(
      at.actual, config::entry{spec, at.element, true, written.where, std::move(values)});
}

void config_checker::expected_table(const config_value& found, const place& at) {
  report_error(found.where, fmt::format("{} takes a table, found {}", at.actual, found.describe()));
}

void config_checker::unknown(const config_entry& entry, const place& parent, const place& at) {
  for (auto& spec : made_.schema_)
    if (spec.former_key == at.pattern)
      return report_error(entry.key_where,
                          fmt::format("'{}' was renamed; write '{}'", at.actual, spec.key));
  auto known = siblings(parent.pattern);
  std::string hint;
  if (auto name = spelling_suggestion(entry.key, known)) {
    hint = fmt::format("; did you mean '{}'?", parent.inner(*name).actual);
  } else {
    // The key may be right and stand in the wrong table.
    known.clear();
    for (auto& spec : made_.schema_) {
      auto last = spec.key.substr(spec.key.rfind('.') + 1);
      if (last == entry.key)
        hint = fmt::format("; did you mean '{}'?", spec.key);
      known.push_back(spec.key);
    }
    if (hint.empty())
      hint = did_you_mean(at.pattern, known);
  }
  report_error(entry.key_where, fmt::format("unknown key '{}'{}", at.actual, hint));
}

// -- what is not written ----------------------------------------------------------------------

void config_checker::fill(std::size_t spec) {
  auto& key = made_.schema_[spec].key;
  auto bracket = key.find("[]");
  if (bracket == std::string::npos)
    return fill(spec, key, 0);
  if (bracket + 2 == key.size())
    return check_count(made_.schema_[spec]);
  auto array = key.substr(0, bracket);
  auto size = made_.array_sizes_.find(array);
  if (size == made_.array_sizes_.end())
    return;
  for (std::size_t i = 0; i < size->second; ++i)
    if (tables_.contains(fmt::format("{}[{}]", array, i)))
      fill(spec, config::at(array, i, std::string_view{key}.substr(bracket + 3)), i);
}

void config_checker::fill(std::size_t spec, const std::string& key, std::size_t element) {
  if (seen_.contains(key))
    return;
  auto& declared = made_.schema_[spec];
  if (declared.required)
    return report_error(enclosing_table(key),
                        fmt::format("{} is missing; it takes {}{}{}", key,
                                    !declared.is_list  ? "a value of type "
                                    : declared.is_path ? "a value, or a list of values, of type "
                                                       : "a list of values of type ",
                                    to_string(declared.type),
                                    declared.meaning.empty() ? "" : ": " + declared.meaning));
  config::entry made{spec, element, !declared.default_value.empty(), {}, option_value{}};
  if (declared.is_plugin_options) {
    made.value = config_table{};
    made.is_set = false;
  } else if (declared.is_list) {
    std::vector<option_value> values;
    for (auto& element : elements_of(declared.default_value))
      values.push_back(default_of(declared.type, element));
    made.value = std::move(values);
  } else {
    made.value = default_of(declared.type, declared.default_value);
  }
  made_.entries_.insert_or_assign(key, std::move(made));
}

void config_checker::check_count(const key_spec& spec) {
  auto array = spec.key.substr(0, spec.key.size() - 2);
  auto found = made_.array_sizes_.find(array);
  auto size = found == made_.array_sizes_.end() ? 0 : static_cast<std::int64_t>(found->second);
  value_rule rule{option_type::integer, spec.minimum, spec.maximum};
  if (size == 0 && spec.required)
    return report_error(enclosing_table(array),
                        fmt::format("[[{}]] is missing{}{}", array,
                                    spec.meaning.empty() ? "" : ": ", spec.meaning));
  if (size != 0 && out_of_range(rule, size))
    report_error(enclosing_table(array),
                 fmt::format("[[{}]] stands {} times, and must stand {} times", array, size,
                             range_text(rule)));
}

// -- looking around ---------------------------------------------------------------------------

bool config_checker::has_keys_below(std::string_view prefix) const {
  return std::any_of(made_.schema_.begin(), made_.schema_.end(),
                     [&](const key_spec& spec) { return spec.key.starts_with(prefix); });
}

std::vector<std::string> config_checker::siblings(const std::string& prefix) const {
  std::vector<std::string> names;
  auto start = prefix.empty() ? std::string{} : prefix + ".";
  for (auto& spec : made_.schema_)
    if (spec.key.starts_with(start)) {
      auto rest = std::string_view{spec.key}.substr(start.size());
      names.emplace_back(rest.substr(0, rest.find_first_of(".[")));
    }
  if (prefix.empty())
    names.emplace_back("include");
  return names;
}

config_location config_checker::enclosing_table(std::string_view key) const {
  for (;;) {
    if (auto found = tables_.find(key); found != tables_.end())
      return found->second;
    auto dot = key.rfind('.');
    key = dot == std::string_view::npos ? std::string_view{} : key.substr(0, dot);
  }
}

} // namespace atl
