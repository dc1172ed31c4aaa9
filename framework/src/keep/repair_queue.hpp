#pragma once

#include <atoll/keep/keeper_settings.hpp>
#include <atoll/keep/units.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <unordered_map>

namespace atl::keep {

/// The units that wait for a repair or a move. The most endangered come first; within one degree of
/// danger the nodes that send take turns. Bounded: beyond, the least endangered are dropped.
class repair_queue {
 public:
  using danger = std::uint8_t;
  static constexpr danger most_endangered = 0; ///< the next loss destroys the unit
  static constexpr danger repair_last = 250;
  static constexpr danger drain = 254;
  static constexpr danger rebalance = 255;

  struct entry {
    unit_record unit;
    danger rank = repair_last;
    node_id sender = no_node; ///< a node that would send; of a move: the node that is relieved
    std::uint64_t bytes = 0;  ///< about what the repair copies
    std::uint64_t seen = 0;   ///< the last search that found it
    std::uint64_t serial = 0;
  };

  /// What became of an attempt to start the work on a unit.
  enum class attempt : std::uint8_t {
    started,     ///< or nothing is to be done: the unit leaves the queue
    sender_busy, ///< this sender can't send more now
    stuck,       ///< no node can take a fragment: the unit leaves the queue
    stop,        ///< nothing can be started now
  };

  /// Adds a unit, or replaces what is known of it.
  void push(entry what);
  void erase(const unit_id& unit);
  /// Drops the repairs (not the moves) that the last search has not found.
  void erase_repairs_seen_before(std::uint64_t search);
  void erase_moves_from(node_id node);
  void clear();

  bool contains(const unit_id& unit) const { return entries_.contains(unit); }
  std::size_t size() const { return entries_.size(); }
  std::uint64_t bytes() const { return bytes_; }
  bool has_most_endangered() const { return most_endangered_ > 0; }
  /// Of the moves from a node.
  std::size_t moves_from(node_id node) const;
  /// Have units been dropped since this was asked last?
  bool take_overflow();

  /// Offers units to `start`, which returns an `attempt`, until none can be started.
  /// @param rank_max the least endangered that are offered
  /// @param start must not change the queue
  template <class Start>
  void offer(danger rank_max, Start&& start) {
    for (auto lane = lanes_.begin(); lane != lanes_.end() && lane->first <= rank_max;) {
      if (!offer_lane(lane->second, start))
        return;
      lane = lane->second.senders.empty() ? lanes_.erase(lane) : std::next(lane);
    }
  }

 private:
  struct waiting {
    unit_id unit;
    std::uint64_t serial = 0;
  };
  struct lane {
    std::map<node_id, std::deque<waiting>> senders;
    node_id last = no_node; ///< the sender that was served last
  };

  /// The first unit of the sender that is still in the queue; null: there is none.
  entry* front(std::deque<waiting>& line);
  void forget(std::unordered_map<unit_id, entry>::iterator which);
  void drop_least_endangered();

  /// @returns false if all is to stop
  template <class Start>
  bool offer_lane(lane& of, Start&& start) {
    for (std::size_t passed = 0; !of.senders.empty() && passed < of.senders.size();) {
      auto at = of.senders.upper_bound(of.last);
      if (at == of.senders.end())
        at = of.senders.begin();
      of.last = at->first;
      auto* next = front(at->second);
      if (!next) {
        of.senders.erase(at);
        continue;
      }
      switch (start(*next)) {
      case attempt::started:
      case attempt::stuck:
        forget(entries_.find(next->unit.id));
        passed = 0;
        break;
      case attempt::sender_busy:
        ++passed;
        break;
      case attempt::stop:
        return false;
      }
    }
    return true;
  }

  std::unordered_map<unit_id, entry> entries_;
  std::map<danger, lane> lanes_;
  std::map<node_id, std::size_t> moves_;
  std::size_t most_endangered_ = 0;
  std::uint64_t serials_ = 0;
  std::uint64_t bytes_ = 0;
  bool has_overflowed_ = false;
};

} // namespace atl::keep
