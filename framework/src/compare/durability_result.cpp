#include "scheme_answers.hpp"

#include <atoll/compare/durability_comparison.hpp>

#include <fmt/format.h>

#include <exception>

namespace atl::compare {

namespace {

durability_figures measure(const durability_model& model, const spi::recovery& scheme,
                           std::uint64_t seed, const std::function<void()>& on_progress) {
  durability_figures out;
  auto layout = scheme.layout();
  out.needed = layout.needed;
  out.min_write = layout.min_write;
  out.costs = measure_costs(scheme, model.chunk_bytes);
  out.shape = {layout.total, scheme.promised().survives_losses, scheme.per_domain_max(),
               out.costs.rebuild_bytes};
  out.survives_more = survived_share(scheme, out.shape.survives + 1);
  out.form = durability_form_of(model, out.shape);
  out.counts = run_durability(model, scheme, seed, on_progress);
  return out;
}

} // namespace

result<durability_figures> measure_durability(const durability_model& model,
                                              const recovery_strategy& strategy, std::uint64_t seed,
                                              const std::function<void()>& on_progress) {
  auto scheme = strategy.make();
  if (!scheme)
    return tl::unexpected{scheme.error()};
  try {
    auto fragments = (*scheme)->layout().total;
    auto survives = (*scheme)->promised().survives_losses;
    if (fragments > model.nodes)
      return fail(errc::invalid,
                  fmt::format("'{}' stores a chunk as {} fragments, each on a node of its own, and "
                              "the cluster has {} nodes; choose more nodes or fewer fragments",
                              strategy.label, fragments, model.nodes));
    if (fragments > answered_fragments_max || survives >= fragments)
      return fail(errc::invalid,
                  fmt::format("'{}' has {} fragments and promises to survive {} losses; expected "
                              "at most {} fragments, and fewer losses than fragments",
                              strategy.label, fragments, survives, answered_fragments_max));
    if (model.chunks * fragments > simulated_fragments_max)
      return fail(errc::invalid,
                  fmt::format("'{}' stores {} chunks as {} fragments each, expected at most {} "
                              "fragments together; choose fewer chunks",
                              strategy.label, model.chunks, fragments, simulated_fragments_max));
    return measure(model, **scheme, seed, on_progress);
  } catch (const std::exception& problem) {
    return fail(errc::internal,
                fmt::format("the recovery plugin '{}' threw: {}", strategy.plugin, problem.what()));
  }
}

double down_probability(const durability_model& model) {
  return model.detection / (model.node_mttf + model.detection);
}

} // namespace atl::compare
