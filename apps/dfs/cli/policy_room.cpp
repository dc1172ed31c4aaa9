#include "cli/policy_room.hpp"

#include <atoll/core/loaded_plugin.hpp>
#include <atoll/node/plugin_host.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace dfs::cli {

namespace {

using atl::errc;
using atl::spi::plugin_kind;

/// Values of an option that are tried for a better one.
constexpr std::int64_t values_tried_max = 64;

/// The storage nodes that take data, by their zones.
struct room {
  std::uint64_t registered = 0; ///< storage nodes, whether or not they take data
  std::uint64_t nodes = 0;      ///< storage nodes that take data
  std::map<std::string, std::uint64_t> by_zone;
  std::uint64_t without_zone = 0;

  /// How many fragments of a chunk the nodes can have, if each zone has so many at most.
  std::uint64_t places(std::uint64_t per_zone) const {
    auto count = without_zone;
    for (const auto& [zone, in_zone] : by_zone)
      count += std::min(in_zone, per_zone);
    return count;
  }
  /// A cluster that has no zones, or one alone, has nothing to spread over; and of copies in two
  /// zones one is left.
  bool has_zones_for(const atl::spi::recovery& scheme) const {
    auto layout = scheme.layout();
    return by_zone.size() < 2 || layout.identical ||
           places(scheme.per_domain_max()) >= layout.total;
  }
  bool is_enough_for(const atl::spi::recovery& scheme) const {
    return nodes >= scheme.layout().total && has_zones_for(scheme);
  }
};

/// The nodes that get no new data.
atl::result<std::set<storage_id>> leaving_nodes(control& masters) {
  std::set<storage_id> leaving;
  for (auto after = no_storage;;) {
    auto page = masters.query(queries::summary{after});
    if (!page)
      return tl::unexpected{page.error()};
    for (const auto& node : page->storages)
      if (node.state != storage_state::active)
        leaving.insert(node.id);
    if (!page->more || page->storages.empty())
      return leaving;
    after = page->storages.back().id;
  }
}

atl::result<room> find_room(control& masters) {
  auto cluster = masters.cluster_info();
  if (!cluster)
    return tl::unexpected{cluster.error()};
  auto leaving = leaving_nodes(masters);
  if (!leaving)
    return tl::unexpected{leaving.error()};
  room found;
  found.registered = cluster->storages.size();
  for (const auto& node : cluster->storages) {
    if (leaving->contains(node.target.id))
      continue;
    ++found.nodes;
    if (node.zone.empty())
      ++found.without_zone;
    else
      ++found.by_zone[node.zone];
  }
  return found;
}

/// The largest smaller value of an option with which the scheme would do, as `k=5`; none: no value
/// of this option alone is enough.
std::optional<std::string> smaller_value(const atl::plugin& plugin,
                                         const atl::spi::options& options, const std::string& name,
                                         const room& there) {
  auto now = options.integer(name);
  for (auto value = now - 1; value > 0 && now - value <= values_tried_max; --value) {
    auto scheme = plugin.create_recovery(options.with(name, value));
    if (scheme && there.is_enough_for(**scheme))
      return fmt::format("{}={}", name, value);
  }
  return std::nullopt;
}

/// What would do instead, as a part of a sentence.
std::string proposals(const atl::plugin& plugin, const atl::spi::options& options,
                      const room& there) {
  std::vector<std::string> values;
  for (const auto& option : plugin.options())
    if (option.type == atl::spi::option_type::integer && options.values().contains(option.name))
      if (auto value = smaller_value(plugin, options, option.name, there))
        values.push_back(*value);
  return values.empty() ? std::string{} : fmt::format(", such as {}", fmt::join(values, " or "));
}

std::string describe(const room& there) {
  if (there.nodes == there.registered)
    return fmt::format("the cluster has {}", there.nodes);
  return fmt::format("of the cluster's {} only {} take data: the others are drained or lost",
                     there.registered, there.nodes);
}

atl::error too_few_nodes(const room& there, std::uint32_t fragments, const std::string& instead) {
  return {errc::refused,
          fmt::format("the policy stores each chunk as {} fragments on as many storage nodes, and "
                      "{}; add storage nodes, or choose options that make at most {} fragments{}",
                      fragments, describe(there), there.nodes, instead)};
}

atl::error too_few_zones(const room& there, const atl::spi::recovery& scheme,
                         const std::string& instead) {
  auto fragments = scheme.layout().total;
  auto per_zone = scheme.per_domain_max();
  auto needed = per_zone;
  while (there.places(needed) < fragments)
    ++needed;
  auto places = there.places(per_zone);
  return {errc::refused,
          fmt::format("the policy stores each chunk as {} fragments, of which one zone may have {} "
                      "so that its loss loses no data, and so the storage nodes in {} zones have "
                      "room for {}: add storage nodes in other zones, or choose options that make "
                      "at most {} fragments, or that survive the loss of {}{}",
                      fragments, per_zone, there.by_zone.size(), places, places, needed, instead)};
}

} // namespace

atl::status check_room(control& masters, const cluster_settings& settings, const policy& wanted) {
  auto there = find_room(masters);
  if (!there)
    return tl::unexpected{there.error()};
  auto plugin =
      atl::node::make_loader(settings.plugin_path).load(plugin_kind::recovery, wanted.recovery);
  if (!plugin)
    return tl::unexpected{plugin.error()};
  auto scheme = (*plugin)->create_recovery(wanted.recovery_options);
  if (!scheme)
    return tl::unexpected{scheme.error()};
  if (there->is_enough_for(**scheme))
    return {};
  auto instead = proposals(**plugin, wanted.recovery_options, *there);
  return there->nodes < wanted.fragments
             ? tl::unexpected{too_few_nodes(*there, wanted.fragments, instead)}
             : tl::unexpected{too_few_zones(*there, **scheme, instead)};
}

} // namespace dfs::cli
