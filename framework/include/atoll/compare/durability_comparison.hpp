#pragma once

#include <atoll/compare/durability_forms.hpp>
#include <atoll/compare/durability_run.hpp>
#include <atoll/compare/keeper_run.hpp>
#include <atoll/compare/recovery_costs.hpp>
#include <atoll/core/error.hpp>
#include <atoll/spi/recovery.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace atl::compare {

/// A recovery scheme under comparison.
struct recovery_strategy {
  std::string label;  ///< for people
  std::string plugin; ///< the plugin's name, for messages
  std::function<result<std::shared_ptr<spi::recovery>>()> make;
};

/// What one scheme comes to in a cluster: plain numbers.
struct durability_figures {
  scheme_shape shape;
  std::uint32_t needed = 1;    ///< fragments that are enough in the best case
  std::uint32_t min_write = 1; ///< fragments with which a write is acknowledged
  /// Share of the sets of `shape.survives` + 1 losses that are survived all the same; below 0: not
  /// tried, there are too many.
  double survives_more = 0;
  recovery_costs costs;
  durability_form form;
  durability_counts counts;
  keeper_counts keeper; ///< without any run unless a balancer was given
};

struct durability_result {
  std::string label;
  durability_figures figures;
};

/// Measures a scheme. Errors: invalid if the cluster has too few nodes for the scheme or too many
/// chunks, or if the scheme has more than 64 fragments or promises to survive the loss of all; the
/// errors of the factory and of `run_keeper`; internal if a call of the plugin throws.
/// @param on_progress called often; may be empty
result<durability_figures> measure_durability(const durability_model& model,
                                              const recovery_strategy& strategy, std::uint64_t seed,
                                              const keeper_options& keeper = {},
                                              const std::function<void()>& on_progress = {});

/// Runs one window of a scheme's runs with a keeper again. Errors: those of `measure_durability`
/// and of `trace_window`.
result<double> trace_strategy(const durability_model& model, const recovery_strategy& strategy,
                              std::uint64_t seed, const balancer_factory& balancer,
                              const keeper_window& which, const sim::storage_trace_sink& sink);

/// The same for several schemes, each in a child process, so that a plugin that hangs, crashes or
/// ends its process causes an error that names it. Parameters as of `run_isolated`.
result<std::vector<durability_result>>
measure_isolated(const durability_model& model, const std::vector<recovery_strategy>& strategies,
                 std::uint64_t seed, unsigned processes, std::chrono::seconds limit,
                 const keeper_options& keeper = {});

/// Schemes in one cluster.
struct durability_comparison {
  durability_model model;
  std::uint64_t seed = 0;
  std::vector<durability_result> schemes;
};

/// Whether what keepers did and what the model says of a scheme can't be told apart: the intervals
/// of their probabilities of a loss overlap.
bool do_runs_agree(const durability_figures& figures);

/// Probability that a node is down without anybody knowing, so that writes still go to it.
double down_probability(const durability_model& model);

std::string to_text(const durability_comparison& it);
/// docs/COMPARING.md says what is in it.
std::string to_json(const durability_comparison& it);
/// The probability of a loss by the mean time to the failure of a node, on logarithmic axes: a line
/// for each scheme by its formula, and what was measured with its interval. A self-contained SVG
/// document.
std::string durability_chart(const durability_comparison& it);

} // namespace atl::compare
