#include "scheme_answers.hpp"

#include <atoll/compare/durability_comparison.hpp>

#include <fmt/format.h>

#include <exception>

namespace atl::compare {

namespace {

/// Why a scheme can't be measured in the cluster; none: it can.
status check_fit(const durability_model& model, const recovery_strategy& strategy,
                 const spi::recovery& scheme) {
  auto fragments = scheme.layout().total;
  auto survives = scheme.promised().survives_losses;
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
  return {};
}

/// Calls `measure` with the scheme if it fits the cluster.
template <class Measure>
auto with_scheme(const durability_model& model, const recovery_strategy& strategy,
                 Measure&& measure) -> decltype(measure(std::shared_ptr<spi::recovery>{})) {
  auto scheme = strategy.make();
  if (!scheme)
    return tl::unexpected{scheme.error()};
  try {
    if (auto fits = check_fit(model, strategy, **scheme); !fits)
      return tl::unexpected{fits.error()};
    return measure(*scheme);
  } catch (const std::exception& problem) {
    return fail(errc::internal,
                fmt::format("the recovery plugin '{}' threw: {}", strategy.plugin, problem.what()));
  }
}

} // namespace

result<durability_figures> measure_durability(const durability_model& model,
                                              const recovery_strategy& strategy, std::uint64_t seed,
                                              const keeper_options& keeper,
                                              const std::function<void()>& on_progress) {
  return with_scheme(
      model, strategy,
      [&](const std::shared_ptr<spi::recovery>& scheme) -> result<durability_figures> {
        durability_figures out;
        auto layout = scheme->layout();
        out.needed = layout.needed;
        out.min_write = layout.min_write;
        out.costs = measure_costs(*scheme, model.chunk_bytes);
        out.shape = {layout.total, scheme->promised().survives_losses, scheme->per_domain_max(),
                     out.costs.rebuild_bytes};
        out.survives_more = survived_share(*scheme, out.shape.survives + 1);
        out.form = durability_form_of(model, out.shape);
        out.counts = run_durability(model, *scheme, seed, on_progress);
        if (!keeper.balancer)
          return out;
        auto kept = run_keeper(model, {scheme, out.costs.rebuild_bytes}, seed, keeper, on_progress);
        if (!kept)
          return fail(kept.error().code, fmt::format("the keeper's simulator stopped with '{}', {}",
                                                     strategy.label, kept.error().message));
        out.keeper = *kept;
        return out;
      });
}

result<double> trace_strategy(const durability_model& model, const recovery_strategy& strategy,
                              std::uint64_t seed, const balancer_factory& balancer,
                              const keeper_window& which, const sim::storage_trace_sink& sink) {
  return with_scheme(model, strategy, [&](const std::shared_ptr<spi::recovery>& scheme) {
    auto costs = measure_costs(*scheme, model.chunk_bytes);
    return trace_window(model, {scheme, costs.rebuild_bytes}, seed, balancer, which, sink);
  });
}

bool do_runs_agree(const durability_figures& figures) {
  auto& runs = figures.counts;
  auto& kept = figures.keeper;
  if (runs.runs == 0 || kept.runs == 0)
    return true;
  auto of_model = wilson_interval(runs.runs_with_loss, runs.runs);
  auto of_keeper = wilson_interval(kept.runs_with_loss, kept.runs);
  return of_model.low <= of_keeper.high && of_keeper.low <= of_model.high;
}

double down_probability(const durability_model& model) {
  return model.detection / (model.node_mttf + model.detection);
}

} // namespace atl::compare
