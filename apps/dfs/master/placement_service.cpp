#include "master/placement_service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs {

namespace {

constexpr std::size_t uploads_max = 100'000;

} // namespace

placement_service::placement_service(std::shared_ptr<atl::spi::balancer> balancer,
                                     std::shared_ptr<const atl::spi::recovery> recovery,
                                     std::uint64_t seed, std::string balancer_name)
    : nodes_{std::move(balancer), std::move(balancer_name), seed}, recovery_{std::move(recovery)},
      layout_{recovery_->layout()}, random_{seed} {}

atl::result<protocol::allocate_response>
placement_service::place(const protocol::allocate_request& request,
                         const storage_registry& registry, std::uint64_t now_us,
                         std::uint64_t gc_watermark_us, steady_time now) {
  if (uploads_.size() >= uploads_max && !uploads_.contains(request.upload))
    return atl::fail(atl::errc::busy, "too many uploads are under way; try again");
  auto per_node = recovery_->fragment_size(request.chunk_bytes, 0);
  if (auto known = uploads_.find(request.upload); known != uploads_.end())
    settle(known->second, request.avoid, now);
  protocol::allocate_response answer;
  std::vector<storage_id> chosen;
  for (std::uint32_t i = 0; i < request.chunks; ++i) {
    protocol::placement placed;
    placed.chunk.made_us = std::max({now_us, gc_watermark_us + 1, last_made_us_});
    placed.chunk.random = random_.next();
    last_made_us_ = placed.chunk.made_us;
    auto targets =
        nodes_.choose(placed.chunk.random, layout_.total, per_node, request.avoid, registry, now);
    if (!targets)
      return tl::unexpected{targets.error()};
    if (targets->size() < layout_.min_write)
      return tl::unexpected{shortage(request, registry, per_node, targets->size(), now)};
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
  for (auto node : chosen)
    nodes_.begin(node);
  upload.nodes = std::move(chosen);
  upload.chunks = request.chunks;
  return answer;
}

/// Clients store the chunks of a request about one after the other.
void placement_service::settle(upload& it, const std::vector<storage_id>& failed, steady_time now) {
  auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - it.placed) / it.chunks;
  for (auto node : std::exchange(it.nodes, {}))
    nodes_.finish(node, {std::ranges::count(failed, node) == 0, took}, now);
}

void placement_service::finish(std::uint64_t upload, steady_time now) {
  auto known = uploads_.find(upload);
  if (known == uploads_.end())
    return;
  settle(known->second, {}, now);
  uploads_.erase(known);
}

atl::error placement_service::shortage(const protocol::allocate_request& request,
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
    if (!registry.healthy(node, now) || std::ranges::count(request.avoid, node.id) > 0)
      continue;
    if (node.last.free_bytes < bytes_per_node) {
      ++full;
      continue;
    }
    ++able;
    if (node.last.weight == 0)
      ++weightless;
  }
  if (able >= layout_.min_write)
    return {
        atl::errc::refused,
        fmt::format(
            "the balancer '{}' chose only {} of the {} storage nodes that can take a "
            "chunk, and it goes to at least {}: {}",
            nodes_.name(), picked, able, layout_.min_write,
            weightless > 0
                ? fmt::format("the weight of {} is 0; raise node.weight in their files", weightless)
                : std::string{"look at placement.options, or choose another balancer"})};
  auto down = known - able - full;
  auto numbers = fmt::format("a chunk of {} bytes goes to at least {} storage nodes and only {} of "
                             "{} can take one: {} have no space left for it, {} are down",
                             request.chunk_bytes, layout_.min_write, able, known, full, down);
  if (full > 0 && able + full >= layout_.min_write)
    return {atl::errc::no_space,
            numbers + "; free space on them, or add storage nodes ('dfs status' shows which)"};
  return {atl::errc::unavailable,
          numbers + "; start the others, or free space on them ('dfs status' shows which)"};
}

std::string placement_service::shortage_of_nodes(std::uint64_t chunk_bytes,
                                                 const storage_registry& registry,
                                                 steady_time now) const {
  auto per_node = recovery_->fragment_size(chunk_bytes, 0);
  auto able = static_cast<std::size_t>(std::ranges::count_if(registry.nodes(), [&](auto& entry) {
    auto& node = entry.second;
    return registry.healthy(node, now) && node.last.free_bytes >= per_node;
  }));
  if (able >= layout_.min_write)
    return {};
  return shortage({0, 1, chunk_bytes, {}}, registry, per_node, able, now).message;
}

bool placement_service::lacks_space(const storage_registry& registry, std::uint64_t chunk_bytes,
                                    steady_time now) const {
  auto needed = recovery_->fragment_size(chunk_bytes, 0);
  std::size_t full = 0;
  std::size_t able = 0;
  for (const auto& [name, node] : registry.nodes())
    if (node.id != no_storage && registry.healthy(node, now))
      ++(node.last.free_bytes < needed ? full : able);
  return full > 0 && able < layout_.total;
}

void placement_service::renew(const protocol::renew_request& request, std::uint64_t now_us,
                              steady_time now) {
  if (auto known = uploads_.find(request.upload); known != uploads_.end()) {
    known->second.seen = now;
    return;
  }
  if (uploads_.size() < uploads_max)
    uploads_[request.upload] = {std::clamp<std::uint64_t>(request.began_us, 1, now_us), now};
}

std::optional<std::uint64_t> placement_service::oldest_upload(steady_time now,
                                                              std::chrono::microseconds grace) {
  std::erase_if(uploads_, [&](auto& entry) {
    if (now - entry.second.seen <= grace)
      return false;
    for (auto node : entry.second.nodes)
      nodes_.cancel(node);
    return true;
  });
  std::optional<std::uint64_t> oldest;
  for (auto& [id, entry] : uploads_)
    oldest = std::min(oldest.value_or(entry.began_us), entry.began_us);
  return oldest;
}

} // namespace dfs
