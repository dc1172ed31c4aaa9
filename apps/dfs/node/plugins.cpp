#include "node/plugins.hpp"

#include <atoll/core/plugin_options.hpp>

#include <fmt/format.h>

namespace dfs {

namespace {

using atl::spi::plugin_kind;

} // namespace

protocol::plugin_choice loaded_plugin::choice() const {
  return {std::string{plugin->name()}, std::string{plugin->version()}, options};
}

std::string loaded_plugin::text() const {
  return fmt::format("{} {} {{{}}}", plugin->name(), plugin->version(), options_text());
}

std::string loaded_plugin::lasting_text() const {
  return fmt::format("{} {{{}}}", plugin->name(), options_text());
}

std::string loaded_plugin::options_text() const {
  std::string list;
  for (auto& spec : plugin->options()) {
    auto& value = options.values().at(spec.name);
    list += fmt::format("{}{} = {}", list.empty() ? "" : ", ", spec.name,
                        atl::option_toml(value, spec.type));
  }
  return list;
}

atl::plugin_loader make_loader(const cluster_settings& cluster) {
  if (cluster.plugin_path.empty())
    return atl::plugin_loader{};
  return atl::plugin_loader{cluster.plugin_path};
}

atl::result<loaded_plugins> load_plugins(const atl::config& config,
                                         const cluster_settings& cluster) {
  auto loader = make_loader(cluster);
  std::string mistakes;
  auto load = [&](plugin_kind kind, const plugin_entry& entry, std::string_view key) {
    loaded_plugin loaded;
    auto complain = [&](const std::string& what) {
      mistakes += (mistakes.empty() ? "" : "\n") + what;
    };
    auto found = loader.load(kind, entry.name);
    if (!found) {
      complain(fmt::format("{}: {}: {}", config.where(key), key, found.error().message));
      return loaded;
    }
    auto options = (*found)->check_options(config.plugin_options(entry.options_key));
    if (!options) {
      complain(options.error().message);
      return loaded;
    }
    loaded.plugin = *found;
    loaded.options = *options;
    return loaded;
  };
  loaded_plugins all;
  all.consensus = load(plugin_kind::consensus, cluster.consensus, "consensus.plugin");
  all.placement = load(plugin_kind::balancer, cluster.placement, "placement.balancer");
  all.reads = load(plugin_kind::balancer, cluster.reads, "reads.balancer");
  all.recovery = load(plugin_kind::recovery, cluster.recovery, "recovery.plugin");
  if (!mistakes.empty())
    return atl::fail(atl::errc::invalid, mistakes);
  return all;
}

} // namespace dfs
