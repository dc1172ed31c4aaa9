#pragma once

#include "../common/key_hash.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace atl::balancers {

/// Maglev's lookup table (Eisenbud and others, NSDI '16): each member has a permutation of the
/// entries; the members take turns, and at its turn a member takes the first entry of its
/// permutation that is still empty. A member's k-th turn is at the time k ÷ weight, so that turns
/// are in proportion to weights, and with equal weights the numbers of entries differ by at most
/// one. Depends on ids and weights, not on the order of the list. Not thread-safe.
class lookup_table {
 public:
  /// @param size a prime number, so that each step width runs through all entries
  explicit lookup_table(std::size_t size) : entries_(size, spi::no_slot) {}

  void update(std::span<const spi::member> members) {
    std::fill(entries_.begin(), entries_.end(), spi::no_slot);
    std::vector<permutation> permutations;
    for (auto& member : members)
      permutations.emplace_back(member.id, entries_.size());
    for (auto& turn : turns_of(members))
      entries_[permutations[turn.who].next_empty(entries_)] = turn.who;
  }

  /// The member of the entry with a key's hash; `no_slot` if no member has a weight above 0.
  spi::slot member_at(std::uint64_t hash) const {
    return entries_[index_of(hash, entries_.size())];
  }

 private:
  /// The order in which one member wants the entries: from `offset` on in steps of `skip`.
  class permutation {
   public:
    permutation(std::uint64_t id, std::size_t size)
        : at_{index_of(mix(id), size)}, skip_{1 + index_of(mix(id, 1), size - 1)} {}

    std::size_t next_empty(const std::vector<spi::slot>& entries) {
      while (entries[at_] != spi::no_slot)
        at_ = at_ + skip_ < entries.size() ? at_ + skip_ : at_ + skip_ - entries.size();
      return at_;
    }

   private:
    std::size_t at_;
    std::size_t skip_;
  };

  struct turn {
    double time;
    std::uint64_t order; ///< among turns at the same time
    spi::slot who;

    friend bool operator<(const turn& a, const turn& b) {
      return a.time != b.time ? a.time < b.time : a.order < b.order;
    }
  };

  /// As many turns as there are entries, in order of time.
  std::vector<turn> turns_of(std::span<const spi::member> members) const {
    double greatest = 0, sum = 0;
    for (auto& member : members)
      greatest = std::max(greatest, member.weight);
    for (auto& member : members)
      sum += greatest > 0 ? member.weight / greatest : 0;
    auto size = static_cast<double>(entries_.size());
    std::vector<turn> turns;
    for (spi::slot who = 0; who < members.size(); ++who) {
      auto weight = members[who].weight / greatest;
      if (!(weight > 0))
        continue;
      // Until the time size ÷ sum all members together have that many turns at least.
      for (double k = 0; k <= weight * size / sum; ++k)
        turns.push_back({k / weight, mix(members[who].id), who});
    }
    std::sort(turns.begin(), turns.end());
    turns.resize(std::min(turns.size(), entries_.size()));
    return turns;
  }

  std::vector<spi::slot> entries_;
};

} // namespace atl::balancers
