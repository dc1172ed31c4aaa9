#include "storage_checker.hpp"

#include "keeper_hosts.hpp"
#include "storage_node.hpp"

#include <algorithm>
#include <limits>

namespace atl::sim {

using keep::fragment_key;
using keep::node_id;
using keep::node_state;
using keep::no_node;
using keep::order;
using keep::unit_record;

namespace {

constexpr std::int64_t second = 1'000'000;
/// A keeper that hears no outcome of an order gives it up no sooner.
constexpr std::int64_t order_patience = 1 * second;
constexpr std::int64_t removal_patience = 20 * second;
/// How long a leader may take to learn of a change of the state, and of a returned node.
constexpr std::int64_t notice_time = 10 * second;
constexpr std::int64_t flapping_window = 300 * second;
constexpr std::uint32_t verifications_max = 4;
constexpr std::int64_t verification_window = 30 * second;

} // namespace

storage_checker::storage_checker(storage_world& world)
    : world_{world}, survives_{world.scheme().promised().survives_losses},
      former_settings_{world.parameters().settings} {}

// -- units ------------------------------------------------------------------------------------

std::vector<bool> storage_checker::present(const unit_record& unit) const {
  std::vector<bool> out(unit.nodes.size());
  for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
    out[i] = unit.nodes[i] != no_node && world_.node(unit.nodes[i]).holds({unit.id, i});
  return out;
}

void storage_checker::evaluate(const keep::unit_id& id) {
  auto* unit = world_.state().find(id);
  if (!unit) {
    flawed_.erase(id);
    return;
  }
  auto is_present = present(*unit);
  auto missing = static_cast<std::uint32_t>(std::ranges::count(is_present, false));
  if (missing == 0) {
    flawed_.erase(id);
    return;
  }
  auto& flawed = flawed_[id];
  // A fragment that was made anew isn't lost any more.
  flawed.losses = std::min(flawed.losses, missing);
  if (flawed.excused || world_.scheme().enough(is_present))
    return;
  if (flawed.losses > survives_) {
    flawed.excused = true;
    ++world_.stats().units_lost;
    world_.trace("{} has lost more than its scheme survives", to_text(id));
    return;
  }
  world_.violate(storage_violation::unit_lost,
                 fmt::format("{} of {} fragments of {} are where the state wants them, although "
                             "faults have taken only {}",
                             is_present.size() - missing, is_present.size(), to_text(id),
                             flawed.losses));
}

bool storage_checker::is_excused(const keep::unit_id& unit) const {
  auto found = flawed_.find(unit);
  return found != flawed_.end() && found->second.excused;
}

/// Is the unit, as far as the state knows, one loss from its end?
void storage_checker::evaluate_danger(const unit_record& unit) {
  std::vector<bool> known(unit.nodes.size());
  for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
    known[i] = unit.nodes[i] != no_node && world_.state().may_hold_fragments(unit.nodes[i]);
  auto is_endangered = false;
  if (std::ranges::count(known, false) > 0 && world_.scheme().enough(known))
    for (std::uint32_t i = 0; i < known.size() && !is_endangered; ++i)
      if (known[i]) {
        known[i] = false;
        is_endangered = !world_.scheme().enough(known);
        known[i] = true;
      }
  if (!is_endangered)
    endangered_.erase(unit.id);
  else
    endangered_.try_emplace(unit.id, endangered_unit{world_.now(), 0});
}

// -- disks ------------------------------------------------------------------------------------

bool storage_checker::may_destroy(node_id node, const fragment_key& key) const {
  auto* unit = world_.state().find(key.unit);
  if (!unit || !world_.node(node).holds(key))
    return true;
  auto flawed = flawed_.find(key.unit);
  return (flawed == flawed_.end() ? 0 : flawed->second.losses) < survives_;
}

void storage_checker::on_destroyed(node_id node, const fragment_key& key, bool was_intact) {
  if (!was_intact)
    return;
  ++world_.stats().fragments_lost;
  destroyed_.insert({node, key});
  auto* unit = world_.state().find(key.unit);
  if (!unit || key.fragment >= unit->nodes.size() || unit->nodes[key.fragment] != node)
    return;
  ++flawed_[key.unit].losses;
  evaluate(key.unit);
}

void storage_checker::on_stored(node_id node, const fragment_key& key) {
  destroyed_.erase({node, key});
  if (flawed_.contains(key.unit))
    evaluate(key.unit);
}

void storage_checker::on_removal(node_id node, const fragment_key& key, std::uint64_t term) {
  auto* unit = world_.state().find(key.unit);
  auto what = fmt::format("node {} removes {} by an order of term {}", node, to_text(key), term);
  if (!unit && !(key.unit < world_.state().watermark()))
    return world_.violate(storage_violation::young_removed,
                          what + ", and a client could still put the unit");
  if (!unit)
    return;
  if (key.fragment < unit->nodes.size() && unit->nodes[key.fragment] == node)
    return world_.violate(storage_violation::wanted_removed, what + ", where the state wants it");
  auto left = left_behind_.find({node, key});
  auto* copy = world_.node(node).find(key);
  auto grace =
      std::min(world_.parameters().settings.grace, former_settings_.grace).count();
  if (left != left_behind_.end() && copy->stored_at <= left->second &&
      world_.now() - left->second < grace)
    world_.violate(storage_violation::removed_too_soon,
                   fmt::format("{}, {} ms after it was moved away; the grace time is {} ms", what,
                               (world_.now() - left->second) / 1000, grace / 1000));
}

void storage_checker::on_complaint(node_id node, const fragment_key& key) {
  complaints_[{node, key}] = world_.now();
}

// -- the state --------------------------------------------------------------------------------

void storage_checker::on_put(const unit_record& unit) {
  auto is_present = present(unit);
  auto missing = static_cast<std::uint32_t>(std::ranges::count(is_present, false));
  wanted_ += unit.nodes.size() -
             static_cast<std::size_t>(std::ranges::count(unit.nodes, no_node));
  if (missing == 0)
    return;
  flawed_[unit.id].losses = missing;
  evaluate(unit.id);
  evaluate_danger(unit);
}

void storage_checker::on_removed(const unit_record& unit) {
  wanted_ -= unit.nodes.size() -
             static_cast<std::size_t>(std::ranges::count(unit.nodes, no_node));
  flawed_.erase(unit.id);
  endangered_.erase(unit.id);
}

bool storage_checker::was_active_since(node_id node, std::int64_t at) const {
  if (world_.state().state_of(node) != node_state::active)
    return false;
  auto last = inactive_until_.find(node);
  return last == inactive_until_.end() || last->second < at;
}

bool storage_checker::has_complaint_since(const place& where, std::int64_t at) const {
  auto last = complaints_.find(where);
  return last != complaints_.end() && last->second >= at;
}

/// A fragment may be moved away from a node only if that node isn't used any more, or if it said
/// that it doesn't have the fragment in order.
void storage_checker::check_move(const keep::relocation& move) {
  if (move.from == no_node || world_.parameters().settings.rebalance_threshold > 0)
    return;
  auto& from = world_.node(move.from);
  auto* copy = from.find(move.key);
  if (!copy || !copy->is_intact || !from.takes_data())
    return;
  auto ordered = ordered_at_.find({move.to, move.key});
  auto decided = (ordered == ordered_at_.end() ? world_.now() - 60 * second : ordered->second) -
                 notice_time;
  if (!was_active_since(move.from, decided) ||
      has_complaint_since({move.from, move.key}, std::min(copy->stored_at, decided) - notice_time))
    return;
  world_.violate(storage_violation::needless_move,
                 fmt::format("{} is moved from node {} to node {}, although it is in order there, "
                             "and the node is in use",
                             to_text(move.key), move.from, move.to));
}

void storage_checker::on_relocated(const keep::relocation& move) {
  wanted_ += move.from == no_node ? 1 : 0;
  wanted_ -= move.to == no_node ? 1 : 0;
  if (move.from != no_node)
    left_behind_[{move.from, move.key}] = world_.now();
  left_behind_.erase({move.to, move.key});
  check_move(move);
  auto& unit = *world_.state().find(move.key.unit);
  if (move.to != no_node) {
    if (std::ranges::count(unit.nodes, move.to) > 1)
      world_.violate(storage_violation::stacked, fmt::format("node {} has two fragments of {}",
                                                             move.to, to_text(unit.id)));
    if (!world_.node(move.to).holds(move.key)) {
      if (!destroyed_.contains({move.to, move.key}))
        return world_.violate(storage_violation::relocated_to_nothing,
                              fmt::format("{} is moved to node {}, which doesn't have it",
                                          to_text(move.key), move.to));
      ++flawed_[unit.id].losses;
    }
  }
  evaluate(unit.id);
  evaluate_danger(unit);
}

void storage_checker::on_node_state(node_id node) {
  auto state = world_.state().state_of(node);
  if (state != node_state::active)
    inactive_until_[node] = std::numeric_limits<std::int64_t>::max();
  else if (auto last = inactive_until_.find(node); last != inactive_until_.end())
    last->second = world_.now();
  auto units = world_.state().units_on(node);
  for (auto& id : units)
    evaluate_danger(*world_.state().find(id));
}

void storage_checker::on_declared(node_id node, node_state to) {
  if (to != node_state::dead)
    return;
  ++world_.stats().deaths;
  auto& settings = world_.parameters().settings;
  auto silence = world_.hosts().silence(node);
  if (silence < settings.dead_after.count())
    return world_.violate(storage_violation::dead_too_soon,
                          fmt::format("node {} was silent for {} ms, and counts as lost only "
                                      "after {} ms",
                                      node, silence / 1000, settings.dead_after.count() / 1000));
  // A silence that isn't much longer than it must be doesn't suffice again and again.
  if (2 * silence > 3 * settings.dead_after.count())
    return;
  auto& times = deaths_[node];
  while (!times.empty() &&
         times.front() < std::max(leader_since_, world_.now() - flapping_window))
    times.pop_front();
  times.push_back(world_.now());
  if (times.size() > 2)
    world_.violate(storage_violation::flapping_storm,
                   fmt::format("node {} counts as lost for the {}. time in {} s", node,
                               times.size(), (world_.now() - times.front()) / second));
}

// -- keepers ----------------------------------------------------------------------------------

void storage_checker::on_leader() {
  leader_since_ = world_.now();
  orders_.clear();
  removals_.clear();
  making_.clear();
  making_at_.clear();
  verified_.clear();
  for (auto& [id, unit] : endangered_)
    unit = {world_.now(), 0};
  cluster_gauge_.reset();
  node_gauges_.clear();
}

void storage_checker::on_settings(const keep::keeper_settings&) {
  former_settings_ = world_.parameters().settings;
  settings_since_ = world_.now();
  cluster_gauge_.reset();
  node_gauges_.clear();
}

void storage_checker::on_heard(std::uint32_t host, node_id node, std::int64_t silence) {
  if (silence < world_.parameters().settings.down_after.count() / 2)
    return;
  auto& times = returns_[{host, node}];
  times.push_back(world_.now());
  while (times.front() < world_.now() - flapping_window)
    times.pop_front();
}

std::uint32_t storage_checker::returns_of(node_id node) const {
  std::size_t most = 0;
  for (auto& [who, times] : returns_)
    if (who.second == node)
      most = std::max(most, times.size());
  return static_cast<std::uint32_t>(most);
}

void storage_checker::on_order(const order& what, bool leads) {
  auto broken = [&](std::string_view why) {
    world_.violate(storage_violation::interface_broken,
                   fmt::format("order {} for {} {}", what.id, to_text(what.key), why));
  };
  if (!world_.has_node(what.at))
    return broken(fmt::format("goes to node {}, which doesn't exist", what.at));
  auto makes = what.what == order::work::copy || what.what == order::work::rebuild;
  if (makes && what.sources.empty())
    return broken("names no source");
  switch (what.what) {
  case order::work::verify: ++world_.stats().verifications; break;
  case order::work::remove: ++world_.stats().removals; break;
  default: ++world_.stats().copies;
  }
  if (!leads)
    return;
  if (what.term != world_.hosts().term())
    return broken(fmt::format("is of term {}, in term {}", what.term, world_.hosts().term()));
  if (!orders_.try_emplace(what.id, pending_order{what.at, world_.node(what.at).incarnation(),
                                                  what.key, what.what, world_.now()})
           .second)
    return broken("has the ticket of another one");
  if (makes)
    check_copy(what);
  else if (what.what == order::work::remove)
    removals_[{what.at, what.key}] = what.id;
  else
    check_verification(what);
}

void storage_checker::forget_order(keep::ticket id) {
  auto found = orders_.find(id);
  if (found == orders_.end())
    return;
  auto& pending = found->second;
  if (auto at = removals_.find({pending.at, pending.key}); at != removals_.end() && at->second == id)
    removals_.erase(at);
  if (auto at = making_.find(pending.key); at != making_.end() && at->second == id)
    making_.erase(at);
  making_at_[pending.at].erase(id);
  orders_.erase(found);
}

void storage_checker::on_answered(keep::ticket id) {
  forget_order(id);
}

/// May the keeper still expect an answer?
bool storage_checker::is_under_way(keep::ticket id, std::int64_t age_max) const {
  auto found = orders_.find(id);
  if (found == orders_.end())
    return false;
  auto& pending = found->second;
  auto& node = world_.node(pending.at);
  return world_.now() - pending.since < age_max && node.up() &&
         node.incarnation() == pending.incarnation &&
         2 * world_.hosts().silence(pending.at) < world_.parameters().settings.down_after.count();
}

void storage_checker::check_copy(const order& what) {
  ordered_at_[{what.at, what.key}] = world_.now();
  auto made = making_.find(what.key);
  if (made != making_.end() && is_under_way(made->second, order_patience))
    return world_.violate(storage_violation::doubled_task,
                          fmt::format("node {} is ordered to make {}, which node {} is making",
                                      what.at, to_text(what.key), orders_.at(made->second).at));
  making_[what.key] = what.id;
  making_at_[what.at].insert(what.id);
  for (auto at = removals_.lower_bound({what.at, {what.key.unit, 0}});
       at != removals_.end() && at->first.first == what.at &&
       at->first.second.unit == what.key.unit;
       ++at)
    if (is_under_way(at->second, removal_patience))
      return world_.violate(storage_violation::copied_onto_removal,
                            fmt::format("node {} is ordered to make {} while it is ordered to "
                                        "remove {}",
                                        what.at, to_text(what.key), to_text(at->first.second)));
  check_streams(what);
  check_rates(what);
  check_danger(what);
}

void storage_checker::check_streams(const order& what) {
  auto allowed =
      std::max(world_.parameters().settings.streams_in, former_settings_.streams_in);
  std::uint32_t streams = 0;
  for (auto id : making_at_[what.at])
    streams += is_under_way(id, order_patience) ? 1 : 0;
  if (streams > allowed)
    world_.violate(storage_violation::too_many_streams,
                   fmt::format("node {} is to make {} fragments at a time, of which {} are allowed",
                               what.at, streams, allowed));
}

bool storage_checker::rate_gauge::take(std::uint64_t bytes, double rate, double burst,
                                       std::int64_t now) {
  level_ = std::max(0.0, level_ - rate * static_cast<double>(now - last_) / 1e6);
  last_ = now;
  level_ += static_cast<double>(bytes);
  return rate == 0 || level_ <= burst;
}

/// 0: no bound.
std::uint64_t storage_checker::rate_in_force(std::uint64_t keep::keeper_settings::*rate) const {
  auto now = world_.parameters().settings.*rate;
  auto before = former_settings_.*rate;
  if (world_.now() - settings_since_ > order_patience)
    return now;
  return now == 0 || before == 0 ? 0 : std::max(now, before);
}

void storage_checker::check_rates(const order& what) {
  auto piece = static_cast<double>(world_.options().unit_bytes_max);
  auto repair = rate_in_force(&keep::keeper_settings::repair_rate);
  auto rate = repair == 0
                  ? 0.0
                  : static_cast<double>(repair +
                                        rate_in_force(&keep::keeper_settings::danger_rate));
  auto burst = rate / 10 + piece * (world_.node_count() + 1);
  if (!cluster_gauge_.take(what.fragment_bytes, rate, burst, world_.now()))
    world_.violate(storage_violation::rate_exceeded,
                   fmt::format("more is copied than {} bytes a second", rate));
  auto node_rate = static_cast<double>(rate_in_force(&keep::keeper_settings::node_rate));
  if (!node_gauges_[what.at].take(what.fragment_bytes, node_rate, node_rate / 10 + 3 * piece,
                                  world_.now()))
    world_.violate(storage_violation::rate_exceeded,
                   fmt::format("more is copied to node {} than {} bytes a second", what.at,
                               node_rate));
}

/// Is there a node to read each needed fragment from, and one to store another fragment on?
bool storage_checker::can_be_repaired(const unit_record& unit) const {
  auto is_heard = [&](node_id node) {
    return world_.node(node).up() && 2 * world_.hosts().silence(node) <
                                         world_.parameters().settings.down_after.count();
  };
  std::vector<bool> readable(unit.nodes.size());
  for (std::uint32_t i = 0; i < unit.nodes.size(); ++i) {
    auto node = unit.nodes[i];
    readable[i] = node != no_node && is_heard(node) && world_.node(node).can_read({unit.id, i});
  }
  if (!world_.scheme().enough(readable))
    return false;
  for (node_id id = 1; id <= world_.node_count(); ++id) {
    auto& node = world_.node(id);
    if (is_heard(id) && node.takes_data() && !node.is_full() &&
        world_.state().state_of(id) == node_state::active &&
        std::ranges::find(unit.nodes, id) == unit.nodes.end())
      return true;
  }
  return false;
}

void storage_checker::check_danger(const order& what) {
  constexpr std::size_t looked_at = 16;
  if (endangered_.contains(what.key.unit))
    return;
  repairs_of_others_ += what.fragment_bytes;
  auto& settings = world_.parameters().settings;
  auto allowed = (std::uint64_t{world_.node_count()} * settings.streams_in + 8) *
                 world_.options().unit_bytes_max;
  std::size_t looked = 0;
  for (auto& [id, waits] : endangered_) {
    if (++looked > looked_at)
      break;
    auto making = making_.lower_bound({id, 0});
    auto is_made = making != making_.end() && making->first.unit == id;
    if (is_made || !can_be_repaired(*world_.state().find(id)))
      waits = {world_.now(), 0};
    if (world_.now() - std::max(waits.since, leader_since_) < notice_time)
      continue;
    if (waits.others_at_begin == 0)
      waits.others_at_begin = repairs_of_others_;
    if (repairs_of_others_ - waits.others_at_begin > allowed)
      return world_.violate(storage_violation::endangered_waited,
                            fmt::format("{}, which the next loss destroys, has waited for {} ms; "
                                        "meanwhile {} bytes were ordered to be copied for others",
                                        to_text(id), (world_.now() - waits.since) / 1000,
                                        repairs_of_others_ - waits.others_at_begin));
  }
}

/// A node is asked for a fragment that it has had for long only if there is a doubt.
void storage_checker::check_verification(const order& what) {
  auto* unit = world_.state().find(what.key.unit);
  auto& node = world_.node(what.at);
  auto* copy = node.find(what.key);
  if (!unit || what.key.fragment >= unit->nodes.size() ||
      unit->nodes[what.key.fragment] != what.at || !copy || !copy->is_intact || !node.up() ||
      world_.now() - copy->stored_at < verification_window ||
      has_complaint_since({what.at, what.key}, world_.now() - 2 * verification_window))
    return;
  auto& [since, count] = verified_[{what.at, what.key}];
  if (world_.now() - since > verification_window) {
    since = world_.now();
    count = 0;
  }
  if (++count > verifications_max)
    world_.violate(storage_violation::verified_for_nothing,
                   fmt::format("node {} is ordered for the {}. time in {} s to verify {}, which it "
                               "has in order",
                               what.at, count, (world_.now() - since) / second,
                               to_text(what.key)));
}

// -- the end ----------------------------------------------------------------------------------

std::uint64_t storage_checker::bytes_to_copy() {
  std::uint64_t bytes = 0;
  auto& state = world_.state();
  auto add = [&](const unit_record& unit) {
    for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
      if (auto node = unit.nodes[i];
          node == no_node || state.state_of(node) != node_state::active ||
          world_.node(node).is_gone() || !world_.node(node).holds({unit.id, i}))
        bytes += world_.fragment_bytes(unit, i);
  };
  std::set<keep::unit_id> units;
  for (auto& [id, flawed] : flawed_)
    units.insert(id);
  for (node_id node = 1; node <= world_.node_count(); ++node)
    if (state.state_of(node) != node_state::active || world_.node(node).is_gone())
      units.insert(state.units_on(node).begin(), state.units_on(node).end());
  for (auto& id : units)
    add(*state.find(id));
  return bytes;
}

std::string storage_checker::disorder() {
  auto& state = world_.state();
  std::uint64_t absent = 0; ///< named fragments whose node has no copy at all
  for (auto& [id, flawed] : flawed_) {
    auto& unit = *state.find(id);
    if (!flawed.excused)
      return fmt::format("{} has {} of {} fragments", to_text(id),
                         std::ranges::count(present(unit), true), unit.nodes.size());
    for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
      absent += unit.nodes[i] != no_node && !world_.node(unit.nodes[i]).find({id, i}) ? 1 : 0;
  }
  for (node_id node = 1; node <= world_.node_count(); ++node) {
    auto what = state.state_of(node);
    if (what == node_state::active)
      continue;
    if (what == node_state::dead && world_.node(node).up())
      return fmt::format("node {} is up and counts as lost", node);
    for (auto& id : state.units_on(node))
      if (!is_excused(id))
        return fmt::format("{} is still on node {}, which is {}", to_text(id), node,
                           what == node_state::draining ? "to be emptied" : "lost");
  }
  auto surplus = copies_ - static_cast<std::int64_t>(wanted_ - absent);
  if (surplus == 0)
    return {};
  for (node_id node = 1; node <= world_.node_count(); ++node)
    for (auto& [key, copy] : world_.node(node).copies()) {
      auto* unit = state.find(key.unit);
      if (!unit || key.fragment >= unit->nodes.size() || unit->nodes[key.fragment] != node)
        return fmt::format("node {} holds {}, which nothing refers to there ({} such copies)", node,
                           to_text(key), surplus);
    }
  return fmt::format("{} copies are too many", surplus);
}

} // namespace atl::sim
