#pragma once

#include <atoll/sim/fault_id.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace atl::sim {

/// Searches for a smaller run that fails in the same way; `shrink` says how. What is particular to
/// one kind of simulation is the subject's:
/// @tparam Subject has the types `options`, `report`, `shrunk` and `fault_set`, and the members
/// `run(options)`, `failed_alike(report, report)`, `describe_faults(options)`, `names()` (the flags
/// of all faults), `nameless()` (the flags of faults without names), `is_late(report)` (whether the
/// failure shows only after all faults were healed), `set_early(options)` (don't demand what holds
/// only then), `size(options)`, and `reduce(options, try)`, which calls `try(change)` for changes
/// of the workload and stops at those that keep the failure.
template <class Subject>
class shrinker {
 public:
  using options = typename Subject::options;
  using report = typename Subject::report;
  using shrunk = typename Subject::shrunk;
  using fault_set = typename Subject::fault_set;

  shrinker(const options& run, Subject subject, std::uint64_t limit)
      : subject_{std::move(subject)}, limit_{limit} {
    best_.options = run;
    best_.report = subject_.run(best_.options);
    best_.runs = 1;
    best_.faults_before = best_.report.acted.size();
    original_ = best_.report;
  }

  shrunk run() {
    if (original_.ok)
      return std::move(best_);
    end_early();
    drop_kinds();
    freeze();
    for (auto last = size(); !exhausted();) {
      drop_kinds();
      subject_.reduce(best_.options, [this](auto change) { return still_fails_with(change); });
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
    auto sizes = subject_.size(best_.options);
    sizes.push_back(best_.report.acted.size());
    return sizes;
  }

  /// Keeps these options if the run still fails in the same way.
  bool still_fails(const options& run) {
    if (exhausted())
      return false;
    ++best_.runs;
    auto report = subject_.run(run);
    if (!subject_.failed_alike(original_, report))
      return false;
    best_.options = run;
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
    auto run = best_.options;
    change(run);
    return still_fails(run);
  }

  /// Ends the faults right after the failure.
  void end_early() {
    auto end_at = [this](std::int64_t at, bool is_early) {
      auto duration = std::chrono::milliseconds{at / 1000 + 1};
      return duration < best_.options.duration && still_fails_with([&](auto& it) {
               it.duration = duration;
               if (is_early)
                 subject_.set_early(it);
             });
    };
    auto at = best_.report.failed_at;
    if (subject_.is_late(original_) || at > best_.options.duration.count()) {
      while (end_at(best_.options.duration.count() / 2, false))
        ;
      return;
    }
    // A violation that only answers to clients show may need some more answers.
    for (auto more : {0, 50'000, 300'000, 2'000'000})
      if (end_at(at + more, true))
        return;
  }

  /// Whether the seed drew faults of this kind that aren't left out already.
  bool has_effect(bool fault_set::*flag) const {
    auto run = best_.options;
    auto before = subject_.describe_faults(run);
    run.choice.without.*flag = true;
    return subject_.describe_faults(run) != before;
  }

  bool is_nameless(bool fault_set::*flag) const {
    auto flags = subject_.nameless();
    return std::find(flags.begin(), flags.end(), flag) != flags.end();
  }

  /// Leaves out kinds of faults, unless the faults are already chosen one by one.
  void drop_kinds() {
    auto frozen = best_.options.choice.only.has_value();
    for (auto& name : subject_.names()) {
      auto flag = name.flag;
      if (has_effect(flag) && (!frozen || is_nameless(flag)))
        still_fails_with([flag](auto& it) { it.choice.without.*flag = true; });
    }
  }

  /// Fixes the faults: only faults that acted before may act.
  void freeze() {
    still_fails_with([this](auto& it) {
      it.choice.only = acted();
      fault_set rest;
      for (auto flag : subject_.nameless())
        rest.*flag = it.choice.without.*flag;
      it.choice.without = rest;
    });
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

  Subject subject_;
  std::uint64_t limit_;
  report original_;
  shrunk best_;
};

/// Lowers a number of the options as far as the failure stays.
/// @param current the options of the smallest run so far
template <class Options, class Try, class Get>
void reduce_number(const Options& current, Try& attempt, Get get, std::uint32_t from) {
  for (auto wanted = from; wanted < get(current); ++wanted)
    if (attempt([&](auto& it) { get(it) = wanted; }))
      return;
}

} // namespace atl::sim
