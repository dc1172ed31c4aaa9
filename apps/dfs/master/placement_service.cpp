#include "master/placement_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace dfs {

namespace {

constexpr std::size_t uploads_max = 100'000;

} // namespace

void placement_service::add_policy(policy_id id, placement_plugins plugins,
                                   const storage_registry& registry, steady_time now) {
  auto layout = plugins.recovery->layout();
  auto per_zone_max = plugins.recovery->per_domain_max();
  auto [entry, is_new] = domains_.try_emplace(
      id, domain{placement_pool{std::move(plugins.balancer), std::move(plugins.balancer_name),
                                seed_ ^ id, pool_},
                 std::move(plugins.recovery), layout, per_zone_max});
  if (is_new)
    for (auto& [name, node] : registry.nodes())
      entry->second.nodes.on_report(name, node, registry, now);
}

const placement_service::domain* placement_service::find(policy_id policy) const {
  auto known = domains_.find(policy);
  return known == domains_.end() ? nullptr : &known->second;
}

void placement_service::on_report(const std::string& name, const storage_registry::node& node,
                                  const storage_registry& registry, steady_time now) {
  for (auto& [id, domain] : domains_)
    domain.nodes.on_report(name, node, registry, now);
}

atl::result<protocol::allocate_response>
placement_service::place(const protocol::allocate_request& request,
                         const storage_registry& registry, std::uint64_t now_us,
                         std::uint64_t gc_watermark_us, steady_time now) {
  auto known = domains_.find(request.policy);
  if (known == domains_.end())
    return atl::fail(atl::errc::refused, fmt::format("there is no policy {}", request.policy));
  auto& domain = known->second;
  if (uploads_.size() >= uploads_max && !uploads_.contains(request.upload))
    return atl::fail(atl::errc::busy, "too many uploads are under way; try again");
  auto per_node = domain.recovery->fragment_size(request.chunk_bytes, 0);
  if (auto known = uploads_.find(request.upload); known != uploads_.end())
    settle(known->second, request.avoid, now);
  auto avoid = avoidable(domain, request, registry, per_node, now);
  protocol::allocate_response answer;
  std::vector<storage_id> chosen;
  for (std::uint32_t i = 0; i < request.chunks; ++i) {
    protocol::placement placed;
    placed.chunk.made_us = std::max({now_us, gc_watermark_us + 1, last_made_us_});
    placed.chunk.random = random_.next();
    last_made_us_ = placed.chunk.made_us;
    auto targets = domain.nodes.choose(placed.chunk.random, domain.layout.total, per_node,
                                       domain.per_zone_max, avoid, registry, now);
    if (targets && targets->size() < domain.layout.min_write && !avoid.empty()) {
      avoid.clear(); // this balancer doesn't pick enough of the others
      targets = domain.nodes.choose(placed.chunk.random, domain.layout.total, per_node,
                                    domain.per_zone_max, avoid, registry, now);
    }
    if (!targets)
      return tl::unexpected{targets.error()};
    if (targets->size() < domain.layout.min_write)
      return tl::unexpected{
          shortage(domain, request.chunk_bytes, registry, per_node, targets->size(), now)};
    for (auto& target : *targets)
      chosen.push_back(target.id);
    placed.targets = std::move(*targets);
    answer.placements.push_back(std::move(placed));
  }
  auto [entry, is_new] = uploads_.try_emplace(request.upload);
  auto& upload = entry->second;
  if (is_new)
    upload.began_us = answer.placements.front().chunk.made_us;
  upload.seen = upload.placed = now;
  upload.policy = request.policy;
  for (auto node : chosen)
    domain.nodes.begin(node);
  upload.nodes = std::move(chosen);
  upload.chunks = request.chunks;
  return answer;
}

/// Clients store the chunks of a request about one after the other.
void placement_service::settle(upload& it, const std::vector<storage_id>& failed, steady_time now) {
  auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - it.placed) / it.chunks;
  auto domain = domains_.find(it.policy);
  for (auto node : std::exchange(it.nodes, {}))
    if (domain != domains_.end())
      domain->second.nodes.finish(node, {std::ranges::count(failed, node) == 0, took}, now);
}

void placement_service::finish(std::uint64_t upload, steady_time now) {
  auto known = uploads_.find(upload);
  if (known == uploads_.end())
    return;
  settle(known->second, {}, now);
  uploads_.erase(known);
}

std::vector<storage_id> placement_service::avoidable(const domain& of,
                                                     const protocol::allocate_request& request,
                                                     const storage_registry& registry,
                                                     std::uint64_t bytes_per_node,
                                                     steady_time now) const {
  auto avoid = request.avoid;
  std::set<storage_id> avoided(avoid.begin(), avoid.end());
  std::set<storage_id> able; // of these
  std::size_t others = 0;
  for (const auto& [name, node] : registry.nodes())
    if (registry.healthy(node, now) && node.last.free_bytes >= bytes_per_node &&
        node.last.weight > 0) {
      if (avoided.contains(node.id))
        able.insert(node.id);
      else
        ++others;
    }
  for (; !avoid.empty() && others < of.layout.min_write; avoid.pop_back())
    others += able.erase(avoid.back());
  return avoid;
}

