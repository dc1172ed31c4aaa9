#pragma once

#include "effect_outbox.hpp"
#include "node_watch.hpp"
#include "space_use.hpp"

#include <atoll/keep/keeper.hpp>

#include <functional>
#include <map>
#include <span>
#include <vector>

namespace atl::keep {

/// Finds the units that are to leave nodes: all of a draining node's, and as many of an overfull
/// node's as bring it near to the mean. Walks over the state's units on such a node, a page at a
/// time, and no faster than the moves are made.
class mover {
 public:
  struct callbacks {
    /// Queues the move of a unit away from the node. @returns the bytes to be moved; 0: the unit
    /// can't be moved now
    std::function<std::uint64_t(node_id, const unit_record&, bool is_drain)> on_unit;
    /// Moves from the node that wait or are under way.
    std::function<std::size_t(node_id)> pending;
    /// Is it known what surplus copies a node holds? Those that an earlier leader's moves left
    /// behind make a node seem fuller than it is.
    std::function<bool(node_id)> is_use_known;
  };

  mover(const keeper_settings& settings, const node_watch& nodes, const space_use& use, outbox& out,
        callbacks calls)
      : settings_{settings}, nodes_{nodes}, use_{use}, out_{out}, calls_{std::move(calls)} {}

  void restart() { walks_.clear(); }
  /// Looks at overfull nodes again at once, also at those that could not be relieved.
  void request_rebalance();
  void advance(spi::timestamp now);
  /// @returns whether the ticket belongs to a walk
  bool on_page(ticket id, std::span<const unit_record> units, bool more, spi::timestamp now);
  bool on_query_failed(ticket id, spi::timestamp now);
  /// The draining nodes on which nothing is left, of which this wasn't asked before.
  std::vector<node_id> take_drained();
  bool is_empty(node_id node) const;

 private:
  struct walk {
    bool is_drain = true;
    ticket query = 0;
    unit_id after;
    bool found_any = false;
    bool is_empty = false;
    bool is_told = false;
    std::uint64_t bytes_left = 0; ///< of an overfull node: that are still to be found
    spi::timestamp not_before{0};
  };

  void ask(node_id node, walk& of);
  void end_walk(node_id node, walk& of, spi::timestamp now);
  std::map<node_id, walk>::iterator walk_of(ticket id);

  const keeper_settings& settings_;
  const node_watch& nodes_;
  const space_use& use_;
  outbox& out_;
  callbacks calls_;
  std::map<node_id, walk> walks_;
};

} // namespace atl::keep
