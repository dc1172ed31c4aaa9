#include "window_units.hpp"

#include <algorithm>
#include <set>

namespace atl::compare {

window_units::window_units(const simulated_places& places, std::uint32_t survives,
                           std::uint64_t chunk_bytes)
    : places_{places}, survives_{survives}, chunk_bytes_{chunk_bytes},
      hits_(places.group_of.size()) {}

bool window_units::choose(const durability_model& model, std::span<const failure> failures,
                          spi::random_source random) {
  std::set<std::uint32_t> nodes;
  for (auto& each : failures)
    for (auto node : failed_nodes(model, each))
      nodes.insert(node);
  if (nodes.size() <= survives_)
    return false;
  std::vector<std::uint32_t> touched, endangered, bystanders;
  for (auto node : nodes)
    for (auto& held : places_.held[node])
      if (hits_[held.chunk]++ == 0)
        touched.push_back(held.chunk);
  std::ranges::sort(touched);
  for (auto chunk : touched)
    (std::exchange(hits_[chunk], 0) > survives_ ? endangered : bystanders).push_back(chunk);
  units_.clear();
  if (endangered.empty())
    return false;
  endangered_weight_ = add(endangered, endangered_max, random);
  endangered_ = units_.size();
  bystander_weight_ = add(bystanders, bystanders_max, random);
  return true;
}

/// @returns the weight of each
double window_units::add(std::vector<std::uint32_t>& chunks, std::size_t most,
                         spi::random_source& random) {
  auto count = std::min(chunks.size(), most);
  auto weight = count == 0 ? 1.0 : static_cast<double>(chunks.size()) / static_cast<double>(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (count < chunks.size())
      std::swap(chunks[i], chunks[i + random.below(chunks.size() - i)]);
    sim::placed_unit unit;
    unit.bytes = static_cast<std::uint64_t>(static_cast<double>(chunk_bytes_) * weight);
    auto first = places_.node_of.begin() +
                 static_cast<std::ptrdiff_t>(std::size_t{chunks[i]} * places_.fragments);
    unit.slots.assign(first, first + places_.fragments);
    units_.push_back(std::move(unit));
  }
  return weight;
}

} // namespace atl::compare
