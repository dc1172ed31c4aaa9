#include "failure_history.hpp"

#include "random_draws.hpp"

namespace atl::compare {

namespace {

/// Of one run: sources whose seeds differ in any bit have nothing in common.
spi::random_source source_of(std::uint64_t seed, std::uint64_t run) {
  constexpr std::uint64_t histories = 0x6661696c75726573; // apart from the places of the seed
  return spi::random_source{spi::random_source{seed ^ histories}.next() + run};
}

} // namespace

failure_history::failure_history(const durability_model& model, std::uint64_t seed,
                                 std::uint64_t run)
    : model_{model}, random_{source_of(seed, run)} {}

std::optional<failure> failure_history::next() {
  auto of_nodes = model_.nodes / model_.node_mttf;
  auto of_zones = model_.zone_mttf > 0 ? model_.zones / model_.zone_mttf : 0;
  now_ += draw_exponential(random_, 1 / (of_nodes + of_zones));
  if (now_ >= model_.run_seconds())
    return std::nullopt;
  auto is_zone = of_zones > 0 && random_.chance(of_zones / (of_nodes + of_zones));
  auto which = static_cast<std::uint32_t>(random_.below(is_zone ? model_.zones : model_.nodes));
  return failure{now_, is_zone, which};
}

std::vector<std::uint32_t> failed_nodes(const durability_model& model, const failure& what) {
  if (!what.is_zone)
    return {what.which};
  std::vector<std::uint32_t> nodes;
  for (auto node = what.which; node < model.nodes; node += model.zones)
    nodes.push_back(node);
  return nodes;
}

} // namespace atl::compare
