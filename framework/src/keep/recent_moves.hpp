#pragma once

#include <atoll/keep/keeper_settings.hpp>
#include <atoll/keep/units.hpp>
#include <atoll/spi/timestamp.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <optional>

namespace atl::keep {

/// When the copies that relocations left behind may be removed. Bounded: when there are more than
/// fit, all surplus copies wait as long as the forgotten ones would.
class recent_moves {
 public:
  /// No surplus copy may be removed before: a new leader doesn't know its predecessor's moves.
  void restart(spi::timestamp not_before) {
    due_.clear();
    order_.clear();
    not_before_ = not_before;
  }

  void add(node_id node, const fragment_key& key, spi::timestamp due) {
    if (due_.size() >= moves_max)
      forget_oldest();
    due_[{key, node}] = due;
    order_.push_back({due, {key, node}});
  }

  spi::timestamp due(node_id node, const fragment_key& key) const {
    auto known = due_.find({key, node});
    return known == due_.end() ? not_before_ : std::max(not_before_, known->second);
  }

  void expire(spi::timestamp now) {
    while (!order_.empty() && order_.front().due <= now)
      forget_oldest(false);
  }

 private:
  static constexpr std::size_t moves_max = 100'000;
  struct place {
    fragment_key key;
    node_id node = no_node;
    friend auto operator<=>(const place&, const place&) = default;
  };
  struct entry {
    spi::timestamp due{0};
    place where;
  };

  void forget_oldest(bool must_wait = true) {
    auto oldest = order_.front();
    order_.pop_front();
    auto known = due_.find(oldest.where);
    if (known == due_.end() || known->second != oldest.due)
      return; // the fragment has been moved once more
    due_.erase(known);
    if (must_wait)
      not_before_ = std::max(not_before_, oldest.due);
  }

  std::map<place, spi::timestamp> due_;
  std::deque<entry> order_;
  spi::timestamp not_before_{0};
};

} // namespace atl::keep
