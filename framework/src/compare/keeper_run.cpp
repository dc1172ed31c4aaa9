#include "failure_windows.hpp"
#include "simulated_places.hpp"
#include "window_units.hpp"

#include <atoll/compare/durability_forms.hpp>
#include <atoll/compare/keeper_run.hpp>
#include <atoll/sim/loss_window.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace atl::compare {

namespace {

// How long things take, in events of the simulator.
constexpr std::uint64_t work_a_unit = 20; ///< to set it up
constexpr std::uint64_t work_a_plugin_use = 3;

constexpr double heartbeats_a_detection = 40;
constexpr double heartbeat_min = 0.5, heartbeat_max = 600; ///< seconds
constexpr double down_after_heartbeats = 2.5;
/// Silence is counted from the last heartbeat, half of one's time before a failure on average; and
/// an idle keeper is called an eighth of it too late.
constexpr double silence_after_heartbeats = 0.375;

/// A node copies a fragment so much faster than its rate allows, but not slower than that: the rate
/// says when the next one begins.
constexpr double copy_factor = 4;
constexpr double copy_rate_min = 16.0 * (1 << 20);
constexpr double rate_max = 1e15;

std::int64_t microseconds(double seconds) {
  return std::llround(seconds * 1e6);
}

double heartbeat_seconds(const durability_model& model) {
  return std::clamp(model.detection / heartbeats_a_detection, heartbeat_min, heartbeat_max);
}

keep::keeper_settings settings_of(const durability_model& model, double node_rate) {
  using std::chrono::microseconds;
  auto heartbeat = heartbeat_seconds(model);
  auto down_after = down_after_heartbeats * heartbeat;
  auto dead_after = std::max(down_after, model.detection + silence_after_heartbeats * heartbeat);
  keep::keeper_settings it;
  it.down_after = microseconds{compare::microseconds(down_after)};
  it.dead_after = microseconds{compare::microseconds(dead_after)};
  // Heartbeats are far apart here: a node that awaits its next one isn't late.
  it.suspect_phi = std::numeric_limits<double>::max();
  // Nothing is lost that audits would find before the failure of its node does.
  it.audit_pause = std::max(it.audit_pause, it.dead_after);
  it.node_rate = static_cast<std::uint64_t>(std::max(1.0, node_rate));
  return it;
}

class keeper_runner {
 public:
  keeper_runner(const durability_model& model, const kept_scheme& kept, std::uint64_t seed,
                const balancer_factory& balancer, const std::function<void()>& on_progress)
      : model_{model}, seed_{seed}, places_{places_of(model, *kept.scheme, seed)},
        units_{places_, kept.scheme->promised().survives_losses, model.chunk_bytes},
        fragment_bytes_{static_cast<double>(
            std::max<std::size_t>(1, kept.scheme->fragment_size(model.chunk_bytes, 0)))} {
    auto received = std::isfinite(kept.rebuild_bytes) && kept.rebuild_bytes > 0 ? kept.rebuild_bytes
                                                                                : fragment_bytes_;
    auto node_rate = std::min(rate_max, model.repair_rate * fragment_bytes_ / received);
    auto fragments = static_cast<double>(places_.node_of.size());
    auto a_node = fragments / model.nodes * fragment_bytes_;
    auto receivers = repair_receivers(model.nodes, model.zones, places_.fragments,
                                      kept.scheme->per_domain_max());
    recovery_ = {model.detection, a_node / (receivers * node_rate)};
    window_.nodes = model.nodes;
    window_.zones = model.zones;
    window_.disk_bytes = static_cast<std::uint64_t>(4 * a_node + 1000 * fragment_bytes_);
    window_.settings = settings_of(model, node_rate);
    window_.node_bytes_a_second = static_cast<std::uint64_t>(
        std::min(rate_max, std::max(copy_factor * node_rate, copy_rate_min)));
    window_.heartbeat_us = microseconds(heartbeat_seconds(model));
    window_.plugins = {[scheme = kept.scheme] { return scheme; }, balancer};
    window_.on_progress = on_progress;
  }

  result<keeper_counts> run(const keeper_options& options) {
    auto& runs = options.runs;
    auto wanted = runs.value_or(model_.runs);
    while (counts_.runs < wanted && !counts_.is_shortened) {
      if (auto done = run_once(counts_.runs + 1, 0, {}); !done)
        return tl::unexpected{done.error()};
      ++counts_.runs;
      counts_.is_shortened = !runs && work_ >= options.work_max && counts_.runs < wanted;
    }
    return counts_;
  }

