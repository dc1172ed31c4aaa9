#include "target_picker.hpp"

#include <algorithm>
#include <exception>
#include <limits>

namespace atl::keep {

void target_picker::update(pool& of, spi::balancer& balancer) {
  of.nodes.clear();
  std::vector<spi::member> members;
  for (const auto& [id, node] : nodes_.all()) {
    if (node.is_lost() || !node.has_heard)
      continue;
    of.nodes.push_back(&node);
    members.push_back({id, node.last.domain, node.last.weight, node.last.capacity_bytes});
  }
  auto count = members.size();
  of.available.assign(count, 0);
  of.domain.assign(count, 0);
  of.in_flight.assign(count, 0);
  of.reported.assign(count, 0);
  of.latency.assign(count, 0);
  of.free_bytes.assign(count, 0);
  for (std::size_t i = 0; i < count; ++i)
    of.domain[i] = members[i].domain;
  balancer.update(members);
  of.version = nodes_.members_version();
}

bool target_picker::has_fragment(const wish& wanted, node_id node) const {
  for (std::uint32_t i = 0; i < wanted.unit.nodes.size(); ++i)
    if (wanted.unit.nodes[i] == node && !(wanted.may_stay && i == wanted.fragment))
      return true;
  return tasks_.is_target(wanted.unit.id, node);
}

/// Leaves the nodes in those failure domains that have the fewest other fragments of the unit.
void target_picker::close_fuller_domains(pool& of, const wish& wanted) const {
  std::map<std::uint32_t, std::uint32_t> fragments_in;
  auto count = [&](node_id node) {
    auto* known = nodes_.find(node);
    if (known && !known->is_lost())
      ++fragments_in[known->last.domain];
  };
  for (std::uint32_t i = 0; i < wanted.unit.nodes.size(); ++i)
    if (i != wanted.fragment)
      count(wanted.unit.nodes[i]);
  for (auto target : tasks_.targets_of(wanted.unit.id))
    count(target);
  auto fewest = std::numeric_limits<std::uint32_t>::max();
  for (std::size_t i = 0; i < of.nodes.size(); ++i)
    if (of.available[i] != 0)
      fewest = std::min(fewest, fragments_in[of.domain[i]]);
  for (std::size_t i = 0; i < of.nodes.size(); ++i)
    if (fragments_in[of.domain[i]] > fewest)
      of.available[i] = 0;
}

target_picker::choice target_picker::pick(policy_id policy, spi::balancer& balancer,
                                          const wish& wanted, spi::timestamp now) {
  auto& pool = pools_[policy];
  try {
    if (pool.version != nodes_.members_version())
      update(pool, balancer);
    auto is_any_busy = false;
    auto is_any_free = false;
    for (std::size_t i = 0; i < pool.nodes.size(); ++i) {
      const auto& node = *pool.nodes[i];
      auto room = node.last.free_bytes - std::min(node.last.free_bytes, tasks_.bytes_in(node.id));
      auto is_able = node.can_receive() && room >= wanted.bytes && node.last.weight > 0 &&
                     !wanted.is_excluded(node) && !has_fragment(wanted, node.id);
      auto is_busy = is_able && wanted.is_busy(node);
      is_any_busy = is_any_busy || is_busy;
      is_any_free = is_any_free || (is_able && !is_busy);
      pool.available[i] = is_able ? 1 : 0;
      pool.free_bytes[i] = room;
      pool.in_flight[i] = tasks_.in(node.id);
      pool.reported[i] = node.last.in_flight;
    }
    if (!is_any_busy && !is_any_free)
      return {outcome::none, no_node};
    if (!wanted.may_crowd)
      close_fuller_domains(pool, wanted);
    // Among the nodes in the best domains, those that can begin at once; if there are none, a good
    // place is worth waiting for.
    is_any_free = false;
    for (std::size_t i = 0; i < pool.nodes.size(); ++i) {
      if (pool.available[i] != 0 && wanted.is_busy(*pool.nodes[i]))
        pool.available[i] = 0;
      is_any_free = is_any_free || pool.available[i] != 0;
    }
    if (!is_any_free)
      return {outcome::busy, no_node};
    spi::pick_request request{wanted.unit.id.low ^ wanted.fragment, now, {}};
    spi::member_facts facts{pool.available, pool.domain,  pool.in_flight,
                            pool.reported,  pool.latency, pool.free_bytes};
    auto slot = balancer.pick(request, facts);
    if (slot == spi::no_slot)
      return {outcome::none, no_node};
    if (slot >= pool.nodes.size() || pool.available[slot] == 0) {
      problem_ = "the balancer of policy " + std::to_string(policy) +
                 " picked a node that isn't available";
      return {outcome::none, no_node};
    }
    problem_.clear();
    return {outcome::picked, pool.nodes[slot]->id};
  } catch (const std::exception& thrown) {
    problem_ = "the balancer of policy " + std::to_string(policy) + " threw: " + thrown.what();
    return {outcome::none, no_node};
  }
}

} // namespace atl::keep
