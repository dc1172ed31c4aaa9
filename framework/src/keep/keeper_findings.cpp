#include "keeper_impl.hpp"

#include <algorithm>
#include <utility>

// What surveys, audits, nodes and verifications find, and what follows from it.
namespace atl::keep {

namespace {

void count(redundancy& into, spi::chunk_health health) {
  switch (health) {
  case spi::chunk_health::healthy:
    break;
  case spi::chunk_health::degraded:
    ++into.degraded;
    break;
  case spi::chunk_health::critical:
    ++into.critical;
    break;
  case spi::chunk_health::lost:
    ++into.lost;
    break;
  }
}

} // namespace

auditor::callbacks keeper::impl::audit_callbacks() {
  return {
      [this](node_id node, const unit_record& unit, std::uint32_t fragment) {
        if (exceptions_.find(node, {unit.id, fragment}) || tasks_.has_unit(unit.id))
          return;
        if (setup_.rules.verify_suspicions)
          verifier_.add({node, unit, fragment, verifier::reason::suspicion});
        else
          on_exception(node, {unit.id, fragment}, fragment_condition::gone);
      },
      [this](node_id node, const fragment_key& key) { changes_.on_listed(node, key, now_); },
      [this](node_id node, const unit_record& unit, std::uint32_t fragment) {
        // It was stored anew, and word of that was lost.
        if (exceptions_.find(node, {unit.id, fragment}) && !tasks_.has_unit(unit.id))
          verifier_.add({node, unit, fragment, verifier::reason::suspicion});
      },
      [this](node_id node, const held_fragment& copy, const unit_record* unit) {
        on_unwanted_copy(node, copy, unit);
      },
      [this](node_id node) {
        return !verifier_.has_any(node) && removals_.count(node) < removals_a_node_max / 2 &&
               !exceptions_.is_full();
      },
      [this](const unit_id& unit) { return unit < watermark_ || !setup_.rules.watermark; },
      [this](node_id node, spi::timestamp began) { changes_.on_audited(node, began); },
  };
}

mover::callbacks keeper::impl::mover_callbacks() {
  return {[this](node_id node, const unit_record& unit, bool is_drain) {
            return queue_move(node, unit, is_drain);
          },
          [this](node_id node) { return pending_moves_from(node); },
          [this](node_id node) { return is_use_known(node); }};
}

/// A unit that the survey found.
void keeper::impl::visit(const unit_record& unit) {
  if (auto state = judge_.judge(unit)) {
    count(so_far_, state->health);
    if (!state->is_healthy())
      count(so_far_by_policy_[unit.policy], state->health);
  }
  consider(unit, survey_.pass());
}

/// Queues the unit's repair, if it needs one that nobody carries out yet.
void keeper::impl::consider(const unit_record& unit, std::uint64_t seen) {
  auto state = judge_.judge(unit);
  if (!state)
    return;
  note_readability(unit.id, state->health != spi::chunk_health::lost);
  std::erase_if(state->lost_fragments, [&](auto fragment) {
    return tasks_.find(fragment_key{unit.id, fragment}) != nullptr;
  });
  if (state->lost_fragments.empty() || state->health == spi::chunk_health::lost)
    return queue_.erase(unit.id);
  repair_queue::entry next;
  next.unit = unit;
  next.seen = seen;
  auto spare = std::min<std::uint32_t>(state->spare, repair_queue::repair_last);
  next.rank = static_cast<repair_queue::danger>(
      setup_.rules.most_endangered_first ? spare : repair_queue::repair_last - spare);
  std::vector<node_id> senders;
  for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
    if (judge_.is_readable(unit, i))
      senders.push_back(unit.nodes[i]);
  if (senders.empty())
    return;
  next.sender = senders[unit.id.low % senders.size()];
  for (auto fragment : state->lost_fragments)
    next.bytes += judge_.fragment_bytes(unit, fragment);
  queue_.push(std::move(next));
  may_start_tasks_ = true;
}

void keeper::impl::note_readability(const unit_id& unit, bool is_readable) {
  auto is_news = is_readable ? unreadable_.erase(unit) : unreadable_.add(unit, survey_.pass());
  if (is_news)
    tell({is_readable ? notice::about::readable : notice::about::unreadable,
          {unit, 0},
          no_node,
          no_node,
          0});
}

void keeper::impl::on_exception(node_id node, const fragment_key& key, fragment_condition what) {
  if (exceptions_.add(node, key, what))
    to_look_up_.insert(key.unit); // the state says whether the fragment is wanted there at all
}

void keeper::impl::tell_of_exceptions(const unit_id& unit) {
  for (const auto& [node, key, what] : exceptions_.take_untold(unit)) {
    auto is_damaged = what == fragment_condition::damaged;
    ++(is_damaged ? totals_.found_damaged : totals_.found_missing);
    tell({is_damaged ? notice::about::damaged : notice::about::missing, key, node, no_node, 0});
  }
}

void keeper::impl::on_fragment(node_id node, const fragment_key& key, fragment_condition what) {
  if (!leads())
    return;
  if (what == fragment_condition::stored)
    exceptions_.erase(node, key);
  else if (!removals_.has_unit(node, key.unit))
    on_exception(node, key, what);
}

/// The node can take over a fragment that the state lacks, since it holds it already.
bool keeper::impl::can_adopt(node_id node, const fragment_key& key, const unit_record& unit) {
  if (key.fragment >= unit.nodes.size() || !judge_.is_lost(unit, key.fragment) ||
      std::ranges::find(unit.nodes, node) != unit.nodes.end() || tasks_.find(key) ||
      tasks_.is_target(unit.id, node) || removals_.has_unit(node, unit.id))
    return false;
  auto adopting = adopting_nodes(unit.id);
  if (std::ranges::find(adopting, node) != adopting.end())
    return false;
  auto* known = nodes_.find(node);
  if (!known || known->can_receive())
    return known != nullptr;
  // Of a unit that can't be read any other way a copy counts wherever it is.
  auto state = judge_.judge(unit);
  return state && state->health == spi::chunk_health::lost && known->can_send();
}

void keeper::impl::on_unwanted_copy(node_id node, const held_fragment& copy,
                                    const unit_record* unit) {
  auto remove = [&] {
    auto adopting = adopting_nodes(copy.key.unit);
    auto is_being_adopted =
        setup_.rules.avoid_removals && std::ranges::find(adopting, node) != adopting.end();
    if (!tasks_.is_target(copy.key.unit, node) && !is_being_adopted &&
        removals_.count(node) < removals_a_node_max)
      removals_.order_removal(node, copy.key, setup_.rules.name_generations ? copy.generation : 0,
                              term_, now_, out_);
  };
  if (!unit)
    return remove();
  if (can_adopt(node, copy.key, *unit))
    return verifier_.add({node, *unit, copy.key.fragment, verifier::reason::adoption});
  if (copy.key.fragment < unit->nodes.size())
    changes_.add_leftover(node, copy.key, judge_.fragment_bytes(*unit, copy.key.fragment), now_);
  auto state = judge_.judge(*unit);
  auto is_whole = state && state->is_healthy() && !tasks_.has_unit(unit->id);
  auto due = recent_moves_.due(node, copy.key);
  if (setup_.rules.grace_before_removal && due > now_)
    auditor_.expect_garbage_at(due);
  else if (is_whole || !setup_.rules.healthy_before_removal)
    remove();
}

std::uint64_t keeper::impl::queue_move(node_id node, const unit_record& unit, bool is_drain) {
  if (queue_.contains(unit.id) || tasks_.has_unit(unit.id))
    return 0;
  auto at = std::ranges::find(unit.nodes, node);
  if (at == unit.nodes.end())
    return 0;
  auto fragment = static_cast<std::uint32_t>(at - unit.nodes.begin());
  if (!judge_.plugins_of(unit.policy) || !judge_.is_readable(unit, fragment))
    return 0;
  repair_queue::entry next;
  next.unit = unit;
  next.rank = is_drain ? repair_queue::drain : repair_queue::rebalance;
  next.sender = node;
  next.bytes = judge_.fragment_bytes(unit, fragment);
  if (!is_drain && !has_relief(unit, next.bytes))
    return 0;
  auto bytes = std::max<std::uint64_t>(next.bytes, 1);
  queue_.push(std::move(next));
  may_start_tasks_ = true;
  return bytes;
}

std::size_t keeper::impl::pending_moves_from(node_id node) const {
  return queue_.moves_from(node) + tasks_.with_purpose(task::purpose::drain, node) +
         tasks_.with_purpose(task::purpose::rebalance, node);
}

/// Is it known how full the node is without copies that nothing refers to? It has told what it
/// holds, and of these copies none is just being removed.
bool keeper::impl::is_use_known(node_id node) const {
  return !changes_.is_full() && auditor_.has_lapped(node) && removals_.count(node) == 0 &&
         changes_.are_removals_told(node);
}

/// Is there a node that may take a fragment of the unit from an overfull one?
bool keeper::impl::has_relief(const unit_record& unit, std::uint64_t bytes) const {
  auto mean = use_.mean();
  return std::ranges::any_of(nodes_.all(), [&](const auto& entry) {
    return use_.may_take(entry.second, bytes, mean) && entry.second.last.free_bytes >= bytes &&
           std::ranges::find(unit.nodes, entry.first) == unit.nodes.end();
  });
}

/// Operators needn't wait for the pause after a search that found too little, nor for an audit.
void keeper::impl::request_rebalance() {
  if (!leads())
    return;
  mover_.request_rebalance();
  for (const auto& [id, node] : nodes_.all())
    if (!is_use_known(id))
      auditor_.on_node_changed(id);
}

rebalance_plan keeper::impl::plan_rebalance() const {
  auto plan = use_.plan();
  for (const auto& each : plan.nodes) {
    plan.waits_for_audit = plan.waits_for_audit || (each.bytes_over > 0 && !is_use_known(each.id));
    plan.under_way +=
        queue_.moves_from(each.id) + tasks_.with_purpose(task::purpose::rebalance, each.id);
  }
  return plan;
}

void keeper::impl::request_verify(std::span<const unit_id> units) {
  if (!leads())
    return;
  to_verify_.insert(units.begin(), units.end());
  to_look_up_.insert(units.begin(), units.end());
}

void keeper::impl::ask_for_units() {
  if (lookup_ != 0 || to_look_up_.empty())
    return;
  auto end = to_look_up_.begin();
  std::advance(end, std::min(to_look_up_.size(), known_ids_max));
  looked_up_.assign(to_look_up_.begin(), end);
  to_look_up_.erase(to_look_up_.begin(), end);
  unit_query next;
  next.id = lookup_ = out_.next_ticket();
  next.what = unit_query::scope::known;
  next.ids = looked_up_;
  next.units_max = static_cast<std::uint32_t>(looked_up_.size());
  out_.ask(std::move(next));
}

/// The units that were looked up.
void keeper::impl::on_units(std::span<const unit_record> units) {
  auto answered = std::exchange(lookup_, 0);
  for (const auto& id : std::exchange(looked_up_, {})) {
    if (out_.stale().is_stale(answered, id)) {
      to_look_up_.insert(id);
      continue;
    }
    auto verifies = to_verify_.erase(id) > 0;
    auto known = std::ranges::lower_bound(units, id, {}, &unit_record::id);
    if (known == units.end() || known->id != id) {
      exceptions_.erase_unit(id);
      unreadable_.erase(id);
      queue_.erase(id);
      continue;
    }
    exceptions_.keep_only(*known);
    tell_of_exceptions(id);
    if (verifies)
      for (std::uint32_t i = 0; i < known->nodes.size(); ++i)
        if (judge_.is_readable(*known, i))
          verifier_.add({known->nodes[i], *known, i, verifier::reason::request});
    consider(*known, survey_.pass());
  }
}

void keeper::impl::on_checked(const verifier::check& what, const order_result& result) {
  fragment_key key{what.unit.id, what.fragment};
  switch (result.what) {
  case order_result::outcome::done: {
    if (what.why != verifier::reason::adoption) {
      if (exceptions_.erase(what.node, key))
        to_look_up_.insert(key.unit);
    } else if (can_adopt(what.node, key, what.unit)) {
      moves_.push_back({{key, what.unit.nodes[what.fragment], what.node}, 0});
    }
    break;
  }
  case order_result::outcome::not_found:
    if (what.why != verifier::reason::adoption)
      on_exception(what.node, key, fragment_condition::gone);
    break;
  case order_result::outcome::damaged:
    if (what.why != verifier::reason::adoption)
      on_exception(what.node, key, fragment_condition::damaged);
    break;
  default:
    break; // found out by the next audit
  }
}

} // namespace atl::keep
