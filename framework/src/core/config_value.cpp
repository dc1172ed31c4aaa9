#include <atoll/core/config_value.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace atl {

namespace {

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>; // for compilers that don't deduce it by themselves

constexpr std::size_t shown_characters_max = 60;

std::string shorten(std::string text) {
  if (text.size() <= shown_characters_max)
    return text;
  auto cut = shown_characters_max;
  while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0) == 0x80)
    --cut; // not within a character
  return text.substr(0, cut) + "…";
}

std::string real_text(double value) {
  auto text = fmt::format("{}", value);
  // TOML takes `1` for an integer.
  return text.find_first_not_of("-0123456789") == std::string::npos ? text + ".0" : text;
}

bool is_bare(std::string_view key) {
  return !key.empty() && key.find_first_not_of(
                             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
                             std::string_view::npos;
}

std::string table_text(const config_table& table) {
  std::string out = "{";
  for (auto& entry : table.entries)
    out += fmt::format("{}{} = {}", out.size() > 1 ? ", " : "",
                       is_bare(entry.key) ? entry.key : toml_quote(entry.key), entry.value.toml());
  return out + "}";
}

std::string array_text(const std::vector<config_value>& values) {
  std::string out = "[";
  for (auto& value : values)
    out += (out.size() > 1 ? ", " : "") + value.toml();
  return out + "]";
}

} // namespace

std::string config_location::text() const {
  if (!file)
    return "default";
  return line == 0 ? *file : fmt::format("{}:{}:{}", *file, line, column);
}

const config_entry* config_table::find(std::string_view key) const {
  auto found = std::find_if(entries.begin(), entries.end(),
                            [&](const config_entry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

std::string config_value::describe() const {
  return std::visit(
      overloaded{
          [&](bool) { return toml(); },
          [&](std::int64_t) { return "the integer " + toml(); },
          [&](double) { return "the number " + toml(); },
          [&](const std::string& text) { return "the text " + toml_quote(shorten(text)); },
          [&](const config_date& date) { return "the date or time " + date.text; },
          [&](const std::vector<config_value>& values) {
            bool tables = !values.empty() && std::holds_alternative<config_table>(values[0].value);
            return std::string{tables ? "an array of tables" : "a list"};
          },
          [&](const config_table&) { return std::string{"a table"}; },
      },
      value);
}

std::string config_value::toml() const {
  return std::visit(overloaded{
                        [](bool flag) { return std::string{flag ? "true" : "false"}; },
                        [](std::int64_t number) { return fmt::format("{}", number); },
                        [](double number) { return real_text(number); },
                        [](const std::string& text) { return toml_quote(text); },
                        [](const config_date& date) { return date.text; },
                        [](const std::vector<config_value>& values) { return array_text(values); },
                        [](const config_table& table) { return table_text(table); },
                    },
                    value);
}

std::string toml_quote(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += {'\\', c};
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\u{:04X}", byte);
    else
      out += c;
  }
  return out + "\"";
}

void merge(config_table& base, config_table over) {
  base.where = over.where;
  for (auto& entry : over.entries) {
    auto below = std::find_if(base.entries.begin(), base.entries.end(),
                              [&](const config_entry& other) { return other.key == entry.key; });
    if (below == base.entries.end()) {
      base.entries.push_back(std::move(entry));
      continue;
    }
    auto* lower = std::get_if<config_table>(&below->value.value);
    auto* upper = std::get_if<config_table>(&entry.value.value);
    if (lower && upper) {
      merge(*lower, std::move(*upper));
      below->key_where = entry.key_where;
      below->value.where = entry.value.where;
    } else {
      *below = std::move(entry);
    }
  }
}

} // namespace atl
