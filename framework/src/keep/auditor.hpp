#pragma once

#include "effect_outbox.hpp"
#include "node_watch.hpp"

#include <atoll/keep/keeper.hpp>

#include <deque>
#include <functional>
#include <map>
#include <span>
#include <vector>

namespace atl::keep {

/// Compares what nodes hold with what the state wants there, a slice of a node at a time, and hands
/// on the differences. It keeps only the differences of the slice at hand, so its memory doesn't
/// grow with what is stored.
///
/// A slice goes through three steps: the node lists what it holds; the state tells what it wants
/// there; of units with an unwanted copy the state tells, read once more, where it wants their
/// fragments. The next slice waits until the differences of the last one are worked off.
class auditor {
 public:
  struct callbacks {
    /// The node's list lacks a fragment that the state wants there.
    std::function<void(node_id, const unit_record&, std::uint32_t fragment)> on_lacking;
    /// The node listed a copy, whatever the state wants.
    std::function<void(node_id, const fragment_key&)> on_listed;
    /// The node holds a fragment that the state wants there.
    std::function<void(node_id, const unit_record&, std::uint32_t fragment)> on_held;
    /// The node holds a copy that the state doesn't want there. @param unit null: the state doesn't
    /// know the unit
    std::function<void(node_id, const held_fragment&, const unit_record* unit)> on_unwanted;
    /// Are the differences of the node's last slice worked off, so that the next one may come?
    std::function<bool(node_id)> is_ready;
    /// May unwanted copies of this unit be judged? Those of young units may belong to writes under
    /// way.
    std::function<bool(const unit_id&)> is_old_enough;
    /// The node was audited as a whole. @param began when that began
    std::function<void(node_id, spi::timestamp began)> on_lap_ended;
  };

  auditor(const keeper_settings& settings, const keeper_rules& rules, const node_watch& nodes,
          outbox& out, callbacks calls)
      : settings_{settings}, rules_{rules}, nodes_{nodes}, out_{out}, calls_{std::move(calls)} {}

  /// A new leader knows nothing of what nodes hold.
  void restart(spi::timestamp now);
  /// The state has changed, so that there may be garbage.
  void on_state_changed() { ++state_changes_; }
  /// Copies become collectable at this time.
  void expect_garbage_at(spi::timestamp when);
  /// The node was away, or has another process: what it holds may have changed.
  void on_node_changed(node_id node);
  /// The node has lost the query for what it holds, if there was one: its audit begins again soon.
  void on_orders_lost(node_id node, spi::timestamp now);
  /// Begins a round over all nodes. @returns its number
  std::uint64_t request_round();
  /// The last round that every node that can answer has taken part in.
  std::uint64_t finished_round() const;

  /// Begins laps that are due, and goes on with slices.
  void advance(spi::timestamp now);
  /// What may be answered: does the ticket belong to a slice or a query of this auditor?
  void on_slice(ticket id, std::span<const held_fragment> held, bool is_last, spi::timestamp now);
  void on_slice_failed(ticket id, spi::timestamp now);
  bool on_page(ticket id, std::span<const unit_record> units, bool more, spi::timestamp now);
  bool on_query_failed(ticket id, spi::timestamp now);

  bool is_lapping(node_id node) const;
  /// Has an audit of the node ended since `restart`, and since the node changed last?
  bool has_lapped(node_id node) const;
  std::uint64_t fragments_in_lap(node_id node) const;

 private:
  enum class step : std::uint8_t { idle, waiting, listing, comparing, looking_up };
  struct lap {
    step at = step::idle;
    ticket waits_for = 0;
    spi::timestamp not_before{0}; ///< of the next step, after a failure
    spi::timestamp since{0};      ///< when the present step began

    bool is_wanted = true; ///< for a reason that doesn't wait for the pause
    spi::timestamp began{0};
    spi::timestamp ended{0};
    bool has_lapped = false; ///< since `restart`, and since the node changed
    bool has_ended = false;
    std::uint64_t changes_at_begin = 0;
    std::uint64_t round_at_begin = 0;
    std::uint64_t round_done = 0;
    std::uint64_t fragments = 0;

    fragment_key from;
    std::vector<held_fragment> held;
    bool is_last = false;
    unit_id after; ///< of the state's units on the node
    std::vector<unit_record> wanted;
    std::vector<unit_id> skipped; ///< relocated while the state told of them
    std::deque<held_fragment> unwanted;
    std::vector<unit_id> asked;
  };

  bool is_due(const lap& of, spi::timestamp now) const;
  void begin_due_laps(spi::timestamp now);
  void begin_lap(lap& of, spi::timestamp now);
  void end_lap(node_id node, lap& of, spi::timestamp now);
  void give_up(lap& of, spi::timestamp now);
  void list_next(node_id node, lap& of, spi::timestamp now);
  void ask_page(node_id node, lap& of, spi::timestamp now);
  void compare(node_id node, lap& of, spi::timestamp now);
  void look_up(node_id node, lap& of, spi::timestamp now);
  void settle(node_id node, lap& of, std::span<const unit_record> units, spi::timestamp now);
  void finish_slice(node_id node, lap& of, spi::timestamp now);
  std::map<node_id, lap>::iterator lap_of(ticket id);
  std::size_t laps_under_way() const;

  const keeper_settings& settings_;
  const keeper_rules& rules_;
  const node_watch& nodes_;
  outbox& out_;
  callbacks calls_;
  std::map<node_id, lap> laps_;
  std::map<ticket, node_id> tickets_;
  std::uint64_t state_changes_ = 0;
  node_id last_begun_ = no_node; ///< the node whose lap was begun last
  std::uint64_t rounds_ = 0;
  std::deque<spi::timestamp> garbage_at_; ///< ascending
};

} // namespace atl::keep
