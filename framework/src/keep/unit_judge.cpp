#include "unit_judge.hpp"

#include <algorithm>
#include <exception>

namespace atl::keep {

namespace {

using spi::fragment_state;

} // namespace

const policy_plugins* unit_judge::plugins_of(policy_id policy) const {
  auto* plugins = setup_.plugins_of(policy);
  return plugins && plugins->recovery && plugins->placement ? plugins : nullptr;
}

bool unit_judge::is_lost(const unit_record& unit, std::uint32_t fragment) const {
  auto node = unit.nodes[fragment];
  return node == no_node || nodes_.is_lost(node) || exceptions_.find(node, {unit.id, fragment});
}

bool unit_judge::is_readable(const unit_record& unit, std::uint32_t fragment) const {
  return !is_lost(unit, fragment) && !nodes_.is_bad(unit.nodes[fragment]);
}

spi::chunk_report unit_judge::report_of(const unit_record& unit) const {
  spi::chunk_report report;
  for (std::uint32_t i = 0; i < unit.nodes.size(); ++i) {
    auto node = unit.nodes[i];
    if (node == no_node)
      continue;
    auto state = fragment_state::ok;
    if (auto exception = exceptions_.find(node, {unit.id, i}))
      state = *exception == fragment_condition::damaged ? fragment_state::corrupt
                                                        : fragment_state::missing;
    else if (nodes_.is_lost(node))
      state = fragment_state::missing;
    else if (nodes_.is_bad(node))
      state = fragment_state::unreachable;
    report.fragments.push_back({i, node, state});
  }
  return report;
}

std::optional<unit_state> unit_judge::judge(const unit_record& unit) {
  auto* plugins = plugins_of(unit.policy);
  if (!plugins) {
    problem_ = "policy " + std::to_string(unit.policy) + " isn't known, or its plugins aren't";
    return std::nullopt;
  }
  unit_state state;
  try {
    auto verdict = plugins->recovery->judge(report_of(unit));
    state.health = verdict.health;
    state.spare = verdict.spare;
  } catch (const std::exception& thrown) {
    problem_ =
        "the recovery scheme of policy " + std::to_string(unit.policy) + " threw: " + thrown.what();
    return std::nullopt;
  }
  for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
    if (is_lost(unit, i))
      state.lost_fragments.push_back(i);
  return state;
}

std::vector<remedy> unit_judge::plan(const unit_record& unit, const unit_state& state) {
  auto* plugins = plugins_of(unit.policy);
  if (!plugins)
    return {};
  std::vector<spi::repair_step> steps;
  auto report = report_of(unit);
  try {
    steps = plugins->recovery->plan({&report, 1});
  } catch (const std::exception& thrown) {
    problem_ =
        "the recovery scheme of policy " + std::to_string(unit.policy) + " threw: " + thrown.what();
    return {};
  }
  std::vector<remedy> remedies;
  for (const auto& step : steps) {
    // A scheme also plans what an unreachable node holds; that node may be back soon.
    if (std::ranges::find(state.lost_fragments, step.fragment) == state.lost_fragments.end())
      continue;
    remedy next{step.fragment, step.action == spi::repair_action::copy, {}};
    if (!next.by_copying && step.action != spi::repair_action::rebuild)
      continue;
    for (std::size_t i = 0; i < step.sources.size(); ++i) {
      auto node = static_cast<node_id>(step.sources[i]);
      // Copies of whole units are alike, whatever their index.
      auto fragment = step.fragment;
      if (!next.by_copying)
        fragment = i < step.source_fragments.size() ? step.source_fragments[i] : step.fragment;
      else if (auto at = std::ranges::find(unit.nodes, node); at != unit.nodes.end())
        fragment = static_cast<std::uint32_t>(at - unit.nodes.begin());
      if (fragment < unit.nodes.size() && unit.nodes[fragment] == node &&
          is_readable(unit, fragment))
        next.sources.push_back({fragment, node});
    }
    if (!next.by_copying) {
      next.senders = next.sources.size();
      add_spare_sources(unit, next);
    }
    if (!next.sources.empty())
      remedies.push_back(std::move(next));
  }
  return remedies;
}

void unit_judge::add_spare_sources(const unit_record& unit, remedy& rebuild) const {
  for (std::uint32_t i = 0; i < unit.nodes.size(); ++i)
    if (i != rebuild.fragment && is_readable(unit, i) &&
        std::ranges::find(rebuild.sources, i, &order_source::fragment) == rebuild.sources.end())
      rebuild.sources.push_back({i, unit.nodes[i]});
}

std::uint64_t unit_judge::fragment_bytes(const unit_record& unit, std::uint32_t fragment) {
  auto* plugins = plugins_of(unit.policy);
  if (!plugins)
    return unit.size_bytes;
  try {
    return plugins->recovery->fragment_size(unit.size_bytes, fragment);
  } catch (const std::exception& thrown) {
    problem_ =
        "the recovery scheme of policy " + std::to_string(unit.policy) + " threw: " + thrown.what();
    return unit.size_bytes;
  }
}

} // namespace atl::keep
