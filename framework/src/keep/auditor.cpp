#include "auditor.hpp"

#include <algorithm>
#include <utility>

namespace atl::keep {

namespace {

// Nodes that are audited at a time: one of so many, within these bounds.
constexpr std::size_t nodes_a_lap = 100;
constexpr std::size_t laps_min = 4;
constexpr std::size_t laps_at_most = 16;
/// A node rests as long as its last audit took, before changes lead to another one.
constexpr int pause_per_lap = 1;
constexpr spi::timestamp answer_timeout{30'000'000};
constexpr spi::timestamp pause_after_failure{1'000'000};
constexpr std::size_t garbage_times_max = 1000;

} // namespace

void auditor::restart(spi::timestamp now) {
  tickets_.clear();
  garbage_at_.clear();
  for (auto& [node, lap] : laps_) {
    auto round = lap.round_done;
    lap = {};
    lap.round_done = round;
    lap.is_wanted = rules_.audit_when_leading;
    lap.ended = now;
    lap.has_ended = !rules_.audit_when_leading;
  }
}

void auditor::expect_garbage_at(spi::timestamp when) {
  if (!garbage_at_.empty() && when <= garbage_at_.back())
    return; // a lap that begins later finds it as well
  if (garbage_at_.size() >= garbage_times_max)
    garbage_at_.back() = when;
  else
    garbage_at_.push_back(when);
}

void auditor::on_node_changed(node_id node) {
  auto& lap = laps_[node];
  lap.is_wanted = true;
  lap.has_lapped = false;
}

void auditor::on_orders_lost(node_id node, spi::timestamp now) {
  if (auto known = laps_.find(node); known != laps_.end() && known->second.at == step::listing)
    give_up(known->second, now);
}

std::uint64_t auditor::request_round() {
  for (const auto& [id, node] : nodes_.all())
    laps_[id].is_wanted = true;
  return ++rounds_;
}

std::uint64_t auditor::finished_round() const {
  auto finished = rounds_;
  for (const auto& [id, node] : nodes_.all()) {
    auto known = laps_.find(id);
    if (node.can_work())
      finished = std::min(finished, known == laps_.end() ? 0 : known->second.round_done);
  }
  return finished;
}

std::size_t auditor::laps_under_way() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(laps_, [](auto& entry) { return entry.second.at != step::idle; }));
}

bool auditor::is_due(const lap& of, spi::timestamp now) const {
  if (now < of.not_before)
    return false;
  if (of.is_wanted)
    return true;
  if (!of.has_ended || now - of.ended >= settings_.audit_period)
    return true;
  auto pause = std::max(settings_.audit_pause, (of.ended - of.began) * pause_per_lap);
  if (now - of.ended < pause)
    return false;
  return state_changes_ != of.changes_at_begin || std::ranges::any_of(garbage_at_, [&](auto when) {
           return when > of.began && when <= now;
         });
}

void auditor::advance(spi::timestamp now) {
  while (garbage_at_.size() > 1 &&
         garbage_at_.front() + settings_.audit_period < now) // every lap since has found it
    garbage_at_.pop_front();
  for (const auto& [id, node] : nodes_.all()) {
    auto& lap = laps_[id];
    if (!node.can_work()) {
      if (lap.at != step::idle)
        give_up(lap, now);
      continue;
    }
    if (lap.at != step::idle && lap.at != step::waiting && now - lap.since >= answer_timeout)
      give_up(lap, now);
  }
  begin_due_laps(now);
  for (auto& [id, lap] : laps_)
    if (lap.at == step::waiting && now >= lap.not_before && calls_.is_ready(id))
      list_next(id, lap, now);
}

/// Nodes take turns, so that those with low ids don't keep others waiting.
void auditor::begin_due_laps(spi::timestamp now) {
  const auto& nodes = nodes_.all();
  auto laps_max = std::clamp(nodes.size() / nodes_a_lap, laps_min, laps_at_most);
  auto under_way = laps_under_way();
  auto at = nodes.upper_bound(last_begun_);
  for (std::size_t i = 0; i < nodes.size() && under_way < laps_max; ++i, ++at) {
    if (at == nodes.end())
      at = nodes.begin();
    auto& lap = laps_[at->first];
    if (lap.at != step::idle || !at->second.can_work() || !is_due(lap, now))
      continue;
    begin_lap(lap, now);
    last_begun_ = at->first;
    ++under_way;
  }
}

