#include "settings/plugins.hpp"

#include <atoll/core/plugin_options.hpp>

#include <fmt/format.h>

namespace dfs {

namespace {

using atl::spi::plugin_kind;

/// Collects errors, so that an operator sees all of them at once.
class config_errors {
 public:
  void add(const std::string& what) { text_ += (text_.empty() ? "" : "\n") + what; }
  atl::status finish() const {
    return text_.empty() ? atl::status{} : atl::fail(atl::errc::invalid, text_);
  }

 private:
  std::string text_;
};

template <class T>
atl::result<T> at_place(atl::result<T> made, const std::string& place) {
  if (made)
    return made;
  return atl::fail(made.error(), place);
}

/// A host asks a new scheme for its layout first.
atl::status try_recovery(const loaded_plugin& recovery) {
  auto made = recovery.create_recovery();
  if (!made)
    return tl::unexpected{made.error()};
  auto threw = [&](std::string_view what) {
    return atl::fail(atl::errc::refused,
                     fmt::format("{}: {} ({}) threw from its layout: {}", recovery.place,
                                 recovery.plugin->title(), recovery.plugin->file().string(), what));
  };
  try {
    (*made)->layout();
    return {};
  } catch (const std::exception& problem) {
    return threw(problem.what());
  } catch (...) {
    return threw("something that is no std::exception");
  }
}

atl::status try_balancer(const loaded_plugin& balancer) {
  auto made = balancer.create_balancer(1);
  return made ? atl::status{} : tl::unexpected{made.error()};
}

void announce_creation(const loaded_plugin& plugin, const atl::announce_step& announce) {
  announce({fmt::format("{}: {}", plugin.place, plugin.plugin->file().string()),
            "creating an instance"});
}

} // namespace

atl::result<std::shared_ptr<atl::spi::balancer>>
loaded_plugin::create_balancer(std::uint64_t seed) const {
  return at_place(plugin->create_balancer(options, seed), place);
}

atl::result<std::shared_ptr<atl::spi::consensus>>
loaded_plugin::create_consensus(const atl::spi::consensus_setup& setup) const {
  return at_place(
      plugin->create_consensus({options, setup.self, setup.voters, setup.seed, setup.incarnation}),
      place);
}

atl::result<std::shared_ptr<atl::spi::recovery>> loaded_plugin::create_recovery() const {
  return at_place(plugin->create_recovery(options), place);
}

protocol::plugin_choice loaded_plugin::choice() const {
  return {std::string{plugin->name()}, std::string{plugin->version()}, options};
}

std::string loaded_plugin::text() const {
  return fmt::format("{} {} {{{}}}", plugin->name(), plugin->version(), options_text());
}

atl::consensus_identity loaded_plugin::identity() const {
  return atl::identity_of(plugin->descriptor(), options);
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

atl::result<loaded_plugins> load_plugins(const atl::config& config, const cluster_settings& cluster,
                                         const atl::announce_step& announce) {
  auto loader = make_loader(cluster);
  config_errors found;
  auto load = [&](plugin_kind kind, const plugin_entry& entry, std::string_view key) {
    loaded_plugin loaded;
    loaded.place = fmt::format("{}: {}", config.where(key), key);
    auto plugin = loader.load(kind, entry.name, [&](const std::filesystem::path& library) {
      announce({fmt::format("{}: {}", loaded.place, library.string()), "loading"});
    });
    if (!plugin) {
      found.add(fmt::format("{}: {}", loaded.place, plugin.error().message));
      return loaded;
    }
    auto options = (*plugin)->check_options(config.plugin_options(entry.options_key));
    if (!options) {
      found.add(options.error().message);
      return loaded;
    }
    loaded.plugin = *plugin;
    loaded.options = *options;
    return loaded;
  };
  loaded_plugins all;
  all.consensus = load(plugin_kind::consensus, cluster.consensus, "consensus.plugin");
  all.placement = load(plugin_kind::balancer, cluster.placement, "placement.balancer");
  all.reads = load(plugin_kind::balancer, cluster.reads, "reads.balancer");
  all.recovery = load(plugin_kind::recovery, cluster.recovery, "recovery.plugin");
  if (auto fine = found.finish(); !fine)
    return tl::unexpected{fine.error()};
  return all;
}

atl::status try_plugins(const loaded_plugins& plugins, const atl::announce_step& announce) {
  config_errors found;
  auto attempt = [&](const loaded_plugin& each, auto create) {
    announce_creation(each, announce);
    if (auto fine = create(each); !fine)
      found.add(fine.error().message);
  };
  attempt(plugins.placement, try_balancer);
  attempt(plugins.reads, try_balancer);
  attempt(plugins.recovery, try_recovery);
  return found.finish();
}

atl::status try_consensus(const loaded_plugins& plugins, const cluster_settings& cluster,
                          const atl::announce_step& announce) {
  std::vector<atl::spi::replica_id> voters;
  for (auto& master : cluster.masters)
    if (!master.joins)
      voters.push_back(master.id);
  auto& consensus = plugins.consensus;
  announce_creation(consensus, announce);
  auto made = consensus.create_consensus({consensus.options, voters.front(), voters, 1, 1});
  return made ? atl::status{} : tl::unexpected{made.error()};
}

} // namespace dfs
