#include <atoll/sim/shrink.hpp>

#include <algorithm>
#include <utility>

namespace atl::sim {

namespace {

/// Flags of faults that have no single moments and therefore no names.
constexpr bool fault_set::*nameless[] = {&fault_set::reordering, &fault_set::clock_drift,
                                         &fault_set::lazy_hosts};

std::string without_numbers(std::string_view text) {
  std::string out;
  for (auto c : text)
    if (c < '0' || c > '9')
      out += c;
  return out;
}

class shrinker {
 public:
  shrinker(const simulation_options& options, const consensus_factory& factory, std::uint64_t limit)
      : factory_{factory}, limit_{limit} {
    best_.options = options;
    best_.options.trace = nullptr;
    best_.options.observe = nullptr;
    best_.report = simulate(best_.options, factory_);
    best_.runs = 1;
    best_.faults_before = best_.report.acted.size();
    original_ = best_.report;
  }

  shrunk_run run() {
    if (original_.ok)
      return std::move(best_);
    end_early();
    drop_kinds();
    freeze();
    for (auto last = size(); !exhausted();) {
      drop_kinds();
      reduce_workload();
      drop_faults();
      end_early();
      auto now = size();
      if (now == last)
        break;
      last = now;
    }
    best_.finished = !exhausted();
    return std::move(best_);
  }

 private:
  bool exhausted() const { return best_.runs >= limit_; }

  /// The size of a run; another round follows if a round reduced it.
  std::vector<std::uint64_t> size() const {
    auto& it = best_.options;
    return {best_.report.acted.size(), it.replicas,      it.spares,
            it.workload.clients,       it.workload.keys, std::uint64_t(it.duration.count())};
  }

  /// Keeps these options if the run still fails in the same way.
  bool still_fails(const simulation_options& options) {
    if (exhausted())
      return false;
    ++best_.runs;
    auto report = simulate(options, factory_);
    if (!failed_alike(original_, report))
      return false;
    best_.options = options;
    best_.report = std::move(report);
    if (best_.options.choice.only)
      best_.options.choice.only = acted();
    return true;
  }

  std::vector<fault_id> acted() const {
    std::vector<fault_id> out;
    for (auto& it : best_.report.acted)
      out.push_back(it.id);
    std::sort(out.begin(), out.end());
    return out;
  }

  template <class Change>
  bool still_fails_with(Change change) {
    auto options = best_.options;
    change(options);
    return still_fails(options);
  }

  /// Ends the faults right after the failure.
  void end_early() {
    auto end_at = [this](std::int64_t at, bool demand_liveness) {
      auto duration = std::chrono::milliseconds{at / 1000 + 1};
      return duration < best_.options.duration && still_fails_with([&](auto& it) {
               it.duration = duration;
               it.demand_liveness = it.demand_liveness && demand_liveness;
             });
    };
    auto at = best_.report.failed_at;
    if (original_.kind == violation_kind::not_live || at > best_.options.duration.count()) {
      while (end_at(best_.options.duration.count() / 2, true))
        ;
      return;
    }
    // A violation that only answers to clients show may need some more answers.
    for (auto more : {0, 50'000, 300'000, 2'000'000})
      if (end_at(at + more, false))
        return;
  }

  /// Whether the seed drew faults of this kind that aren't left out already.
  bool has_effect(bool fault_set::*flag) const {
    auto options = best_.options;
    auto before = drawn_rates(options).describe();
    options.choice.without.*flag = true;
    return drawn_rates(options).describe() != before;
  }

  /// Leaves out kinds of faults, unless the faults are already chosen one by one.
  void drop_kinds() {
    auto frozen = best_.options.choice.only.has_value();
    for (auto& name : fault_names()) {
      auto flag = name.flag;
      if (!has_effect(flag))
        continue;
      if (frozen && std::find(std::begin(nameless), std::end(nameless), flag) == std::end(nameless))
        continue;
      still_fails_with([flag](auto& it) { it.choice.without.*flag = true; });
    }
  }

  /// Fixes the faults: only faults that acted before may act.
  void freeze() {
    still_fails_with([this](auto& it) {
      it.choice.only = acted();
      fault_set rest;
      for (auto flag : nameless)
        rest.*flag = it.choice.without.*flag;
      it.choice.without = rest;
    });
  }

  void reduce_workload() {
    auto reduce = [this](auto get, std::uint32_t from) {
      for (auto wanted = from; wanted < get(best_.options); ++wanted)
        if (still_fails_with([&](auto& it) { get(it) = wanted; }))
          return;
    };
    auto clients = [](auto& it) -> auto& {
      return it.workload.clients;
    };
    auto keys = [](auto& it) -> auto& {
      return it.workload.keys;
    };
    auto spares = [](auto& it) -> auto& {
      return it.spares;
    };
    auto replicas = [](auto& it) -> auto& {
      return it.replicas;
    };
    reduce(spares, 0);
    reduce(replicas, 1);
    reduce(clients, 1);
    if (!best_.options.service) // another service has no keys
      reduce(keys, 1);
  }

  /// Tries to leave out one kind at a time, then smaller and smaller groups of faults.
  void drop_faults() {
    if (!best_.options.choice.only)
      return;
    still_fails_with([](auto& it) { it.choice.only->clear(); });
    for (auto kinds = *best_.options.choice.only; !kinds.empty();) {
      auto kind = kinds.back().kind;
      auto of_kind = [kind](auto& it) { return it.kind == kind; };
      still_fails_with([&](auto& it) { std::erase_if(*it.choice.only, of_kind); });
      std::erase_if(kinds, of_kind);
    }
    for (auto size = best_.report.acted.size() / 2; size > 0; size /= 2)
      drop_parts(size);
    while (!exhausted() &&
           drop_parts(1)) // a fault may be needed only together with another that was removed since
      ;
  }

  /// Tries to remove each group of neighbouring faults, in order of time. Starts with the last
  /// ones, because the run before them stays unchanged.
  bool drop_parts(std::size_t size) {
    auto dropped = false;
    for (auto end = best_.report.acted.size(); end > 0 && !exhausted();) {
      auto& faults = best_.report.acted;
      auto first = end > size ? end - size : 0;
      std::vector<fault_id> kept;
      for (std::size_t i = 0; i < faults.size(); ++i)
        if (i < first || i >= end)
          kept.push_back(faults[i].id);
      std::sort(kept.begin(), kept.end());
      dropped = still_fails_with([&](auto& it) { it.choice.only = std::move(kept); }) || dropped;
      end = std::min(first, best_.report.acted.size());
    }
    return dropped;
  }

  const consensus_factory& factory_;
  std::uint64_t limit_;
  simulation_report original_;
  shrunk_run best_;
};

} // namespace

bool failed_alike(const simulation_report& a, const simulation_report& b) {
  if (a.kind != b.kind)
    return false;
  auto has_own_reason = a.kind == violation_kind::threw ||
                        a.kind == violation_kind::stopped_itself ||
                        a.kind == violation_kind::interface_broken;
  return !has_own_reason || without_numbers(a.reason) == without_numbers(b.reason);
}

shrunk_run shrink(const simulation_options& options, const consensus_factory& factory,
                  std::uint64_t runs) {
  return shrinker{options, factory, runs}.run();
}

} // namespace atl::sim
