#include "plugin_view.hpp"

#include <atoll/core/plugin_options.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace fs = std::filesystem;

namespace {

using row = std::array<std::string, 5>;

/// Keeps keys in the order of insertion.
using json = nlohmann::ordered_json;

/// A file's name may hold any bytes, a JSON text only UTF-8.
std::string dump(const json& value) {
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string version_text(const atl::spi::interface_version& version) {
  return fmt::format("{}.{}", version.major, version.minor);
}

/// Columns are as wide as their widest cell; lines have no trailing spaces.
std::string table(const std::vector<row>& rows) {
  std::array<std::size_t, std::tuple_size_v<row>> widths{};
  for (auto& cells : rows)
    for (std::size_t i = 0; i < cells.size(); ++i)
      widths[i] = std::max(widths[i], cells[i].size());
  std::string out;
  for (auto& cells : rows) {
    for (std::size_t i = 0; i + 1 < cells.size(); ++i)
      out += fmt::format("{:<{}}  ", cells[i], widths[i]);
    out += cells.back() + "\n";
  }
  return out;
}

/// Only members of a group compare options, and only those of their consensus plugin.
bool must_agree(const atl::plugin& plugin, const atl::spi::option_spec& option) {
  return plugin.kind() == atl::spi::plugin_kind::consensus &&
         option.scope == atl::spi::option_scope::group;
}

std::string option_text(const atl::plugin& plugin, const atl::spi::option_spec& option,
                        std::size_t width) {
  auto range = atl::option_range(option);
  auto value = atl::parse_option(option.type, option.default_value);
  auto shown = value ? atl::option_toml(*value, option.type) : std::string{option.default_value};
  return fmt::format("  {:<{}}  {}, {}default {}{}\n  {:<{}}  {}\n", option.name, width,
                     atl::to_string(option.type), range.empty() ? "" : range + ", ", shown,
                     must_agree(plugin, option) ? "; must agree in a group" : "", "", width,
                     option.meaning);
}

json options_json(const atl::plugin& plugin) {
  auto out = json::array();
  for (auto& option : plugin.options()) {
    out.push_back({{"name", option.name},
                   {"type", atl::to_string(option.type)},
                   {"default", option.default_value},
                   {"minimum", option.minimum},
                   {"maximum", option.maximum},
                   {"meaning", option.meaning}});
    if (plugin.kind() == atl::spi::plugin_kind::consensus)
      out.back()["must_agree"] = must_agree(plugin, option);
  }
  return out;
}

} // namespace

std::string list_text(const std::vector<atl::plugin_file>& files,
                      const std::vector<fs::path>& folders) {
  std::vector<row> rows{{"KIND", "NAME", "VERSION", "SPI", "FILE"}};
  std::string refused;
  for (auto& file : files) {
    if (!file.refusal.empty())
      refused += fmt::format("  {}\n", file.refusal);
    else if (auto& plugin = file.identity)
      rows.push_back({std::string{atl::to_string(plugin->kind)}, plugin->name, plugin->version,
                      version_text(plugin->interface), file.path.string()});
  }
  std::string out;
  if (rows.size() > 1)
    out = table(rows);
  else
    for (auto& folder : folders)
      out += fmt::format("no plugins in {}\n", folder.string());
  if (!refused.empty())
    out += "\nRefused:\n" + refused;
  return out;
}

std::string list_json(const std::vector<atl::plugin_file>& files,
                      const std::vector<fs::path>& folders) {
  json out{{"search_path", json::array()}, {"plugins", json::array()}, {"refused", json::array()}};
  for (auto& folder : folders)
    out["search_path"].push_back(folder.string());
  for (auto& file : files) {
    json entry{{"file", file.path.string()}};
    if (auto& plugin = file.identity) {
      entry["kind"] = atl::to_string(plugin->kind);
      entry["name"] = plugin->name;
      entry["version"] = plugin->version;
      entry["spi"] = version_text(plugin->interface);
      entry["abi"] = plugin->abi;
    }
    if (!file.refusal.empty())
      entry["reason"] = file.refusal;
    out[file.refusal.empty() ? "plugins" : "refused"].push_back(std::move(entry));
  }
  return dump(out);
}

std::string show_text(const atl::plugin& plugin) {
  auto& about = plugin.descriptor();
  auto out = fmt::format("{} {}, a {} plugin\n{}\n\n", plugin.name(), plugin.version(),
                         atl::to_string(plugin.kind()), about.summary);
  out += fmt::format("File      {}\nLicence   {}\nSPI       {} {}, {}\n", plugin.file().string(),
                     about.licence, atl::to_string(plugin.kind()), version_text(about.interface),
                     about.abi);
  if (plugin.kind() == atl::spi::plugin_kind::consensus)
    out += fmt::format("Protocol  {}\n", to_string(about.protocol_versions));
  out += "\nClaims\n";
  for (auto& claim : plugin.claims())
    out += fmt::format("  {} = {}\n", claim.name, claim.value);
  if (plugin.claims().empty())
    out += "  none\n";
  out += "\nOptions\n";
  std::size_t width = 0;
  for (auto& option : plugin.options())
    width = std::max(width, std::string_view{option.name}.size());
  for (auto& option : plugin.options())
    out += option_text(plugin, option, width);
  if (plugin.options().empty())
    out += "  none\n";
  return out;
}

std::string show_json(const atl::plugin& plugin) {
  auto& about = plugin.descriptor();
  auto claims = json::object();
  for (auto& claim : plugin.claims())
    claims[claim.name] = claim.value;
  json out{{"kind", atl::to_string(plugin.kind())},
           {"name", plugin.name()},
           {"version", plugin.version()},
           {"summary", about.summary},
           {"licence", about.licence},
           {"spi", version_text(about.interface)},
           {"abi", about.abi},
           {"file", plugin.file().string()},
           {"claims", claims},
           {"options", options_json(plugin)}};
  if (plugin.kind() == atl::spi::plugin_kind::consensus)
    out["protocol_versions"] = {{"min", about.protocol_versions.min},
                                {"max", about.protocol_versions.max}};
  return dump(out);
}
