#include <atoll/compare/strategy_file.hpp>
#include <atoll/core/plugin_name.hpp>
#include <atoll/core/spelling_suggestion.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace atl::compare {

namespace {

tl::unexpected<error> fail_at(const config_location& where, const std::string& message) {
  return fail(errc::invalid, where.text() + ": " + message);
}

status check_keys(const config_table& table, std::initializer_list<std::string> known,
                  std::string_view prefix) {
  for (auto& entry : table.entries)
    if (std::find(known.begin(), known.end(), entry.key) == known.end())
      return fail_at(entry.key_where,
                     fmt::format("unknown key '{}{}'{}", prefix, entry.key,
                                 did_you_mean(entry.key, {known.begin(), known.size()})));
  return {};
}

/// Which section names the plugin, by which key.
struct section_rule {
  std::string name;
  std::string key;
  bool is_alone = true;     ///< the file has no other sections
  std::string_view missing; ///< what to do if the file doesn't have it
};

result<strategy_file> parse_section(std::string_view text, std::string_view origin,
                                    const section_rule& rule) {
  auto& [name, key, is_alone, missing] = rule;
  auto root = parse_toml(text, origin);
  if (!root)
    return tl::unexpected{root.error()};
  auto* entry = root->find(name);
  if (!entry)
    return fail(errc::invalid, fmt::format("{}:1:1: has no [{}]; {}", origin, name, missing));
  auto* table = std::get_if<config_table>(&entry->value.value);
  if (!table)
    return fail_at(entry->value.where,
                   fmt::format("{} takes a table, found {}", name, entry->value.describe()));
  if (is_alone)
    if (auto known = check_keys(*root, {name}, ""); !known)
      return tl::unexpected{known.error()};
  if (auto known = check_keys(*table, {key, "options"}, name + "."); !known)
    return tl::unexpected{known.error()};
  auto* plugin = table->find(key);
  if (!plugin)
    return fail_at(table->where, fmt::format("{}.{} is missing; it names the plugin", name, key));
  auto* plugin_name = std::get_if<std::string>(&plugin->value.value);
  if (!plugin_name || !is_plugin_name(*plugin_name))
    return fail_at(plugin->value.where, fmt::format("{}.{} takes the name of a plugin, found {}",
                                                    name, key, plugin->value.describe()));
  strategy_file out{*plugin_name, plugin->value.where, {}};
  out.options.where = table->where;
  auto* options = table->find("options");
  if (!options)
    return out;
  auto* written = std::get_if<config_table>(&options->value.value);
  if (!written)
    return fail_at(options->value.where, fmt::format("{}.options takes a table, found {}", name,
                                                     options->value.describe()));
  out.options = *written;
  return out;
}

} // namespace

result<strategy_file> parse_strategy(std::string_view text, std::string_view origin,
                                     std::string_view section) {
  if (section.empty())
    return parse_section(text, origin,
                         {"balancer", "plugin", true,
                          "write [balancer] with plugin = \"NAME\", or name the section of a "
                          "cluster's file with --section"});
  return parse_section(
      text, origin,
      {std::string{section}, "balancer", false, "--section names a section that the file has"});
}

result<strategy_file> parse_recovery_strategy(std::string_view text, std::string_view origin) {
  return parse_section(
      text, origin,
      {"recovery", "plugin", true, "write [recovery] with plugin = \"NAME\" and options"});
}

} // namespace atl::compare
