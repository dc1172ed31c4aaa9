#pragma once

#include <atoll/compare/durability_model.hpp>
#include <atoll/core/error.hpp>
#include <atoll/sim/storage_simulation.hpp>
#include <atoll/spi/balancer.hpp>
#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace atl::compare {

/// Makes the balancer with which a keeper picks the nodes to repair to.
using balancer_factory = std::function<std::shared_ptr<spi::balancer>(std::uint64_t seed)>;

/// One window of one run, each from 1 on.
struct keeper_window {
  std::uint64_t run = 0;
  std::uint64_t window = 0;
};

/// How runs are repeated with a keeper.
struct keeper_options {
  balancer_factory balancer; ///< empty: no run is
  /// None: as many as the model has, but no other one begins after so much work.
  std::optional<std::uint64_t> runs;
  std::uint64_t work_max = 3'000'000; ///< about events of the simulations: some seconds
};

/// What happened in the runs of one scheme in which a keeper repaired.
struct keeper_counts {
  std::uint64_t runs = 0;
  std::uint64_t runs_with_loss = 0;
  double chunks_lost = 0;      ///< by the weights of what was sampled
  std::uint64_t windows = 0;   ///< in which failures may overlap
  std::uint64_t simulated = 0; ///< of these: in which chunks might be lost
  std::uint64_t cut = 0;       ///< windows that had too many failures, and were cut
  std::uint64_t events = 0;    ///< of the simulations
  std::uint64_t copies = 0;    ///< orders to make a fragment anew
  bool is_shortened = false;   ///< fewer runs than the model has, because they took long
  keeper_window first_loss;    ///< if any run has a loss
};

/// A scheme in a cluster, as a keeper sees it.
struct kept_scheme {
  std::shared_ptr<const spi::recovery> scheme;
  double rebuild_bytes = 0; ///< received to rebuild one fragment, on average
};

/// Repeats the runs of `run_durability`, with the same failures and chunks in the same places, with
/// the keeper that a cluster runs (`sim/loss_window.hpp`): it decides what is repaired, where to
/// and in what order. It is run in windows only in which failures of so many nodes may overlap that
/// chunks might be lost. After each window all chunks are where they were in the beginning.
/// Equal arguments give equal results.
/// @param on_progress called often; may be empty
/// @pre as of `run_durability`. Errors: internal, if a plugin throws or a keeper breaks its
/// interface. Exceptions of the scheme are passed on.
result<keeper_counts> run_keeper(const durability_model& model, const kept_scheme& kept,
                                 std::uint64_t seed, const keeper_options& options,
                                 const std::function<void()>& on_progress = {});

/// Runs one window again, and tells `sink` line by line what happens in it.
/// @returns how many of its chunks are lost. Errors: invalid if there is no such window; those of
/// `run_keeper`
result<double> trace_window(const durability_model& model, const kept_scheme& kept,
                            std::uint64_t seed, const balancer_factory& balancer,
                            const keeper_window& which, const sim::storage_trace_sink& sink);

} // namespace atl::compare
