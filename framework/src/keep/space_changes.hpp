#pragma once

#include <atoll/keep/units.hpp>
#include <atoll/spi/timestamp.hpp>

#include <cstdint>
#include <map>
#include <utility>

namespace atl::keep {

/// How the use of nodes differs from what their last heartbeats told: by leftovers, which are
/// copies that moves left behind and that will be removed, and by what was stored and removed since
/// the heartbeats. The leftovers are bounded: beyond, they aren't counted, and no more should be
/// moved before some are removed.
class space_changes {
 public:
  /// Something was moved away from the node, or the node still holds what was.
  void add_leftover(node_id node, const fragment_key& key, std::uint64_t bytes,
                    spi::timestamp now) {
    auto known = leftovers_.find({node, key});
    if (known == leftovers_.end() && is_full())
      return;
    erase_leftover(node, key);
    leftovers_[{node, key}] = {bytes, now};
    nodes_[node].leftovers += bytes;
  }

  /// An audit has come across the copy, which it may not judge yet.
  void on_listed(node_id node, const fragment_key& key, spi::timestamp now) {
    if (auto known = leftovers_.find({node, key}); known != leftovers_.end())
      known->second.seen_at = now;
  }

  /// The state wants the copy again.
  void erase_leftover(node_id node, const fragment_key& key) {
    if (auto known = leftovers_.find({node, key}); known != leftovers_.end())
      erase(known);
  }

  void on_removed(node_id node, const fragment_key& key) {
    nodes_[node].removals.add(1);
    if (auto known = leftovers_.find({node, key}); known != leftovers_.end()) {
      nodes_[node].freed.add(known->second.bytes);
      erase(known);
    }
  }

  void on_stored(node_id node, std::uint64_t bytes) { nodes_[node].stored.add(bytes); }

  /// A heartbeat. It may have been under way when something was stored or removed; the next one
  /// tells of that in any case.
  void on_heard(node_id node) {
    if (auto known = nodes_.find(node); known != nodes_.end()) {
      known->second.removals.on_heard();
      known->second.freed.on_heard();
      known->second.stored.on_heard();
    }
  }

  /// An audit of the node that began then has ended: leftovers that it didn't come across are gone.
  void on_audited(node_id node, spi::timestamp began) {
    for (auto at = leftovers_.lower_bound({node, {}});
         at != leftovers_.end() && at->first.first == node;) {
      auto next = std::next(at);
      if (at->second.seen_at < began)
        erase(at);
      at = next;
    }
  }

  void clear() {
    leftovers_.clear();
    nodes_.clear();
  }

  /// What the node's last heartbeat counts although it is gone or will soon be.
  std::uint64_t bytes_less(node_id node) const {
    auto known = nodes_.find(node);
    return known == nodes_.end() ? 0 : known->second.leftovers + known->second.freed.sum();
  }
  /// What the node's last heartbeat may not count yet.
  std::uint64_t bytes_more(node_id node) const {
    auto known = nodes_.find(node);
    return known == nodes_.end() ? 0 : known->second.stored.sum();
  }
  /// Did the last heartbeats tell of all removals? The size of copies whose units the state doesn't
  /// know is known from heartbeats alone.
  bool are_removals_told(node_id node) const {
    auto known = nodes_.find(node);
    return known == nodes_.end() || known->second.removals.sum() == 0;
  }
  bool is_full() const { return leftovers_.size() >= leftovers_max; }

 private:
  static constexpr std::size_t leftovers_max = 100'000;

  struct leftover {
    std::uint64_t bytes = 0;
    spi::timestamp seen_at{0};
  };
  using table = std::map<std::pair<node_id, fragment_key>, leftover>;

  /// What counts until the second heartbeat.
  class recent_sum {
   public:
    void add(std::uint64_t more) { new_ += more; }
    void on_heard() { old_ = std::exchange(new_, 0); }
    std::uint64_t sum() const { return new_ + old_; }

   private:
    std::uint64_t new_ = 0;
    std::uint64_t old_ = 0;
  };
  struct changed_node {
    std::uint64_t leftovers = 0;
    recent_sum removals; ///< their number
    recent_sum freed, stored;
  };

  void erase(table::iterator which) {
    nodes_[which->first.first].leftovers -= which->second.bytes;
    leftovers_.erase(which);
  }

  table leftovers_;
  std::map<node_id, changed_node> nodes_;
};

} // namespace atl::keep
