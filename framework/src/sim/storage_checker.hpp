#pragma once

#include "balance_checker.hpp"
#include "storage_observer.hpp"
#include "storage_world.hpp"

#include <atoll/keep/keeper.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace atl::sim {

/// Holds keepers to what they promise. It knows what is true: which disk has which fragment, what
/// the state wants, and what faults have destroyed.
class storage_checker final : public storage_observer {
 public:
  explicit storage_checker(storage_world& world);

  // What it is told as an observer.
  void on_copies(std::int64_t more) override { copies_ += more; }
  void on_destroyed(keep::node_id node, const keep::fragment_key& key, bool was_intact) override;
  void on_stored(keep::node_id node, const keep::fragment_key& key) override;
  void on_removal(keep::node_id node, const keep::fragment_key& key, std::uint64_t term) override;
  void on_complaint(keep::node_id node, const keep::fragment_key& key) override;
  void on_stored_news(keep::node_id node, const keep::fragment_key& key) override;
  void on_heartbeat() override { balance_.on_heartbeat(); }
  void on_relocated(const keep::relocation& move) override;
  void on_node_state(keep::node_id node) override;
  void on_declared(keep::node_id node, keep::node_state to) override;
  void on_leader() override;
  void on_heard(std::uint32_t host, keep::node_id node, std::int64_t silence) override;
  void on_settings(const keep::keeper_settings& settings) override;
  void on_order(const keep::order& what, std::uint64_t incarnation, bool leads) override;
  void on_answered(keep::ticket id, const keep::order_result& result) override;

  // What clients do.
  void on_put(const keep::unit_record& unit);
  void on_removed(const keep::unit_record& unit);

  // -- what faults and the end of a run ask
  /// Could the fragment be lost without losing more of its unit than the scheme survives?
  bool may_destroy(keep::node_id node, const keep::fragment_key& key) const;
  /// Has the unit lost so much that nothing can save it?
  bool is_excused(const keep::unit_id& unit) const;
  /// How often the node has returned from a silence of late, as the leaders heard it.
  std::uint32_t returns_of(keep::node_id node) const;
  /// What keeps the cluster from being in order; empty: nothing.
  std::string disorder();
  /// Names a copy that nothing refers to, which takes long to find.
  std::string describe_surplus();
  /// Bytes that must be copied until all is in order.
  std::uint64_t bytes_to_copy();
  /// Of these, what rebalancing moves.
  std::uint64_t bytes_over() { return balance_.bytes_over(); }

 private:
  using place = std::pair<keep::node_id, keep::fragment_key>;

  /// How long a leader may take to learn of a change of the state, and of a returned node.
  static constexpr std::int64_t notice_time = 10'000'000;
  static constexpr std::int64_t flapping_window = 300'000'000;

  /// A unit that isn't complete: fragments aren't where the state wants them, or nowhere.
  struct flawed_unit {
    std::uint32_t losses = 0; ///< wanted fragments that faults have destroyed
    bool excused = false;
  };
  /// A unit that the state knows to be one loss from its end.
  struct endangered_unit {
    std::int64_t since = 0;
    std::uint64_t others_at_begin = 0; ///< `repairs_of_others_` at that time
  };
  struct verification_count {
    std::int64_t since = 0;
    std::uint64_t incarnation = 0; ///< of the node's process, which alone may answer
    std::uint32_t count = 0;
  };
  struct pending_order {
    keep::node_id at = keep::no_node;
    std::uint64_t incarnation = 0; ///< of the node
    keep::fragment_key key;
    keep::order::work what = keep::order::work::copy;
    std::int64_t since = 0;
    std::vector<keep::order_source> sources;
  };
  /// A bound of bytes a second, with some room for bursts.
  class rate_gauge {
   public:
    /// @returns whether the bound was kept
    bool take(std::uint64_t bytes, double rate, double burst, std::int64_t now);
    void reset() { level_ = 0; }

   private:
    double level_ = 0;
    std::int64_t last_ = 0;
  };

  std::uint64_t surplus_of(const keep::unit_record& unit);
  bool is_under_way(keep::ticket id, std::int64_t age_max) const;
  void forget_order(keep::ticket id);
  std::vector<bool> present(const keep::unit_record& unit) const;
  void evaluate(const keep::unit_id& unit);
  void evaluate_danger(const keep::unit_record& unit);
  void check_rates(const keep::order& what);
  void check_streams(const keep::order& what);
  void check_copy(const keep::order& what);
  void check_danger(const keep::order& what);
  bool can_be_repaired(const keep::unit_record& unit);
  void count_wanted(const keep::unit_record& unit, std::int64_t sign);
  void check_move(const keep::relocation& move);
  void check_balance(const keep::order& what);
  void check_zones(const keep::order& what);
  std::uint32_t known_in_zone(const keep::unit_record& unit, std::uint32_t without,
                              std::uint32_t zone) const;
  std::uint32_t perhaps_in_zone(const keep::unit_record& unit, std::uint32_t without,
                                std::uint32_t zone) const;
  bool is_sure_place(const keep::unit_record& unit, keep::node_id node, std::uint64_t bytes) const;
  /// Was a fragment in order on a node in use, as far as a keeper could know since then?
  bool was_in_order(const keep::fragment_key& key, keep::node_id at, std::int64_t since) const;
  void check_flapping(keep::node_id node);
  void check_verification(const keep::order& what);
  bool was_active_since(keep::node_id node, std::int64_t at) const;
  /// May a keeper have believed since then that the place lacks its fragment?
  bool was_doubted_since(const place& where, std::int64_t at) const;
  std::uint64_t rate_in_force(std::uint64_t keep::keeper_settings::*rate) const;

  storage_world& world_;
  std::uint32_t survives_;
  std::int64_t copies_ = 0;  ///< on all disks
  std::uint64_t wanted_ = 0; ///< fragments that the state names
  std::unordered_map<keep::unit_id, flawed_unit> flawed_;
  std::set<place> destroyed_; ///< copies that faults took, and that weren't stored since
  std::map<place, std::int64_t> left_behind_; ///< when a relocation took a place away
  std::map<place, std::int64_t> doubts_;      ///< when they ended, as far as the leader heard
  std::map<keep::node_id, std::int64_t> inactive_until_; ///< when a node wasn't active last
  std::map<std::pair<std::uint32_t, keep::node_id>, std::deque<std::int64_t>> returns_;
  std::map<keep::node_id, std::deque<std::int64_t>> deaths_;
  std::map<keep::node_id, std::int64_t> silences_; ///< before it was last declared lost
  std::int64_t leader_since_ = 0;
  std::int64_t settings_since_ = 0;
  keep::keeper_settings former_settings_;

  // Of the present leader.
  std::map<keep::ticket, pending_order> orders_;
  std::map<place, keep::ticket> removals_;                    ///< without an answer
  std::map<keep::fragment_key, keep::ticket> making_;         ///< likewise
  std::map<keep::node_id, std::set<keep::ticket>> making_at_; ///< likewise
  std::map<keep::node_id, std::uint32_t> sending_; ///< copies from a node, without an answer
  std::map<place, verification_count> verified_;
  std::map<keep::unit_id, endangered_unit> endangered_;
  std::uint64_t repairs_of_others_ =
      0; ///< bytes that were ordered for units that aren't endangered
  rate_gauge cluster_gauge_, balance_gauge_;
  std::map<keep::node_id, rate_gauge> node_gauges_;
  std::map<place, std::int64_t> ordered_at_; ///< the last copy to a place
  std::map<keep::fragment_key, std::int64_t> relocated_at_;
  balance_checker balance_;
};

} // namespace atl::sim
