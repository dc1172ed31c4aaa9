#pragma once

#include <atoll/keep/keeper.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace atl::keep {

/// A fragment on its way to a node, from the order until the state has its new place.
struct task {
  enum class purpose : std::uint8_t { repair, drain, rebalance };

  ticket id = 0;
  purpose why = purpose::repair;
  fragment_key key;
  unit_record unit;       ///< when the task began
  node_id from = no_node; ///< the place that the state has
  node_id to = no_node;   ///< may be the same: a damaged copy is replaced where it was
  std::vector<node_id> senders;
  std::uint64_t bytes = 0;
  std::uint32_t spare = 0; ///< of a repair: the losses that the unit could survive before
  spi::timestamp deadline{0};
  bool is_copied = false; ///< the target has the fragment; the relocation remains
};

/// The tasks under way.
class task_table {
 public:
  task& add(task what);
  task* find(ticket id);
  const task* find(const fragment_key& key) const;
  bool has_unit(const unit_id& unit) const;
  /// Is a fragment of the unit on its way to the node?
  bool is_target(const unit_id& unit, node_id node) const;
  /// The nodes to which fragments of the unit are on their way.
  std::vector<node_id> targets_of(const unit_id& unit) const;
  /// The state has a fragment at another place now.
  void on_relocated(const fragment_key& key, node_id to);
  /// The fragment is at its target: the nodes' streams are free again.
  void set_copied(task& which);
  void erase(ticket id);
  void clear();
  std::vector<ticket> overdue(spi::timestamp now) const;
  /// The tasks whose target has yet to say that it has the fragment.
  std::vector<ticket> awaited_from(node_id target) const;

  std::size_t size() const { return tasks_.size(); }
  std::uint32_t in(node_id node) const { return traffic_of(node).in; }
  std::uint32_t out(node_id node) const { return traffic_of(node).out; }
  /// Bytes that are on their way to a node.
  std::uint64_t bytes_in(node_id node) const { return traffic_of(node).bytes_in; }
  /// Bytes that drains and rebalancing are about to move away from a node.
  std::uint64_t bytes_leaving(node_id node) const { return traffic_of(node).bytes_leaving; }
  std::size_t with_purpose(task::purpose why, node_id from) const;

 private:
  struct traffic {
    std::uint32_t in = 0;
    std::uint32_t out = 0;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_leaving = 0;
  };

  traffic traffic_of(node_id node) const {
    auto known = traffic_.find(node);
    return known == traffic_.end() ? traffic{} : known->second;
  }

  std::map<ticket, task> tasks_;
  std::map<fragment_key, ticket> by_key_;
  std::unordered_map<node_id, traffic> traffic_;
};

} // namespace atl::keep
