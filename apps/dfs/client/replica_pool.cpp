#include "client/replica_pool.hpp"

#include <algorithm>
#include <utility>

namespace dfs {

namespace {

/// A node that came back reads from its disk what it had in memory before.
constexpr std::chrono::seconds slow_start{2};

atl::spi::timestamp now() {
  return std::chrono::duration_cast<atl::spi::timestamp>(
      std::chrono::steady_clock::now().time_since_epoch());
}

} // namespace

replica_pool::replica_pool(std::shared_ptr<atl::spi::balancer> balancer, std::string name,
                           std::string zone, std::uint64_t seed)
    : pool_{std::move(balancer),
            std::move(name),
            {.slow_start = slow_start, .local_domain = std::move(zone), .seed = seed}} {}

atl::status replica_pool::update(const std::vector<protocol::storage_view>& nodes) {
  std::vector<atl::pool_member> members;
  for (auto& node : nodes)
    members.push_back({node.target.id, node.zone, node.weight, node.capacity_bytes, node.free_bytes,
                       node.healthy});
  return pool_.update(std::move(members), now());
}

atl::result<std::vector<std::uint32_t>> replica_pool::order(std::uint64_t key,
                                                            std::span<const storage_id> nodes) {
  std::vector<std::uint64_t> known;
  for (auto node : nodes)
    if (node != no_storage && pool_.contains(node))
      known.push_back(node);
  auto picks = pool_.order(key, known, now());
  if (!picks)
    return tl::unexpected{picks.error()};
  picks->insert(picks->end(), known.begin(), known.end());
  std::vector<std::uint32_t> indices;
  for (auto id : *picks)
    for (std::uint32_t index = 0; index < nodes.size(); ++index)
      if (nodes[index] == id && std::ranges::count(indices, index) == 0)
        indices.push_back(index);
  return indices;
}

void replica_pool::finish(storage_id node, bool ok, std::chrono::microseconds latency) {
  pool_.finish(node, {ok, latency}, now());
  if (!ok)
    pool_.set_available(node, false, now());
}

std::vector<storage_id> replica_pool::wanted_probes() {
  auto ids = pool_.wanted_probes(now());
  return {ids.begin(), ids.end()};
}

void replica_pool::on_probe(storage_id node, const atl::spi::probe_result& result) {
  pool_.on_probe(node, result, now());
}

} // namespace dfs
