#pragma once

#include "effect_outbox.hpp"

#include <atoll/keep/keeper.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>

namespace atl::keep {

/// The orders to remove copies that are under way.
class removal_list {
 public:
  /// Orders a removal, unless one of the fragment is under way at the node.
  /// @param generation of the copy
  void order_removal(node_id node, const fragment_key& key, std::uint64_t generation,
                     std::uint64_t term, spi::timestamp now, outbox& out);
  struct place {
    node_id node = no_node;
    fragment_key key;

    friend auto operator<=>(const place&, const place&) = default;
  };
  /// Ends the order of a removal. @returns where the copy was; none: the ticket is of another order
  std::optional<place> on_done(ticket id, const order_result& result);
  /// Gives up orders that weren't answered; audits find again what is still there.
  void expire(spi::timestamp now);
  /// The node has lost its orders, and follows none of them any more.
  void on_orders_lost(node_id node);
  void clear();

  bool has_unit(node_id node, const unit_id& unit) const;
  std::size_t count(node_id node) const;
  std::uint64_t removed() const { return removed_; }

 private:
  struct removal {
    place where;
    spi::timestamp deadline{0};
  };

  void erase(std::map<ticket, removal>::iterator which);

  std::map<ticket, removal> orders_;
  std::map<place, ticket> places_;
  std::unordered_map<node_id, std::size_t> counts_;
  std::uint64_t removed_ = 0;
};

} // namespace atl::keep
