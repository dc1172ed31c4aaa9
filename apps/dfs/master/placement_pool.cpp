#include "master/placement_pool.hpp"

#include <atoll/core/pool_metrics.hpp>

#include <chrono>
#include <utility>

namespace dfs {

namespace {

/// How often silent nodes are looked for; far less than it takes to call a node silent.
constexpr std::chrono::milliseconds look_interval{100};

atl::spi::timestamp stamp(steady_time now) {
  return std::chrono::duration_cast<atl::spi::timestamp>(now.time_since_epoch());
}

atl::pool_options with_seed(atl::pool_options options, std::uint64_t seed) {
  options.seed = seed;
  return options;
}

bool is_same_target(const protocol::storage_target& a, const protocol::storage_target& b) {
  return a.id == b.id && a.name == b.name && a.bulk == b.bulk;
}

} // namespace

placement_pool::placement_pool(std::shared_ptr<atl::spi::balancer> balancer, std::string name,
                               std::uint64_t seed, atl::pool_options options)
    : pool_{std::move(balancer), std::move(name), with_seed(std::move(options), seed)} {}

void placement_pool::on_report(const std::string& name, const storage_registry::node& node,
                               const storage_registry& registry, steady_time now) {
  if (auto known = ids_.find(name); known != ids_.end() && known->second != node.id)
    forget(name); // its data folder was replaced
  if (node.id == no_storage)
    return;
  auto& report = node.last;
  auto available = registry.healthy(node, now);
  atl::pool_member member{node.id,           report.zone, report.weight, report.capacity_bytes,
                          report.free_bytes, available};
  protocol::storage_target target{node.id, name, report.bulk};
  auto [found, is_new] = entries_.try_emplace(node.id, entry{member, target});
  auto& former = found->second.member;
  list_changed_ = list_changed_ || is_new || former.domain != member.domain ||
                  former.weight != member.weight || former.capacity != member.capacity;
  if (!is_same_target(found->second.target, target))
    found->second.target = target;
  former = std::move(member);
  ids_[name] = node.id;
  if (list_changed_)
    return;
  pool_.set_free_bytes(node.id, report.free_bytes);
  pool_.set_reported_in_flight(node.id, report.in_flight);
  pool_.set_available(node.id, available, stamp(now));
}

void placement_pool::forget(const std::string& name) {
  auto known = ids_.find(name);
  entries_.erase(known->second);
  ids_.erase(known);
  list_changed_ = true;
}

void placement_pool::look_for_silent_nodes(const storage_registry& registry, steady_time now) {
  if (now >= looked_ && now - looked_ < look_interval)
    return;
  looked_ = now;
  for (auto& [name, node] : registry.nodes())
    if (node.id != no_storage && !registry.healthy(node, now))
      pool_.set_available(node.id, false, stamp(now));
}

atl::status placement_pool::publish(const storage_registry& registry, steady_time now) {
  if (!list_changed_) {
    look_for_silent_nodes(registry, now);
    return {};
  }
  std::vector<atl::pool_member> members;
  for (auto& [id, entry] : entries_)
    members.push_back(entry.member);
  auto updated = pool_.update(std::move(members), stamp(now));
  if (!updated)
    return updated;
  list_changed_ = false;
  looked_ = {};
  for (auto& [name, node] : registry.nodes())
    pool_.set_reported_in_flight(node.id, node.last.in_flight);
  look_for_silent_nodes(registry, now);
  return {};
}

atl::result<std::vector<protocol::storage_target>>
placement_pool::choose(std::uint64_t key, std::size_t count, std::uint64_t bytes,
                       std::uint32_t per_zone_max, const std::vector<storage_id>& avoid,
                       const storage_registry& registry, steady_time now) {
  if (auto published = publish(registry, now); !published)
    return tl::unexpected{published.error()};
  auto excluded = pool_.with_less_space_than(bytes);
  excluded.insert(excluded.end(), avoid.begin(), avoid.end());
  auto picks = pool_.pick_many(key, count, stamp(now), excluded);
  if (!picks)
    return tl::unexpected{picks.error()};
  if (auto kept = keep_to_zones(*picks, std::move(excluded), per_zone_max, key, now); !kept)
    return tl::unexpected{kept.error()};
  std::vector<protocol::storage_target> targets;
  for (auto id : *picks)
    targets.push_back(entries_.at(static_cast<storage_id>(id)).target);
  return targets;
}

std::string placement_pool::zone_of(std::uint64_t node) const {
  auto& zone = entries_.at(static_cast<storage_id>(node)).member.domain;
  return zone.empty() ? "node " + std::to_string(node) : "zone " + zone;
}

/// A balancer spreads its picks over the zones as well as it can; but some members may have been
/// left to a second call. Replaces picks that are too many in their zone, as long as that can be
/// done with nodes of other zones.
atl::status placement_pool::keep_to_zones(std::vector<std::uint64_t>& picks,
                                          std::vector<std::uint64_t> excluded,
                                          std::uint32_t per_zone_max, std::uint64_t key,
                                          steady_time now) {
  std::map<std::string, std::uint32_t> picked;
  std::vector<std::size_t> too_many; ///< indexes of picks
  for (std::size_t i = 0; i < picks.size(); ++i)
    if (++picked[zone_of(picks[i])] > per_zone_max)
      too_many.push_back(i);
  for (auto index : too_many) {
    auto others = excluded;
    others.insert(others.end(), picks.begin(), picks.end());
    for (auto& [id, entry] : entries_)
      if (picked[zone_of(id)] >= per_zone_max)
        others.push_back(id);
    auto other = pool_.pick_many(key, 1, stamp(now), others);
    if (!other)
      return tl::unexpected{other.error()};
    if (other->empty())
      return {};
    --picked[zone_of(picks[index])];
    ++picked[zone_of(other->front())];
    picks[index] = other->front();
  }
  return {};
}

void placement_pool::finish(storage_id node, const atl::spi::outcome& result, steady_time now) {
  pool_.finish(node, result, stamp(now));
}

void placement_pool::add_metrics(const std::string& pool, atl::metric_set& into) const {
  atl::pool_figures figures{pool, pool_.name(),   pool_.plugin_errors(), pool_.size(),
                            0,    pool_.ejected()};
  std::size_t shown = 0;
  for (auto& [id, entry] : entries_) {
    auto available = pool_.contains(id) && entry.member.available;
    figures.available += available;
    if (shown++ < atl::pool_workers_shown_max)
      atl::add_worker_metrics(
          pool, entry.target.name,
          {id, available, pool_.is_ejected(id), pool_.in_flight(id), pool_.latency(id)}, into);
  }
  atl::add_metrics(figures, into);
}

} // namespace dfs