  result<double> trace(const keeper_window& which, const sim::storage_trace_sink& sink) {
    if (auto done = run_once(which.run, which.window, sink); !done)
      return tl::unexpected{done.error()};
    if (!traced_)
      return fail(errc::invalid, fmt::format("run {} has no window {} in which chunks might be "
                                             "lost",
                                             which.run, which.window));
    return *traced_;
  }

 private:
  /// @param only if not 0: this window is traced, and those after it aren't run
  status run_once(std::uint64_t run, std::uint64_t only, const sim::storage_trace_sink& sink) {
    auto lost_before = counts_.chunks_lost;
    failure_windows windows{model_, failure_history{model_, seed_, run - 1}, recovery_};
    for (std::uint64_t number = 0; !traced_;) {
      auto failures = windows.next();
      if (failures.empty())
        break;
      if (window_.on_progress)
        window_.on_progress();
      counts_.windows += failures.size() > 1 || failures.front().is_zone ? 1 : 0;
      counts_.cut += failures.size() == failure_windows::failures_max ? 1 : 0;
      auto seed = spi::random_source{spi::random_source{seed_ + run}.next() + number}.next();
      if (!units_.choose(model_, failures, spi::random_source{seed}))
        continue;
      ++number;
      window_.trace = number == only ? sink : sim::storage_trace_sink{};
      auto lost = run_window(failures, windows, seed);
      if (!lost)
        return fail(errc::internal,
                    fmt::format("run {}, window {}: {}", run, number, lost.error().message));
      if (*lost > 0 && counts_.first_loss.run == 0)
        counts_.first_loss = {run, number};
      if (number == only)
        traced_ = *lost;
    }
    counts_.runs_with_loss += counts_.chunks_lost != lost_before ? 1 : 0;
    return {};
  }

  /// @returns how many chunks are lost
  result<double> run_window(const std::vector<failure>& failures, failure_windows& windows,
                            std::uint64_t seed) {
    window_.seed = seed;
    window_.units = units_.units();
    window_.other_bytes = other_bytes();
    window_.losses.clear();
    for (auto& each : failures)
      window_.losses.push_back({microseconds(each.at - failures.front().at),
                                failed_nodes(model_, each),
                                each.is_zone ? microseconds(model_.zone_outage) : 0});
    auto outcome = sim::simulate_losses(window_);
    if (!outcome.problem.empty())
      return fail(errc::internal, outcome.problem);
    windows.put_back(std::span{failures}.subspan(outcome.losses));
    double lost = 0;
    for (auto unit : outcome.lost_units)
      lost += units_.weight(unit);
    ++counts_.simulated;
    counts_.chunks_lost += lost;
    counts_.events += outcome.events;
    counts_.copies += outcome.copies;
    work_ += outcome.events + work_a_plugin_use * outcome.plugin_uses +
             work_a_unit * window_.units.size();
    return lost;
  }

  /// What nodes store besides the units of the window.
  std::vector<std::uint64_t> other_bytes() const {
    std::vector<double> bytes;
    for (auto& held : places_.held)
      bytes.push_back(static_cast<double>(held.size()) * fragment_bytes_);
    auto share = fragment_bytes_ / static_cast<double>(model_.chunk_bytes);
    for (auto& unit : window_.units)
      for (auto slot : unit.slots)
        bytes[slot] -= static_cast<double>(unit.bytes) * share;
    std::vector<std::uint64_t> out;
    for (auto each : bytes)
      out.push_back(static_cast<std::uint64_t>(std::max(0.0, each)));
    return out;
  }

  const durability_model& model_;
  std::uint64_t seed_;
  simulated_places places_;
  window_units units_;
  double fragment_bytes_;
  recovery_time recovery_;
  sim::loss_window window_; ///< what all windows have in common, and the present one
  keeper_counts counts_;
  std::uint64_t work_ = 0;
  std::optional<double> traced_;
};

} // namespace

result<keeper_counts> run_keeper(const durability_model& model, const kept_scheme& kept,
                                 std::uint64_t seed, const keeper_options& options,
                                 const std::function<void()>& on_progress) {
  return keeper_runner{model, kept, seed, options.balancer, on_progress}.run(options);
}

result<double> trace_window(const durability_model& model, const kept_scheme& kept,
                            std::uint64_t seed, const balancer_factory& balancer,
                            const keeper_window& which, const sim::storage_trace_sink& sink) {
  return keeper_runner{model, kept, seed, balancer, {}}.trace(which, sink);
}

} // namespace atl::compare
