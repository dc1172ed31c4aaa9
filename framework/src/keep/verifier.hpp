#pragma once

#include "effect_outbox.hpp"

#include <atoll/keep/keeper.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>

namespace atl::keep {

/// Has nodes verify fragments, a bounded number at a time.
class verifier {
 public:
  enum class reason : std::uint8_t {
    suspicion, ///< an audit's list lacks the fragment
    adoption,  ///< the node may have a fragment that the state lacks elsewhere
    request,   ///< an operator asked
  };
  struct check {
    node_id node = no_node;
    unit_record unit;
    std::uint32_t fragment = 0;
    reason why = reason::suspicion;
  };

  /// Queues a check. A check that is queued for the same fragment and node already isn't doubled.
  void add(check what);
  /// Gives orders to nodes that can work. @param can_work of a node
  template <class CanWork>
  void start(std::uint64_t term, spi::timestamp now, outbox& out, CanWork&& can_work) {
    for (auto& [node, line] : waiting_) {
      if (!line.empty() && !can_work(node))
        drop_waiting(node);
      while (!line.empty() && running_on(node) < checks_a_node)
        order_next(node, term, now, out);
    }
  }
  /// @returns the check that the ticket was for; none: it is of no check
  std::optional<check> on_done(ticket id);
  /// The state has a fragment at another place now: checks under way must not judge by the former
  /// one.
  void on_relocated(const fragment_key& key, node_id to);
  void expire(spi::timestamp now);
  /// The node has lost its orders: they are given once more.
  void on_orders_lost(node_id node);
  void clear();

  /// Are checks of the node waiting or under way?
  bool has_any(node_id node) const;
  std::size_t size() const { return keys_.size(); }

 private:
  static constexpr std::size_t checks_a_node = 16;
  struct place {
    node_id node = no_node;
    fragment_key key;
    friend auto operator<=>(const place&, const place&) = default;
  };
  struct running {
    check what;
    spi::timestamp deadline{0};
  };

  std::size_t running_on(node_id node) const;
  void order_next(node_id node, std::uint64_t term, spi::timestamp now, outbox& out);
  void drop_waiting(node_id node);
  void finish(std::map<ticket, running>::iterator which);

  std::map<node_id, std::deque<check>> waiting_;
  std::map<ticket, running> running_;
  std::map<place, reason> keys_;
  std::unordered_map<node_id, std::size_t> counts_; ///< of `running_`
};

} // namespace atl::keep
