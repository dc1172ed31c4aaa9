#include "master/placement_service.hpp"

#include <atoll/core/valid_picks.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dfs {

namespace {

constexpr std::size_t uploads_max = 100'000;

/// The picks that a chunk may go to: valid, and of a healthy node.
std::vector<std::size_t> healthy_picks(const std::vector<std::size_t>& picks,
                                       const std::vector<atl::spi::candidate>& candidates) {
  auto healthy = atl::valid_picks(picks, candidates.size());
  std::erase_if(healthy, [&](std::size_t pick) { return !candidates[pick].healthy; });
  return healthy;
}

} // namespace

placement_service::placement_service(std::shared_ptr<atl::spi::balancer> balancer,
                                     std::shared_ptr<const atl::spi::recovery> recovery,
                                     std::uint64_t seed, std::string balancer_name)
    : balancer_name_{std::move(balancer_name)}, balancer_{std::move(balancer)},
      recovery_{std::move(recovery)}, layout_{recovery_->layout()}, random_{seed} {}

atl::result<protocol::allocate_answer>
placement_service::place(const protocol::allocate_request& request,
                         const storage_registry& registry, std::uint64_t now_us,
                         std::uint64_t gc_watermark_us, steady_time now) {
  if (uploads_.size() >= uploads_max && !uploads_.contains(request.upload))
    return atl::fail(atl::errc::busy, "too many uploads are under way; try again");
  auto per_node = recovery_->fragment_size(request.chunk_bytes, 0);
  auto candidates = registry.candidates(request.avoid, per_node, now);
  protocol::allocate_answer answer;
  for (std::uint32_t i = 0; i < request.chunks; ++i) {
    protocol::placement placed;
    placed.chunk.made_us = std::max({now_us, gc_watermark_us + 1, last_made_us_});
    placed.chunk.random = random_.next();
    last_made_us_ = placed.chunk.made_us;
    auto picks = healthy_picks(balancer_->pick_many(candidates, layout_.total, placed.chunk.random),
                               candidates);
    if (picks.size() > layout_.total)
      picks.resize(layout_.total);
    if (picks.size() < layout_.min_write)
      return tl::unexpected{shortage(request, registry, per_node, picks.size(), now)};
    for (auto pick : picks) {
      auto* node = registry.find(static_cast<storage_id>(candidates[pick].id));
      placed.targets.push_back({node->id, node->last.name, node->last.bulk});
    }
    answer.placements.push_back(std::move(placed));
  }
  auto [entry, is_new] = uploads_.try_emplace(request.upload);
  if (is_new)
    entry->second.began_us = answer.placements.front().chunk.made_us;
  entry->second.seen = now;
  return answer;
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
            balancer_name_, picked, able, layout_.min_write,
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
  auto candidates = registry.candidates({}, per_node, now);
  auto able =
      static_cast<std::size_t>(std::ranges::count(candidates, true, &atl::spi::candidate::healthy));
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
  std::erase_if(uploads_, [&](auto& entry) { return now - entry.second.seen > grace; });
  std::optional<std::uint64_t> oldest;
  for (auto& [id, entry] : uploads_)
    oldest = std::min(oldest.value_or(entry.began_us), entry.began_us);
  return oldest;
}

} // namespace dfs
