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

} // namespace

result<strategy_file> parse_strategy(std::string_view text, std::string_view origin,
                                     std::string_view section) {
  auto root = parse_toml(text, origin);
  if (!root)
    return tl::unexpected{root.error()};
  auto own_file = section.empty();
  const std::string name{own_file ? "balancer" : section};
  const std::string key = own_file ? "plugin" : "balancer";
  auto* entry = root->find(name);
  if (!entry)
    return fail(errc::invalid,
                fmt::format("{}:1:1: has no [{}]; {}", origin, name,
                            own_file ? "write [balancer] with plugin = \"NAME\", or name the "
                                       "section of a cluster's file with --section"
                                     : "--section names a section that the file has"));
  auto* table = std::get_if<config_table>(&entry->value.value);
  if (!table)
    return fail_at(entry->value.where,
                   fmt::format("{} takes a table, found {}", name, entry->value.describe()));
  if (own_file)
    if (auto known = check_keys(*root, {"balancer"}, ""); !known)
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

} // namespace atl::compare
