#include "config_checker.hpp"
#include "config_files.hpp"

#include <atoll/core/plugin_options.hpp>
#include <atoll/core/toml_config.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <tuple>

namespace atl {

namespace {

using spi::option_type;
using spi::option_value;

[[noreturn]] void misuse(std::string_view key, std::string_view why) {
  fmt::print(stderr, "mistake in the program: configuration key '{}' {}\n", key, why);
  std::abort();
}

result<config> checked(const result<config_table>& read, const std::filesystem::path& file,
                       std::span<const key_spec> schema) {
  if (!read)
    return tl::unexpected<error>{read.error()};
  return config_checker{schema, file}.check(*read);
}

std::string list_toml(const std::vector<option_value>& values, option_type type) {
  std::string out = "[";
  for (auto& value : values)
    out += (out.size() > 1 ? ", " : "") + option_toml(value, type);
  return out + "]";
}

} // namespace

result<config> config::load(const std::filesystem::path& file, std::span<const key_spec> schema) {
  return checked(read_config_files(file), file, schema);
}

result<config> config::parse(std::string_view text, const std::filesystem::path& file,
                             std::span<const key_spec> schema) {
  return checked(read_config_text(text, file), file, schema);
}

// -- values -----------------------------------------------------------------------------------

const config::entry& config::find(std::string_view key) const {
  auto found = entries_.find(key);
  if (found == entries_.end())
    misuse(key, "is not in the schema");
  return found->second;
}

template <class T>
const T& config::get(std::string_view key, option_type type) const {
  auto& found = find(key);
  auto& spec = schema_[found.spec];
  auto* value = std::get_if<option_value>(&found.value);
  if (!value || spec.type != type)
    misuse(key, fmt::format("is asked for as a {}, which it is not", to_string(type)));
  return std::get<T>(*value);
}

bool config::is_set(std::string_view key) const {
  return find(key).is_set;
}

const std::string& config::text(std::string_view key) const {
  return get<std::string>(key, option_type::text);
}

std::int64_t config::integer(std::string_view key) const {
  return get<std::int64_t>(key, option_type::integer);
}

bool config::boolean(std::string_view key) const {
  return get<bool>(key, option_type::boolean);
}

double config::real(std::string_view key) const {
  return get<double>(key, option_type::real);
}

std::chrono::microseconds config::duration(std::string_view key) const {
  return std::chrono::microseconds{get<std::int64_t>(key, option_type::duration)};
}

std::uint64_t config::size(std::string_view key) const {
  return static_cast<std::uint64_t>(get<std::int64_t>(key, option_type::size));
}

std::vector<std::string> config::texts(std::string_view key) const {
  auto& found = find(key);
  auto* values = std::get_if<std::vector<option_value>>(&found.value);
  if (auto* single = std::get_if<option_value>(&found.value);
      single && schema_[found.spec].is_list && std::holds_alternative<std::string>(*single))
    return {std::get<std::string>(*single)};
  if (!values || schema_[found.spec].type != option_type::text)
    misuse(key, "is asked for as a list of texts, which it is not");
  std::vector<std::string> out;
  for (auto& value : *values)
    out.push_back(std::get<std::string>(value));
  return out;
}

std::filesystem::path config::path(std::string_view key) const {
  auto& name = text(key);
  return name.empty() ? std::filesystem::path{} : (directory_of(key) / name).lexically_normal();
}

std::vector<std::filesystem::path> config::paths(std::string_view key) const {
  std::vector<std::filesystem::path> out;
  for (auto& name : texts(key))
    out.push_back((directory_of(key) / name).lexically_normal());
  return out;
}

std::size_t config::size_of(std::string_view array) const {
  auto found = array_sizes_.find(array);
  return found == array_sizes_.end() ? 0 : found->second;
}

std::string config::at(std::string_view array, std::size_t index, std::string_view key) {
  return fmt::format("{}[{}].{}", array, index, key);
}

const config_table& config::plugin_options(std::string_view key) const {
  auto* table = std::get_if<config_table>(&find(key).value);
  if (!table)
    misuse(key, "is asked for as a plugin's options, which it is not");
  return *table;
}

// -- origins ----------------------------------------------------------------------------------

std::string config::where(std::string_view key) const {
  return find(key).where.text();
}

std::filesystem::path config::directory_of(std::string_view key) const {
  auto& where = find(key).where;
  return where.file ? directories_.at(*where.file) : directory_;
}

std::vector<config::resolved_key> config::resolved() const {
  // The tables of an array stand together, at the place of the array's first key in the schema.
  std::map<std::string_view, std::size_t> first;
  auto array_of = [&](const entry& each) {
    std::string_view key = schema_[each.spec].key;
    return key.substr(0, key.find("[]"));
  };
  for (auto& [key, each] : entries_) {
    auto [place, inserted] = first.emplace(array_of(each), each.spec);
    place->second = std::min(place->second, each.spec);
  }
  std::vector<std::pair<std::string_view, const entry*>> order;
  for (auto& [key, each] : entries_)
    if (each.is_set)
      order.emplace_back(key, &each);
  auto rank = [&](const auto& item) {
    auto& each = *item.second;
    return std::tuple{first.at(array_of(each)), each.element, each.spec};
  };
  std::sort(order.begin(), order.end(), [&](auto& a, auto& b) { return rank(a) < rank(b); });

  std::vector<resolved_key> out;
  for (auto& [key, each] : order) {
    auto type = schema_[each->spec].type;
    if (auto* value = std::get_if<option_value>(&each->value))
      out.push_back({std::string{key}, option_toml(*value, type), each->where.text()});
    else if (auto* values = std::get_if<std::vector<option_value>>(&each->value))
      out.push_back({std::string{key}, list_toml(*values, type), each->where.text()});
    else
      for (auto& option : std::get<config_table>(each->value).entries)
        out.push_back({fmt::format("{}.{}", key, option.key), option.value.toml(),
                       option.value.where.text()});
  }
  return out;
}

} // namespace atl
