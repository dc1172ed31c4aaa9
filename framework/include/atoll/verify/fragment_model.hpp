#pragma once

#include <atoll/spi/random.hpp>
#include <atoll/spi/recovery.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace atl::properties {

/// The fragments of some chunks on nodes, as a host would find them, and what a repair does to
/// them: a cluster without bytes. Nodes are numbers; a new fragment goes to a node that was never
/// used.
class fragment_model {
 public:
  using state = spi::fragment_state;
  using place = std::pair<std::uint32_t, std::uint64_t>; ///< fragment and node

  explicit fragment_model(const spi::recovery& scheme) : scheme_{scheme} {}

  /// A chunk with all its fragments in order, each on a node of its own; its number.
  std::uint64_t add_healthy_chunk() {
    chunks_.emplace_back();
    for (std::uint32_t index = 0; index < scheme_.layout().total; ++index)
      chunks_.back()[{index, next_node_++}] = state::ok;
    return chunks_.size() - 1;
  }

  std::map<place, state>& fragments(std::uint64_t chunk) { return chunks_[chunk]; }

  /// A further copy of fragment `index`, as when a node returns after its work was taken over.
  void add_surplus(std::uint64_t chunk, std::uint32_t index, state is) {
    chunks_[chunk][{index, next_node_++}] = is;
  }

  std::vector<spi::chunk_report> reports() const {
    std::vector<spi::chunk_report> all;
    for (std::size_t chunk = 0; chunk < chunks_.size(); ++chunk)
      all.push_back(report(chunk));
    return all;
  }

  spi::chunk_report report(std::uint64_t chunk) const {
    spi::chunk_report one{chunk, {}};
    for (auto& [where, is] : chunks_[chunk])
      one.fragments.push_back({where.first, where.second, is});
    return one;
  }

  bool decodable(std::uint64_t chunk) const { return decodable(chunks_[chunk]); }

  /// How many more fragments in order, whichever they are, the chunk can do without.
  std::uint32_t spare(std::uint64_t chunk) const {
    auto good = good_ones(chunks_[chunk]);
    std::uint32_t lost = 0;
    while (lost < good.size() && survives_any(chunks_[chunk], good, lost + 1))
      ++lost;
    return lost;
  }

  /// Carries a step out; or says why no host could, or that it would have lost data.
  std::optional<std::string> apply(const spi::repair_step& step) {
    if (step.chunk >= chunks_.size())
      return "a step for a chunk that wasn't reported";
    auto& chunk = chunks_[step.chunk];
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
    return "an unknown kind of step";
  }

 private:
  using chunk_map = std::map<place, state>;

  static std::vector<place> good_ones(const chunk_map& chunk) {
    std::vector<place> good;
    for (auto& [where, is] : chunk)
      if (is == state::ok)
        good.push_back(where);
    return good;
  }

  bool decodable(const chunk_map& chunk) const {
    std::vector<bool> present(scheme_.layout().total);
    for (auto& [index, node] : good_ones(chunk))
      if (index < present.size())
        present[index] = true;
    return scheme_.enough(present);
  }

  /// Whether the chunk can be decoded whichever `count` of `good` are lost.
  bool survives_any(const chunk_map& chunk, const std::vector<place>& good,
                    std::uint32_t count) const {
    std::vector<bool> lost(good.size());
    std::fill(lost.begin(), lost.begin() + count, true);
    do {
      auto left = chunk;
      for (std::size_t i = 0; i < good.size(); ++i)
        if (lost[i])
          left.erase(good[i]);
      if (!decodable(left))
        return false;
    } while (std::prev_permutation(lost.begin(), lost.end()));
    return true;
  }

  std::optional<std::string> copy(chunk_map& chunk, const spi::repair_step& step) {
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

  std::optional<std::string> rebuild(chunk_map& chunk, const spi::repair_step& step) {
    if (step.sources.size() != step.source_fragments.size())
      return "rebuilds from " + std::to_string(step.source_fragments.size()) + " fragments on " +
             std::to_string(step.sources.size()) + " nodes";
    std::vector<bool> present(scheme_.layout().total);
    for (std::size_t i = 0; i < step.sources.size(); ++i) {
      auto found = chunk.find({step.source_fragments[i], step.sources[i]});
      if (found == chunk.end() || found->second != state::ok ||
          found->first.first >= present.size())
        return "rebuilds from a fragment that isn't in order";
      present[found->first.first] = true;
    }
    if (!scheme_.enough(present))
      return "rebuilds from fewer fragments than it takes";
    return add(chunk, step.fragment);
  }

  std::optional<std::string> add(chunk_map& chunk, std::uint32_t index) {
    if (index >= scheme_.layout().total)
      return "makes fragment " + std::to_string(index) + ", which the scheme doesn't have";
    chunk[{index, next_node_++}] = state::ok;
    return std::nullopt;
  }

  std::optional<std::string> drop(chunk_map& chunk, const spi::repair_step& step) {
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

  const spi::recovery& scheme_;
  std::vector<chunk_map> chunks_;
  std::uint64_t next_node_ = 1;
};

} // namespace atl::properties
