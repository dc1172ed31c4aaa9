#include "overlapping_failures.hpp"
#include "random_draws.hpp"
#include "scheme_answers.hpp"
#include "simulated_places.hpp"

#include <atoll/compare/durability_forms.hpp>
#include <atoll/compare/durability_run.hpp>

#include <algorithm>

namespace atl::compare {

namespace {

/// Seeds for two sources of one seed.
enum class stream : std::uint64_t { places = 1, failures = 2 };

spi::random_source source_of(std::uint64_t seed, stream of) {
  return spi::random_source{seed * 2 + static_cast<std::uint64_t>(of)};
}

simulated_places places_of(const durability_model& model, const spi::recovery& scheme,
                           std::uint64_t seed) {
  auto fragments = scheme.layout().total;
  auto random = source_of(seed, stream::places);
  return spread_chunks(model, fragments,
                       fragments_in_zone(fragments, model.zones, scheme.per_domain_max()), random);
}

class durability_runner {
 public:
  durability_runner(const durability_model& model, const spi::recovery& scheme, std::uint64_t seed)
      : model_{model}, answers_{scheme, model.chunk_bytes}, places_{places_of(model, scheme, seed)},
        random_{source_of(seed, stream::failures)},
        group_rate_{model.spread == chunk_spread::random
                        ? model.repair_rate * std::max(1.0, model.nodes - 1.0)
                        : model.repair_rate},
        chunks_{places_, answers_, model.detection, group_rate_} {
    for (std::uint32_t fragment = 0; fragment < answers_.fragments(); ++fragment)
      single_losses_survived_ &= answers_.survives(fragment_set{1} << fragment);
    for (std::uint32_t node = 0; node < model.nodes; ++node)
      measure_node(node);
  }

  durability_counts run(const std::function<void()>& on_progress) {
    for (std::uint32_t i = 0; i < model_.runs; ++i) {
      run_once(on_progress);
      ++counts_.runs;
    }
    return counts_;
  }

 private:
  /// How long it takes to rebuild what the node holds if nothing else fails.
  void measure_node(std::uint32_t node) {
    std::vector<double> bytes(places_.groups);
    double all = 0;
    for (auto& held : places_.held[node]) {
      auto read = answers_.rebuild_bytes(fragment_set{1} << held.fragment, held.fragment);
      bytes[places_.group_of[held.chunk]] += read;
      all += read;
    }
    rebuild_bytes_.push_back(all);
    rebuild_time_.push_back(*std::max_element(bytes.begin(), bytes.end()) / group_rate_);
  }

  void run_once(const std::function<void()>& on_progress) {
    auto losses = counts_.chunks_lost;
    for (auto now = next_failure(0); now < model_.run_seconds();) {
      if (on_progress)
        on_progress();
      auto node = draw_node();
      auto following = next_failure(now);
      if (single_losses_survived_ && following >= now + model_.detection + rebuild_time_[node]) {
        ++counts_.failures;
        counts_.rebuilt_bytes += rebuild_bytes_[node];
        now = following;
      } else {
        now = run_episode(node, now, following, on_progress);
      }
    }
    counts_.runs_with_loss += counts_.chunks_lost != losses ? 1 : 0;
  }

  /// From a failure with all chunks whole until they are whole again. @returns when the next node
  /// fails
  double run_episode(std::uint32_t node, double now, double following,
                     const std::function<void()>& on_progress) {
    fail(node, now);
    while (following < model_.run_seconds() && !chunks_.advance(following)) {
      if (on_progress)
        on_progress();
      fail(draw_node(), following);
      following = next_failure(following);
    }
    counts_.rebuilt_bytes += chunks_.take_rebuilt_bytes();
    chunks_.end_episode();
    return following;
  }

  void fail(std::uint32_t node, double now) {
    ++counts_.failures;
    auto lost = chunks_.fail_node(node, now);
    counts_.chunks_lost += lost;
    counts_.fatal_failures += lost > 0 ? 1 : 0;
  }

  std::uint32_t draw_node() { return static_cast<std::uint32_t>(random_.below(model_.nodes)); }
  double next_failure(double now) {
    return now + draw_exponential(random_, model_.node_mttf / model_.nodes);
  }

  const durability_model& model_;
  scheme_answers answers_;
  simulated_places places_;
  spi::random_source random_;
  double group_rate_;
  overlapping_failures chunks_;
  bool single_losses_survived_ = true;
  std::vector<double> rebuild_bytes_; ///< by node
  std::vector<double> rebuild_time_;  ///< by node, in seconds
  durability_counts counts_;
};

} // namespace

durability_counts run_durability(const durability_model& model, const spi::recovery& scheme,
                                 std::uint64_t seed, const std::function<void()>& on_progress) {
  return durability_runner{model, scheme, seed}.run(on_progress);
}

} // namespace atl::compare
