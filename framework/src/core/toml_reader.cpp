// The only file that sees toml++: it is slow to compile, and throws.
#include "toml_nesting.hpp"

#include <atoll/core/config_value.hpp>

#include <fmt/format.h>
#include <toml++/toml.h>

#include <sstream>

namespace atl {

namespace {

using shared_name = std::shared_ptr<const std::string>;

config_location location_of(const toml::source_region& source, const shared_name& file) {
  return {file, source.begin.line, source.begin.column};
}

template <class Date>
config_date date_of(const Date& date) {
  std::ostringstream out;
  out << date;
  return {out.str()};
}

config_value value_of(const toml::node& node, const shared_name& file);

config_table table_of(const toml::table& table, const shared_name& file) {
  config_table out{location_of(table.source(), file), {}};
  for (auto&& [key, node] : table)
    out.entries.push_back(
        {std::string{key.str()}, location_of(key.source(), file), value_of(node, file)});
  return out;
}

config_value value_of(const toml::node& node, const shared_name& file) {
  config_value out{false, location_of(node.source(), file)};
  if (auto* table = node.as_table()) {
    out.value = table_of(*table, file);
  } else if (auto* array = node.as_array()) {
    std::vector<config_value> values;
    for (auto&& element : *array)
      values.push_back(value_of(element, file));
    out.value = std::move(values);
  } else if (auto* flag = node.as_boolean()) {
    out.value = flag->get();
  } else if (auto* integer = node.as_integer()) {
    out.value = integer->get();
  } else if (auto* real = node.as_floating_point()) {
    out.value = real->get();
  } else if (auto* text = node.as_string()) {
    out.value = text->get();
  } else if (auto* date = node.as_date()) {
    out.value = date_of(date->get());
  } else if (auto* time = node.as_time()) {
    out.value = date_of(time->get());
  } else if (auto* date_time = node.as_date_time()) {
    out.value = date_of(date_time->get());
  }
  return out;
}

} // namespace

result<config_table> parse_toml(std::string_view text, std::string_view origin) {
  if (auto fine = check_toml_nesting(text, origin); !fine)
    return tl::unexpected<error>{fine.error()};
  auto file = std::make_shared<const std::string>(origin);
  try {
    auto root = toml::parse(text);
    auto table = table_of(root, file);
    table.where = {file, 1, 1};
    return table;
  } catch (const toml::parse_error& problem) {
    return fail(errc::invalid, fmt::format("{}: {}", location_of(problem.source(), file).text(),
                                           problem.description()));
  } catch (const std::exception& problem) {
    return fail(errc::invalid,
                fmt::format("{}: can't be read as TOML: {}", origin, problem.what()));
  }
}

} // namespace atl