atl::error placement_service::shortage(const domain& of, std::uint64_t chunk_bytes,
                                       const storage_registry& registry,
                                       std::uint64_t bytes_per_node, std::size_t picked,
                                       steady_time now) const {
  std::size_t known = 0;
  std::size_t full = 0;
  std::size_t able = 0;
  std::size_t weightless = 0;
  for (const auto& [name, node] : registry.nodes()) {
    if (node.id == no_storage)
      continue;
    ++known;
    if (!registry.healthy(node, now))
      continue;
    if (node.last.free_bytes < bytes_per_node) {
      ++full;
      continue;
    }
    ++able;
    if (node.last.weight == 0)
      ++weightless;
  }
  if (able >= of.layout.min_write)
    return {
        atl::errc::refused,
        fmt::format(
            "the balancer '{}' chose only {} of the {} storage nodes that can take a "
            "chunk, and it goes to at least {}: {}",
            of.nodes.name(), picked, able, of.layout.min_write,
            weightless > 0
                ? fmt::format("the weight of {} is 0; raise node.weight in their files", weightless)
                : std::string{"look at placement.options, or choose another balancer"})};
  auto down = known - able - full;
  auto numbers = fmt::format("a chunk of {} bytes goes to at least {} storage nodes and only {} of "
                             "{} can take one: {} have no space left for it, {} are down",
                             chunk_bytes, of.layout.min_write, able, known, full, down);
  if (full > 0 && able + full >= of.layout.min_write)
    return {atl::errc::no_space,
            numbers + "; free space on them, or add storage nodes ('dfs status' shows which)"};
  return {atl::errc::unavailable,
          numbers + "; start the others, or free space on them ('dfs status' shows which)"};
}

std::string placement_service::shortage_of_nodes(policy_id policy, std::uint64_t chunk_bytes,
                                                 const storage_registry& registry,
                                                 steady_time now) const {
  auto* domain = find(policy);
  if (!domain)
    return "the root has no policy yet, which the leading master defines";
  auto& of = *domain;
  auto per_node = of.recovery->fragment_size(chunk_bytes, 0);
  auto able = static_cast<std::size_t>(std::ranges::count_if(registry.nodes(), [&](auto& entry) {
    auto& node = entry.second;
    return registry.healthy(node, now) && node.last.free_bytes >= per_node;
  }));
  if (able >= of.layout.min_write)
    return {};
  return shortage(of, chunk_bytes, registry, per_node, able, now).message;
}

bool placement_service::lacks_space(policy_id policy, std::uint64_t chunk_bytes,
                                    const storage_registry& registry, steady_time now) const {
  auto* domain = find(policy);
  if (!domain)
    return false;
  auto needed = domain->recovery->fragment_size(chunk_bytes, 0);
  std::size_t full = 0;
  std::size_t able = 0;
  for (const auto& [name, node] : registry.nodes())
    if (node.id != no_storage && registry.healthy(node, now))
      ++(node.last.free_bytes < needed ? full : able);
  return full > 0 && able < domain->layout.total;
}

void placement_service::renew(const protocol::renew_request& request, std::uint64_t now_us,
                              steady_time now) {
  if (auto known = uploads_.find(request.upload); known != uploads_.end()) {
    known->second.seen = now;
    return;
  }
  if (uploads_.size() < uploads_max)
    uploads_[request.upload] = {no_policy, std::clamp<std::uint64_t>(request.began_us, 1, now_us),
                                now};
}

std::optional<std::uint64_t> placement_service::oldest_upload(steady_time now,
                                                              std::chrono::microseconds grace) {
  std::erase_if(uploads_, [&](auto& entry) {
    if (now - entry.second.seen <= grace)
      return false;
    if (auto domain = domains_.find(entry.second.policy); domain != domains_.end())
      for (auto node : entry.second.nodes)
        domain->second.nodes.cancel(node);
    return true;
  });
  std::optional<std::uint64_t> oldest;
  for (auto& [id, entry] : uploads_)
    oldest = std::min(oldest.value_or(entry.began_us), entry.began_us);
  return oldest;
}

void placement_service::add_metrics(atl::metric_set& into) const {
  into.gauge("dfs_master_uploads", "Uploads under way that this master knows of.",
             static_cast<double>(uploads_.size()));
  for (auto& [policy, domain] : domains_)
    domain.nodes.add_metrics(fmt::format("placement-{}", policy), into);
}

} // namespace dfs
