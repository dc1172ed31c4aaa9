#include <atoll/sim/storage_state_model.hpp>

#include <algorithm>

namespace atl::sim {

using keep::node_state;
using keep::relocation_outcome;
using keep::unit_id;
using keep::unit_record;

namespace {

/// Takes units into a page until it is full.
class page_filler {
 public:
  explicit page_filler(std::uint32_t units_max) : units_max_{units_max} {}

  /// @returns false if the page was full already
  bool take(const unit_record& unit, std::uint8_t spare = 0) {
    page_.more = units_max_ != 0 && page_.units.size() == units_max_;
    if (page_.more)
      return false;
    page_.units.push_back(unit);
    page_.last_spare = spare;
    return true;
  }

  storage_state_model::page result() { return std::move(page_); }

 private:
  std::uint32_t units_max_;
  storage_state_model::page page_;
};

} // namespace

void storage_state_model::define_policy(keep::policy_id policy, const policy_facts& facts) {
  policies_[policy] = facts;
}

void storage_state_model::register_node(keep::node_id node) {
  nodes_.try_emplace(node, node_state::active);
  on_node_[node];
  ++version_;
}

// -- records ----------------------------------------------------------------------------------

std::optional<std::uint8_t> storage_state_model::spare_of(const unit_record& unit) const {
  auto missing = std::ranges::count(unit.nodes, keep::no_node);
  if (missing == 0)
    return std::nullopt;
  auto policy = policies_.find(unit.policy);
  std::int64_t survives = policy == policies_.end() ? 0 : policy->second.survives_losses;
  return static_cast<std::uint8_t>(std::clamp<std::int64_t>(survives - missing + 1, 0, 255));
}

void storage_state_model::list(const unit_record& unit) {
  for (auto node : unit.nodes)
    if (node != keep::no_node)
      on_node_[node].insert(unit.id);
  if (auto spare = spare_of(unit))
    incomplete_.emplace(*spare, unit.id);
}

void storage_state_model::unlist(const unit_record& unit) {
  for (auto node : unit.nodes)
    if (node != keep::no_node)
      on_node_[node].erase(unit.id);
  if (auto spare = spare_of(unit))
    incomplete_.erase({*spare, unit.id});
}

// -- commands ---------------------------------------------------------------------------------

bool storage_state_model::put(const unit_record& unit) {
  auto policy = policies_.find(unit.policy);
  if (unit.id < watermark_ || units_.contains(unit.id) || policy == policies_.end() ||
      unit.nodes.size() != policy->second.fragments)
    return false;
  std::size_t stored = 0;
  for (auto node : unit.nodes) {
    if (node != keep::no_node && !may_hold_fragments(node))
      return false;
    stored += node != keep::no_node ? 1 : 0;
  }
  if (stored < policy->second.fragments_min)
    return false;
  units_.emplace(unit.id, unit);
  list(unit);
  ++version_;
  return true;
}

bool storage_state_model::remove(const unit_id& unit) {
  auto found = units_.find(unit);
  if (found == units_.end())
    return false;
  unlist(found->second);
  units_.erase(found);
  ++version_;
  return true;
}

std::vector<relocation_outcome>
storage_state_model::relocate(std::uint64_t term, std::span<const keep::relocation> moves) {
  if (term < relocation_term_)
    return std::vector(moves.size(), relocation_outcome::superseded);
  relocation_term_ = term;
  std::vector<relocation_outcome> outcomes;
  outcomes.reserve(moves.size());
  for (auto& move : moves) {
    auto found = units_.find(move.key.unit);
    if (found == units_.end()) {
      outcomes.push_back(relocation_outcome::no_such_unit);
      continue;
    }
    auto& unit = found->second;
    if (move.key.fragment >= unit.nodes.size() || move.from == move.to ||
        (move.to != keep::no_node && !may_hold_fragments(move.to))) {
      outcomes.push_back(relocation_outcome::impossible);
      continue;
    }
    if (unit.nodes[move.key.fragment] != move.from) {
      outcomes.push_back(relocation_outcome::is_elsewhere);
      continue;
    }
    unlist(unit);
    unit.nodes[move.key.fragment] = move.to;
    list(unit);
    ++version_;
    outcomes.push_back(relocation_outcome::moved);
  }
  return outcomes;
}

bool storage_state_model::set_node_state(keep::node_id node, node_state to) {
  auto found = nodes_.find(node);
  if (found == nodes_.end())
    return false;
  auto& state = found->second;
  if (state == to)
    return true;
  if (state == node_state::forgotten || (state == node_state::dead && to == node_state::draining))
    return false;
  state = to;
  ++version_;
  return true;
}

void storage_state_model::raise_watermark(const unit_id& to) {
  if (watermark_ < to) {
    watermark_ = to;
    ++version_;
  }
}

// -- queries ----------------------------------------------------------------------------------

storage_state_model::page storage_state_model::query(const keep::unit_query& query) const {
  page_filler page{query.what == keep::unit_query::scope::known ? 0 : query.units_max};
  switch (query.what) {
  case keep::unit_query::scope::incomplete: {
    std::pair from{query.after_spare, query.after};
    auto at =
        query.after == unit_id{} ? incomplete_.lower_bound(from) : incomplete_.upper_bound(from);
    for (; at != incomplete_.end() && page.take(units_.at(at->second), at->first); ++at)
      ;
    break;
  }
  case keep::unit_query::scope::on_node: {
    auto& units = units_on(query.node);
    auto at = query.after == unit_id{} ? units.begin() : units.upper_bound(query.after);
    for (; at != units.end() && page.take(units_.at(*at)); ++at)
      ;
    break;
  }
  case keep::unit_query::scope::known:
    for (auto& id : std::set(query.ids.begin(), query.ids.end()))
      if (auto found = units_.find(id); found != units_.end())
        page.take(found->second);
    break;
  }
  return page.result();
}

const unit_record* storage_state_model::find(const unit_id& unit) const {
  auto found = units_.find(unit);
  return found == units_.end() ? nullptr : &found->second;
}

std::optional<node_state> storage_state_model::state_of(keep::node_id node) const {
  auto found = nodes_.find(node);
  return found == nodes_.end() ? std::nullopt : std::optional{found->second};
}

bool storage_state_model::may_hold_fragments(keep::node_id node) const {
  auto state = state_of(node);
  return state == node_state::active || state == node_state::draining;
}

std::vector<keep::node_record> storage_state_model::nodes() const {
  std::vector<keep::node_record> out;
  for (auto& [id, state] : nodes_)
    out.push_back({id, state});
  return out;
}

const std::set<unit_id>& storage_state_model::units_on(keep::node_id node) const {
  static const std::set<unit_id> none;
  auto found = on_node_.find(node);
  return found == on_node_.end() ? none : found->second;
}

} // namespace atl::sim