void auditor::begin_lap(lap& of, spi::timestamp now) {
  of.at = step::waiting;
  of.is_wanted = false;
  of.began = now;
  of.changes_at_begin = state_changes_;
  of.round_at_begin = rounds_;
  of.fragments = 0;
  of.from = {};
  of.after = {};
}

void auditor::end_lap(node_id node, lap& of, spi::timestamp now) {
  calls_.on_lap_ended(node, of.began);
  of.at = step::idle;
  of.has_ended = true;
  of.ended = now;
  of.has_lapped = true;
  of.round_done = std::max(of.round_done, of.round_at_begin);
}

/// The lap begins again from its start later.
void auditor::give_up(lap& of, spi::timestamp now) {
  tickets_.erase(of.waits_for);
  of.at = step::idle;
  of.is_wanted = true;
  of.not_before = now + pause_after_failure;
}

void auditor::list_next(node_id node, lap& of, spi::timestamp now) {
  of.at = step::listing;
  of.since = now;
  of.held.clear();
  of.wanted.clear();
  of.skipped.clear();
  of.unwanted.clear();
  of.waits_for = out_.next_ticket();
  tickets_[of.waits_for] = node;
  out_.emit(slice_query{of.waits_for, node, of.from});
}

std::map<node_id, auditor::lap>::iterator auditor::lap_of(ticket id) {
  auto known = tickets_.find(id);
  if (known == tickets_.end())
    return laps_.end();
  auto node = known->second;
  tickets_.erase(known);
  return laps_.find(node);
}

void auditor::on_slice(ticket id, std::span<const held_fragment> held, bool is_last,
                       spi::timestamp now) {
  auto entry = lap_of(id);
  if (entry == laps_.end())
    return;
  auto& [node, lap] = *entry;
  lap.held.assign(held.begin(), held.end());
  lap.is_last = is_last || !rules_.whole_lists_only;
  auto is_in_order = std::ranges::is_sorted(lap.held, {}, &held_fragment::key) &&
                     (lap.held.empty() || lap.from <= lap.held.front().key);
  // A slice may end amid the fragments of a unit: the next one begins with that unit again.
  if (!lap.is_last && !lap.held.empty()) {
    auto last = lap.held.back().key.unit;
    while (!lap.held.empty() && lap.held.back().key.unit == last)
      lap.held.pop_back();
    lap.from = {last, 0};
  }
  if (!is_in_order || (!lap.is_last && lap.held.empty()))
    return give_up(lap, now);
  lap.fragments += lap.held.size();
  ask_page(node, lap, now);
}

void auditor::on_slice_failed(ticket id, spi::timestamp now) {
  if (auto entry = lap_of(id); entry != laps_.end())
    give_up(entry->second, now);
}

void auditor::ask_page(node_id node, lap& of, spi::timestamp now) {
  of.at = step::comparing;
  of.since = now;
  of.waits_for = out_.next_ticket();
  tickets_[of.waits_for] = node;
  unit_query next;
  next.id = of.waits_for;
  next.what = unit_query::scope::on_node;
  next.node = node;
  next.after = of.after;
  next.units_max = page_units_max;
  out_.ask(std::move(next));
}

bool auditor::on_page(ticket id, std::span<const unit_record> units, bool more,
                      spi::timestamp now) {
  auto entry = lap_of(id);
  if (entry == laps_.end())
    return false;
  auto& [node, lap] = *entry;
  if (lap.at == step::looking_up) {
    std::erase_if(lap.unwanted,
                  [&](auto& copy) { return out_.stale().is_stale(id, copy.key.unit); });
    settle(node, lap, units, now);
    return true;
  }
  // Units behind the slice are compared with the next one.
  auto is_covered = [&](const unit_id& unit) { return lap.is_last || unit < lap.from.unit; };
  auto reached_end = !more;
  for (const auto& unit : units) {
    if (!is_covered(unit.id)) {
      reached_end = true;
      break;
    }
    lap.after = unit.id;
    if (!out_.stale().is_stale(id, unit.id))
      lap.wanted.push_back(unit);
    else
      lap.skipped.push_back(unit.id);
  }
  if (reached_end)
    compare(node, lap, now);
  else
    ask_page(node, lap, now);
  return true;
}

