#include "simulated_places.hpp"

#include <atoll/compare/durability_forms.hpp>

#include <algorithm>
#include <numeric>
#include <utility>

namespace atl::compare {

namespace {

using node_set = std::vector<std::uint32_t>;

template <class T>
void shuffle(std::vector<T>& all, spi::random_source& random) {
  for (std::size_t i = 0; i + 1 < all.size(); ++i)
    std::swap(all[i], all[i + random.below(all.size() - i)]);
}

/// Draws nodes for chunks, each set anew.
class random_sets {
 public:
  random_sets(const durability_model& model, std::uint32_t fragments, std::uint32_t zone_limit)
      : zones_{model.zones}, fragments_{fragments}, zone_limit_{zone_limit}, order_(model.nodes),
        in_zone_(model.zones) {
    std::iota(order_.begin(), order_.end(), 0u);
  }

  const node_set& draw(spi::random_source& random) {
    chosen_.clear();
    passed_.clear();
    std::fill(in_zone_.begin(), in_zone_.end(), 0u);
    for (std::size_t i = 0; i < order_.size() && chosen_.size() < fragments_; ++i) {
      std::swap(order_[i], order_[i + random.below(order_.size() - i)]);
      auto node = order_[i];
      if (in_zone_[node % zones_] == zone_limit_) {
        passed_.push_back(node);
        continue;
      }
      ++in_zone_[node % zones_];
      chosen_.push_back(node);
    }
    for (std::size_t i = 0; chosen_.size() < fragments_; ++i)
      chosen_.push_back(passed_[i]);
    return chosen_;
  }

 private:
  std::uint32_t zones_, fragments_, zone_limit_;
  node_set order_, chosen_, passed_;
  std::vector<std::uint32_t> in_zone_; ///< chosen nodes
};

/// All nodes in an order that goes round the zones.
node_set order_by_turns(const durability_model& model, spi::random_source& random) {
  std::vector<node_set> zones(model.zones);
  for (std::uint32_t node = 0; node < model.nodes; ++node)
    zones[node % model.zones].push_back(node);
  for (auto& zone : zones)
    shuffle(zone, random);
  shuffle(zones, random);
  node_set out;
  for (std::size_t turn = 0; out.size() < model.nodes; ++turn)
    for (auto& zone : zones)
      if (turn < zone.size())
        out.push_back(zone[turn]);
  return out;
}

/// The sets of Cidon et al., *Copysets*, 2013: permutations of all nodes, cut into sets. The last
/// set of a permutation begins it again.
std::vector<node_set> make_copysets(const durability_model& model, std::uint32_t fragments,
                                    spi::random_source& random) {
  auto count = copyset_count(model.nodes, model.scatter_width, fragments);
  std::vector<node_set> sets;
  while (sets.size() < count) {
    auto order = order_by_turns(model, random);
    for (std::size_t from = 0; from < order.size(); from += fragments) {
      auto& set = sets.emplace_back();
      for (std::size_t i = from; i < from + fragments; ++i)
        set.push_back(order[i % order.size()]);
    }
  }
  return sets;
}

/// Beginning with another fragment for each chunk, so that all nodes hold some of each.
void place_chunk(simulated_places& places, std::uint32_t chunk, const node_set& nodes,
                 spi::random_source& random) {
  auto first = random.below(nodes.size());
  for (std::uint32_t fragment = 0; fragment < nodes.size(); ++fragment) {
    auto node = nodes[(first + fragment) % nodes.size()];
    places.node_of.push_back(node);
    places.held[node].push_back({chunk, fragment});
  }
}

} // namespace

simulated_places spread_chunks(const durability_model& model, std::uint32_t fragments,
                               std::uint32_t zone_limit, spi::random_source& random) {
  simulated_places out;
  out.fragments = fragments;
  out.held.resize(model.nodes);
  out.group_of.assign(model.chunks, 0);
  if (model.spread == chunk_spread::random) {
    random_sets sets{model, fragments, zone_limit};
    for (std::uint32_t chunk = 0; chunk < model.chunks; ++chunk)
      place_chunk(out, chunk, sets.draw(random), random);
    return out;
  }
  auto sets = make_copysets(model, fragments, random);
  out.groups = static_cast<std::uint32_t>(sets.size());
  for (std::uint32_t chunk = 0; chunk < model.chunks; ++chunk) {
    auto& group = out.group_of[chunk] = static_cast<std::uint32_t>(random.below(sets.size()));
    place_chunk(out, chunk, sets[group], random);
  }
  return out;
}

simulated_places places_of(const durability_model& model, const spi::recovery& scheme,
                           std::uint64_t seed) {
  auto fragments = scheme.layout().total;
  spi::random_source random{seed * 2 + 1}; // histories of failures have another one
  return spread_chunks(model, fragments,
                       fragments_in_zone(fragments, model.zones, scheme.per_domain_max()), random);
}

} // namespace atl::compare
