#pragma once

#include "failure_detector.hpp"

#include <atoll/keep/keeper.hpp>

#include <map>
#include <optional>
#include <span>
#include <vector>

namespace atl::keep {

/// What a keeper knows of one node.
struct watched_node {
  node_id id = no_node;
  node_state state = node_state::active;
  keep::liveness liveness = keep::liveness::unheard;
  vitals last;
  std::uint64_t incarnation = 0;
  bool has_heard = false;
  spi::timestamp known_since{0}; ///< before, its silence means nothing
  spi::timestamp heard_at{0};
  failure_detector detector;
  /// How often the time after which the node counts as dead was doubled, because it comes and goes.
  std::uint32_t doublings = 0;
  std::optional<spi::timestamp> returned_at{};
  bool is_declaring = false;       ///< a command about its state is under way
  spi::timestamp declared_next{0}; ///< not before

  bool is_lost() const { return state == node_state::dead || state == node_state::forgotten; }
  /// Can fragments be read from it now?
  bool can_send() const {
    return !is_lost() && (liveness == liveness::up || liveness == liveness::suspect);
  }
  /// Does it take orders?
  bool can_work() const { return can_send(); }
  /// May new fragments go to it?
  bool can_receive() const {
    return state == node_state::active && liveness == liveness::up && last.takes_data;
  }
};

/// Watches over the nodes: who is up, who is to be declared dead or active.
class node_watch {
 public:
  node_watch(const keeper_settings& settings, const keeper_rules& rules)
      : settings_{settings}, rules_{rules} {}

  void on_nodes(std::span<const node_record> nodes, spi::timestamp now);
  void on_heard(node_id node, std::uint64_t incarnation, const vitals& what, spi::timestamp now);
  /// The silence of nodes counts from now on.
  void on_lead(spi::timestamp now);
  /// Judges the silence of all nodes.
  void refresh(spi::timestamp now);

  /// The nodes whose state is to change. Each is returned once, until `on_declared`.
  std::vector<node_record> decide(spi::timestamp now);
  /// It is tried again after a pause.
  void on_declaration_failed(node_id node, spi::timestamp now);
  /// Are so many nodes silent that none is declared dead?
  bool is_held_back() const { return is_held_back_; }

  const watched_node* find(node_id node) const;
  const std::map<node_id, watched_node>& all() const { return nodes_; }
  /// Do the fragments there count as lost? Also true of a node that the state doesn't know.
  bool is_lost(node_id node) const;
  /// Is the node lost or down, so that fragments there can't be read?
  bool is_bad(node_id node) const;
  std::vector<node_id> bad_nodes() const;

  spi::timestamp dead_after(const watched_node& node) const;
  spi::timestamp silence(const watched_node& node, spi::timestamp now) const;

  /// Changes whenever `is_bad` or `is_lost` of a node changes.
  std::uint64_t badness_version() const { return badness_version_; }
  /// Changes whenever the nodes, their domains, weights or capacities change.
  std::uint64_t members_version() const { return members_version_; }

 private:
  void note_return(watched_node& node, spi::timestamp now);
  void set_liveness(watched_node& node, liveness to);
  bool too_many_are_silent(spi::timestamp now) const;

  const keeper_settings& settings_;
  const keeper_rules& rules_;
  std::map<node_id, watched_node> nodes_;
  /// Heartbeats of nodes that the state doesn't know yet aren't kept.
  spi::timestamp leads_since_{0};
  std::uint64_t badness_version_ = 1;
  std::uint64_t members_version_ = 1;
  bool is_held_back_ = false;
};

} // namespace atl::keep
