#include "fragment_model.hpp"

#include <algorithm>

namespace atl::properties {

fragment_model::fragment_model(const spi::recovery& scheme)
    : fragment_model{scheme, std::make_shared<loss_tolerance>(scheme), 0} {}

fragment_model::fragment_model(const spi::recovery& scheme,
                               std::shared_ptr<const loss_tolerance> tolerance,
                               std::uint64_t first_chunk)
    : scheme_{scheme}, tolerance_{std::move(tolerance)},
      first_chunk_{first_chunk}, total_{scheme.layout().total} {}

std::uint64_t fragment_model::add_healthy_chunk() {
  chunks_.emplace_back();
  for (std::uint32_t index = 0; index < total_; ++index)
    chunks_.back()[{index, next_node_++}] = state::ok;
  return first_chunk_ + chunks_.size() - 1;
}

void fragment_model::add_surplus(std::uint64_t chunk, std::uint32_t index, state is) {
  fragments(chunk)[{index, next_node_++}] = is;
}

std::vector<spi::chunk_report> fragment_model::reports() const {
  std::vector<spi::chunk_report> all;
  all.reserve(chunks_.size());
  for (std::size_t i = 0; i < chunks_.size(); ++i)
    all.push_back(report(first_chunk_ + i));
  return all;
}

spi::chunk_report fragment_model::report(std::uint64_t chunk) const {
  spi::chunk_report one{chunk, {}};
  for (auto& [where, is] : fragments(chunk))
    one.fragments.push_back({where.first, where.second, is});
  return one;
}

std::optional<std::uint32_t> fragment_model::spare(std::uint64_t chunk) const {
  if (!decodable(chunk))
    return 0;
  return tolerance_->spare(good_copies(chunk));
}

std::vector<std::uint32_t> fragment_model::good_copies(std::uint64_t chunk) const {
  std::vector<std::uint32_t> copies(total_);
  for (auto& [where, is] : fragments(chunk))
    if (is == state::ok && where.first < copies.size())
      ++copies[where.first];
  return copies;
}

std::optional<std::string> fragment_model::apply(const spi::repair_step& step) {
  if (!knows(step.chunk))
    return "plans a step for a chunk that wasn't reported";
  auto& chunk = fragments(step.chunk);
  switch (step.action) {
  case spi::repair_action::copy:
    return copy(chunk, step);
  case spi::repair_action::rebuild:
    return rebuild(chunk, step);
  case spi::repair_action::drop:
    return drop(chunk, step);
  case spi::repair_action::verify:
    if (step.sources.empty() || !chunk.contains({step.fragment, step.sources.front()}))
      return "has a fragment verified that isn't there";
    return std::nullopt;
  }
  return "plans an unknown kind of step";
}

bool fragment_model::decodable(const chunk_map& chunk) const {
  std::vector<bool> present(total_);
  for (auto& [where, is] : chunk)
    if (is == state::ok && where.first < present.size())
      present[where.first] = true;
  return scheme_.enough(present);
}

std::optional<std::string> fragment_model::copy(chunk_map& chunk, const spi::repair_step& step) {
  if (step.sources.empty())
    return "copies from nowhere";
  for (auto node : step.sources) {
    auto holds = [&](const auto& one) {
      auto right = scheme_.layout().identical || one.first.first == step.fragment;
      return right && one.first.second == node && one.second == state::ok;
    };
    if (!std::any_of(chunk.begin(), chunk.end(), holds))
      return "copies from node " + std::to_string(node) + ", which has no good copy";
  }
  return add(chunk, step.fragment);
}

std::optional<std::string> fragment_model::rebuild(chunk_map& chunk, const spi::repair_step& step) {
  if (step.sources.size() != step.source_fragments.size())
    return "rebuilds from " + std::to_string(step.source_fragments.size()) + " fragments on " +
           std::to_string(step.sources.size()) + " nodes";
  std::vector<bool> present(total_);
  for (std::size_t i = 0; i < step.sources.size(); ++i) {
    auto found = chunk.find({step.source_fragments[i], step.sources[i]});
    if (found == chunk.end() || found->second != state::ok || found->first.first >= present.size())
      return "rebuilds from a fragment that isn't in order";
    present[found->first.first] = true;
  }
  if (!scheme_.enough(present))
    return "rebuilds from fewer fragments than it takes";
  return add(chunk, step.fragment);
}

std::optional<std::string> fragment_model::add(chunk_map& chunk, std::uint32_t index) {
  if (index >= total_)
    return "makes fragment " + std::to_string(index) + ", which the scheme doesn't have";
  chunk[{index, next_node_++}] = state::ok;
  return std::nullopt;
}

std::optional<std::string> fragment_model::drop(chunk_map& chunk, const spi::repair_step& step) {
  auto found =
      step.sources.empty() ? chunk.end() : chunk.find({step.fragment, step.sources.front()});
  if (found == chunk.end())
    return "drops a fragment that isn't there";
  if (found->second == state::unreachable || found->second == state::missing)
    return "drops a fragment on a node that is down or doesn't have it";
  chunk.erase(found);
  if (!decodable(chunk))
    return "drops fragment " + std::to_string(step.fragment) +
           " of a chunk that can't be decoded without it";
  return std::nullopt;
}

} // namespace atl::properties
