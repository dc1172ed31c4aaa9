#include "failure_history.hpp"
#include "overlapping_failures.hpp"
#include "scheme_answers.hpp"
#include "simulated_places.hpp"

#include <atoll/compare/durability_forms.hpp>
#include <atoll/compare/durability_run.hpp>

#include <algorithm>
#include <optional>

namespace atl::compare {

namespace {

repair_speed speed_of(const durability_model& model, const spi::recovery& scheme) {
  repair_speed speed{model.detection, model.repair_rate, 1, false, model.zones};
  if (model.spread != chunk_spread::random)
    return speed;
  speed.receivers =
      repair_receivers(model.nodes, model.zones, scheme.layout().total, scheme.per_domain_max());
  speed.are_by_zone = speed.receivers < model.nodes - 1.0;
  return speed;
}

class durability_runner {
 public:
  durability_runner(const durability_model& model, const spi::recovery& scheme, std::uint64_t seed)
      : model_{model}, seed_{seed}, answers_{scheme, model.chunk_bytes}, places_{places_of(
                                                                             model, scheme, seed)},
        speed_{speed_of(model, scheme)}, chunks_{places_, answers_, speed_} {
    for (std::uint32_t fragment = 0; fragment < answers_.fragments(); ++fragment)
      single_losses_survived_ &= answers_.survives(fragment_set{1} << fragment);
    for (std::uint32_t node = 0; node < model.nodes; ++node)
      measure_node(node);
  }

  durability_counts run(const std::function<void()>& on_progress) {
    for (std::uint32_t i = 0; i < model_.runs; ++i) {
      run_once(i, on_progress);
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
    rebuild_time_.push_back(*std::max_element(bytes.begin(), bytes.end()) /
                            (speed_.node_rate * speed_.receivers));
  }

  void run_once(std::uint64_t run, const std::function<void()>& on_progress) {
    auto losses = counts_.chunks_lost;
    failure_history history{model_, seed_, run};
    for (auto now = history.next(); now;) {
      if (on_progress)
        on_progress();
      auto following = history.next();
      if (is_harmless(*now, following)) {
        ++counts_.failures;
        counts_.rebuilt_bytes += rebuild_bytes_[now->which];
        now = following;
      } else {
        now = run_episode(history, *now, following, on_progress);
      }
    }
    counts_.runs_with_loss += counts_.chunks_lost != losses ? 1 : 0;
  }

  /// Whether a failure loses nothing, and all is whole again before the next one.
  bool is_harmless(const failure& now, const std::optional<failure>& following) const {
    return single_losses_survived_ && !now.is_zone &&
           (!following || following->at >= now.at + model_.detection + rebuild_time_[now.which]);
  }

  /// From a failure with all chunks whole until they are whole again. @returns the next failure
  std::optional<failure> run_episode(failure_history& history, const failure& now,
                                     std::optional<failure> following,
                                     const std::function<void()>& on_progress) {
    fail(now);
    while (following && !chunks_.advance(following->at)) {
      if (on_progress)
        on_progress();
      fail(*following);
      following = history.next();
    }
    counts_.rebuilt_bytes += chunks_.take_rebuilt_bytes();
    chunks_.end_episode();
    return following;
  }

  void fail(const failure& what) {
    ++counts_.failures;
    counts_.zone_failures += what.is_zone ? 1 : 0;
    std::uint64_t lost = 0;
    for (auto node : failed_nodes(model_, what))
      if (what.is_zone && model_.zone_outage > 0)
        chunks_.take_away(node, what.at, what.at + model_.zone_outage);
      else
        lost += chunks_.fail_node(node, what.at);
    counts_.chunks_lost += lost;
    counts_.fatal_failures += lost > 0 ? 1 : 0;
  }

  const durability_model& model_;
  std::uint64_t seed_;
  scheme_answers answers_;
  simulated_places places_;
  repair_speed speed_;
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