bool auditor::on_query_failed(ticket id, spi::timestamp now) {
  auto entry = lap_of(id);
  if (entry == laps_.end())
    return false;
  give_up(entry->second, now);
  return true;
}

/// Merges the two lists, both in order of the units.
void auditor::compare(node_id node, lap& of, spi::timestamp now) {
  for (const auto& each : of.held)
    calls_.on_listed(node, each.key);
  auto held = of.held.begin();
  for (const auto& unit : of.wanted) {
    for (; held != of.held.end() && held->key.unit < unit.id; ++held)
      of.unwanted.push_back(*held);
    auto first = held;
    for (; held != of.held.end() && held->key.unit == unit.id; ++held) {
      auto index = held->key.fragment;
      if (index >= unit.nodes.size() || unit.nodes[index] != node)
        of.unwanted.push_back(*held);
      else
        calls_.on_held(node, unit, index);
    }
    for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
      if (unit.nodes[i] == node &&
          std::none_of(first, held, [&](auto& each) { return each.key.fragment == i; }))
        calls_.on_lacking(node, unit, i);
  }
  for (; held != of.held.end(); ++held)
    of.unwanted.push_back(*held);
  std::erase_if(of.unwanted, [&](auto& each) {
    return !calls_.is_old_enough(each.key.unit) ||
           std::ranges::binary_search(of.skipped, each.key.unit);
  });
  look_up(node, of, now);
}

/// Asks the state, which is read after the node made its list, for the units of unwanted copies.
void auditor::look_up(node_id node, lap& of, spi::timestamp now) {
  of.asked.clear();
  for (const auto& each : of.unwanted) {
    if (of.asked.size() >= known_ids_max)
      break;
    if (of.asked.empty() || of.asked.back() != each.key.unit)
      of.asked.push_back(each.key.unit);
  }
  if (of.asked.empty())
    return finish_slice(node, of, now);
  if (!rules_.ask_before_removal)
    return settle(node, of, {}, now);
  of.at = step::looking_up;
  of.since = now;
  of.waits_for = out_.next_ticket();
  tickets_[of.waits_for] = node;
  unit_query next;
  next.id = of.waits_for;
  next.what = unit_query::scope::known;
  next.ids = of.asked;
  next.units_max = static_cast<std::uint32_t>(of.asked.size());
  out_.ask(std::move(next));
}

void auditor::settle(node_id node, lap& of, std::span<const unit_record> units,
                     spi::timestamp now) {
  while (!of.unwanted.empty() && of.unwanted.front().key.unit <= of.asked.back()) {
    auto copy = of.unwanted.front();
    of.unwanted.pop_front();
    auto unit = std::ranges::lower_bound(units, copy.key.unit, {}, &unit_record::id);
    auto is_known = unit != units.end() && unit->id == copy.key.unit;
    auto is_wanted = is_known && copy.key.fragment < unit->nodes.size() &&
                     unit->nodes[copy.key.fragment] == node;
    if (!is_wanted)
      calls_.on_unwanted(node, copy, is_known ? &*unit : nullptr);
  }
  look_up(node, of, now);
}

void auditor::finish_slice(node_id node, lap& of, spi::timestamp now) {
  of.at = step::waiting;
  // The memory of nodes that aren't audited now would add up.
  of.held = std::vector<held_fragment>{}; // `= {}` would keep the memory
  of.wanted = std::vector<unit_record>{};
  of.skipped = std::vector<unit_id>{};
  of.unwanted = std::deque<held_fragment>{};
  of.asked = std::vector<unit_id>{};
  of.waits_for = 0;
  of.not_before = now;
  if (of.is_last)
    end_lap(node, of, now);
}

bool auditor::is_lapping(node_id node) const {
  auto known = laps_.find(node);
  return known != laps_.end() && known->second.at != step::idle;
}

bool auditor::has_lapped(node_id node) const {
  auto known = laps_.find(node);
  return known != laps_.end() && known->second.has_lapped;
}

std::uint64_t auditor::fragments_in_lap(node_id node) const {
  auto known = laps_.find(node);
  return known == laps_.end() ? 0 : known->second.fragments;
}

} // namespace atl::keep
