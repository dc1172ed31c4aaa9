#include "keeper_hosts.hpp"
#include "storage_checker.hpp"
#include "storage_node.hpp"

#include <algorithm>

namespace atl::sim {

using keep::no_node;
using keep::node_id;
using keep::node_state;
using keep::order;
using keep::unit_record;

namespace {

constexpr std::int64_t second = 1'000'000;
/// A keeper that hears no outcome of an order gives it up no sooner.
constexpr std::int64_t order_patience = 1 * second;
constexpr std::int64_t removal_patience = 20 * second;
constexpr std::uint32_t verifications_max = 4;
constexpr std::int64_t verification_window = 30 * second;

} // namespace

void storage_checker::on_leader() {
  leader_since_ = world_.now();
  orders_.clear();
  removals_.clear();
  making_.clear();
  making_at_.clear();
  sending_.clear();
  verified_.clear();
  for (auto& [id, unit] : endangered_)
    unit = {world_.now(), 0};
  cluster_gauge_.reset();
  balance_gauge_.reset();
  balance_.on_leader();
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

void storage_checker::on_order(const order& what, std::uint64_t incarnation, bool leads) {
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
  case order::work::verify:
    ++world_.stats().verifications;
    break;
  case order::work::remove:
    ++world_.stats().removals;
    break;
  default:
    ++world_.stats().copies;
  }
  if (!leads)
    return;
  if (what.term != world_.hosts().term())
    return broken(fmt::format("is of term {}, in term {}", what.term, world_.hosts().term()));
  pending_order pending{what.at, incarnation, what.key, what.what, world_.now(), what.sources};
  if (makes) {
    if (what.senders == 0 || what.senders > what.sources.size())
      return broken(fmt::format("reads {} of {} sources", what.senders, what.sources.size()));
    pending.sources.resize(what.senders); // the others are for the case that one of them fails
  }
  if (!orders_.try_emplace(what.id, std::move(pending)).second)
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
  if (auto at = removals_.find({pending.at, pending.key});
      at != removals_.end() && at->second == id)
    removals_.erase(at);
  if (auto at = making_.find(pending.key); at != making_.end() && at->second == id)
    making_.erase(at);
  making_at_[pending.at].erase(id);
  if (pending.what == order::work::copy || pending.what == order::work::rebuild)
    for (auto& source : pending.sources)
      --sending_[source.node];
  orders_.erase(found);
}

void storage_checker::on_answered(keep::ticket id, const keep::order_result& result) {
  auto found = orders_.find(id);
  if (found != orders_.end() && result.what == keep::order_result::outcome::done &&
      (found->second.what == order::work::copy || found->second.what == order::work::rebuild))
    on_stored_news(found->second.at, found->second.key);
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
  for (auto& source : orders_.at(what.id).sources)
    ++sending_[source.node];
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
  check_balance(what);
  check_zones(what);
}

/// A fragment in order that leaves a node in use is moved because the node is overfull.
void storage_checker::check_balance(const order& what) {
  auto* unit = world_.state().find(what.key.unit);
  if (!unit || what.key.fragment >= unit->nodes.size() ||
      world_.parameters().settings.rebalance_threshold <= 0)
    return;
  auto from = unit->nodes[what.key.fragment];
  auto since = world_.now() - notice_time;
  auto relocated = relocated_at_.find(what.key);
  if (from == no_node || !was_in_order(what.key, from, since) ||
      (relocated != relocated_at_.end() && relocated->second > since))
    return;
  balance_.on_order(what, from);
  auto rate = static_cast<double>(rate_in_force(&keep::keeper_settings::rebalance_rate));
  auto burst = rate / 10 + 2 * static_cast<double>(world_.options().unit_bytes_max);
  if (!balance_gauge_.take(what.fragment_bytes, rate, burst, world_.now()))
    world_.violate(storage_violation::rate_exceeded,
                   fmt::format("rebalancing moves more than {} bytes a second", rate));
}

void storage_checker::check_streams(const order& what) {
  auto allowed = std::max(world_.parameters().settings.streams_in, former_settings_.streams_in);
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
  auto rate =
      repair == 0
          ? 0.0
          : static_cast<double>(repair + rate_in_force(&keep::keeper_settings::danger_rate));
  auto burst = rate / 10 + piece * (world_.node_count() + 1);
  if (!cluster_gauge_.take(what.fragment_bytes, rate, burst, world_.now()))
    world_.violate(storage_violation::rate_exceeded,
                   fmt::format("more is copied than {} bytes a second", rate));
  auto node_rate = static_cast<double>(rate_in_force(&keep::keeper_settings::node_rate));
  if (!node_gauges_[what.at].take(what.fragment_bytes, node_rate, node_rate / 10 + 3 * piece,
                                  world_.now()))
    world_.violate(
        storage_violation::rate_exceeded,
        fmt::format("more is copied to node {} than {} bytes a second", what.at, node_rate));
}

/// Is there a node to read each needed fragment from, and one to store another fragment on? Each
/// with a stream to spare: one that a lost order holds is free only after a keeper gave it up.
bool storage_checker::can_be_repaired(const unit_record& unit) {
  auto is_heard = [&](node_id node) {
    return world_.node(node).up() &&
           2 * world_.hosts().silence(node) < world_.parameters().settings.down_after.count();
  };
  auto& settings = world_.parameters().settings;
  std::vector<bool> readable(unit.nodes.size());
  for (std::uint32_t i = 0; i < unit.nodes.size(); ++i) {
    auto node = unit.nodes[i];
    readable[i] = node != no_node && is_heard(node) && sending_[node] < settings.streams_out &&
                  world_.node(node).can_read({unit.id, i});
  }
  if (!world_.scheme().enough(readable))
    return false;
  for (node_id id = 1; id <= world_.node_count(); ++id) {
    auto& node = world_.node(id);
    if (is_heard(id) && node.takes_data() && !node.is_full() &&
        making_at_[id].size() < settings.streams_in &&
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
      was_doubted_since({what.at, what.key}, world_.now() - 2 * verification_window))
    return;
  auto& [since, incarnation, count] = verified_[{what.at, what.key}];
  if (world_.now() - since > verification_window || incarnation != node.incarnation()) {
    since = world_.now();
    incarnation = node.incarnation();
    count = 0;
  }
  if (++count > verifications_max)
    world_.violate(storage_violation::verified_for_nothing,
                   fmt::format("node {} is ordered for the {}. time in {} s to verify {}, which it "
                               "has in order",
                               what.at, count, (world_.now() - since) / second, to_text(what.key)));
}

} // namespace atl::sim
