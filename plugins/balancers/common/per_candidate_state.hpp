#pragma once

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace atl::balancers {

/// The state that a balancer keeps for each candidate, by the candidate's id. Holds the candidates
/// of the last call and about `limit_min` others, or four times as many as the last list if that is
/// more; the least recently listed candidates are forgotten first. Not thread-safe.
template <class Entry>
class per_candidate_state {
 public:
  static constexpr std::size_t limit_min = 4096;

  /// Finds the entries of `candidates`, so that `at(i)` is the entry of `candidates[i]`; an unknown
  /// id gets an `Entry{}`. Must be called for each new list before `at`.
  void open(std::span<const spi::candidate> candidates) {
    ++now_;
    if (slots_.size() > std::max(limit_min, 4 * candidates.size()))
      forget();
    at_.resize(candidates.size(), 0);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      auto id = candidates[i].id;
      // Most lists equal the previous list, and then no entry has to be looked up.
      if (at_[i] >= slots_.size() || slots_[at_[i]].id != id)
        at_[i] = find(id);
      slots_[at_[i]].seen = now_;
    }
  }

  Entry& at(std::size_t i) { return slots_[at_[i]].entry; }

  std::size_t size() const { return slots_.size(); }

 private:
  struct slot {
    std::uint64_t id;
    std::uint64_t seen; ///< the number of the last call that listed the candidate
    Entry entry;
  };

  std::uint32_t find(std::uint64_t id) {
    auto [found, is_new] = where_.try_emplace(id, static_cast<std::uint32_t>(slots_.size()));
    if (is_new)
      slots_.push_back({id, now_, Entry{}});
    return found->second;
  }

  /// Keeps the half of the entries that was listed most recently.
  void forget() {
    auto middle = slots_.begin() + static_cast<std::ptrdiff_t>(slots_.size() / 2);
    std::nth_element(slots_.begin(), middle, slots_.end(), [](const slot& a, const slot& b) {
      return a.seen != b.seen ? a.seen > b.seen : a.id < b.id;
    });
    slots_.erase(middle, slots_.end());
    where_.clear();
    for (std::size_t i = 0; i < slots_.size(); ++i)
      where_.emplace(slots_[i].id, static_cast<std::uint32_t>(i));
  }

  std::vector<slot> slots_;
  std::unordered_map<std::uint64_t, std::uint32_t> where_;
  std::vector<std::uint32_t> at_;
  std::uint64_t now_ = 0;
};

} // namespace atl::balancers
