#pragma once

#include "../common/key_hash.hpp"
#include "bit_permutation.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace atl::balancers {

/// Weighted rendezvous hashing of the entries of a table: the member with the least score
/// −ln h ÷ weight wins an entry. The h of one member at all entries are evenly spaced numbers from
/// 0 to 1 in an order of its own, a permutation of the entries. So a score is cheap to compute, and
/// the entries that a member wins are found without computing all scores: the members visit entries
/// by ascending score, and after about size × ln(size) visits, of however many members, each entry
/// has had its winner. Depends on ids and weights, not on the order of the list. Not thread-safe.
class score_table {
 public:
  /// @param size a power of two
  explicit score_table(std::size_t size) : entries_(size) {
    for (std::size_t rank = 0; rank < size; ++rank)
      costs_.push_back(static_cast<float>(
          -std::log1p(-(static_cast<double>(rank) + 0.5) / static_cast<double>(size))));
  }

  void update(std::span<const spi::member> members) {
    entries_.assign(entries_.size(), no_members);
    scorers_.clear();
    auto unit = unit_of_weight(members);
    double sum = 0;
    for (auto& member : members) {
      scorers_.emplace_back(member, unit, bits());
      sum += scorers_.back().weight;
    }
    if (sum == 0)
      return;
    std::vector<std::array<float, places>> scores(entries_.size(), {never, never, never});
    std::vector<std::size_t> next_ranks(members.size(), 0);
    // When the members' visits are x times the entries, about a part of e^−x has had none.
    constexpr double visits_beyond = 4;
    auto visits = std::log(static_cast<double>(entries_.size())) + visits_beyond;
    for (; !is_complete(); visits += visits_beyond)
      for (spi::slot who = 0; who < members.size(); ++who)
        visit_until(visits / sum, who, next_ranks[who], scores);
  }

  /// The first member by score for a key among those for which `may(slot)` holds and whose weight
  /// is above 0; `no_slot` if there is none. O(1) unless the entry's three best members may not be
  /// picked, otherwise O(members).
  template <class Predicate>
  spi::slot first_for(std::uint64_t key, Predicate&& may) const {
    auto entry = index_of(mix(key), entries_.size());
    for (auto who : entries_[entry])
      if (who != spi::no_slot && may(who))
        return who;
    return first_of_all(static_cast<std::uint32_t>(entry), may);
  }

 private:
  static constexpr std::size_t places = 3; ///< members kept for each entry, the best first
  static constexpr float never = std::numeric_limits<float>::infinity();
  static constexpr std::array<spi::slot, places> no_members{spi::no_slot, spi::no_slot,
                                                            spi::no_slot};

  struct scorer {
    scorer(const spi::member& member, double unit, unsigned bits)
        : hash{mix(member.id)}, weight{static_cast<float>(member.weight / unit)}, rank{hash, bits} {
      if (member.weight > 0)
        weight = std::max(weight, std::numeric_limits<float>::min());
    }

    std::uint64_t hash;
    float weight;         ///< at most 1
    bit_permutation rank; ///< of an entry among all entries, by this member's score
  };

  /// The least power of two above all weights. As a power of two it divides weights without
  /// rounding, so that a change of it changes the order of no two scores.
  static double unit_of_weight(std::span<const spi::member> members) {
    double greatest = 0;
    for (auto& member : members)
      greatest = std::max(greatest, member.weight);
    int exponent = 0;
    std::frexp(greatest, &exponent);
    return std::ldexp(1, std::min(exponent, std::numeric_limits<double>::max_exponent - 1));
  }

  unsigned bits() const { return static_cast<unsigned>(std::countr_zero(entries_.size())); }

  bool is_complete() const {
    return std::none_of(entries_.begin(), entries_.end(),
                        [](auto& members) { return members[0] == spi::no_slot; });
  }

  template <class Predicate>
  spi::slot first_of_all(std::uint32_t entry, Predicate&& may) const {
    auto best = spi::no_slot;
    auto least = never;
    auto part = 1 / static_cast<float>(entries_.size());
    for (spi::slot who = 0; who < scorers_.size(); ++who) {
      auto& scorer = scorers_[who];
      auto rank = scorer.rank(entry);
      // −ln(1 − x) ≥ x: most members are out of the question without a look at the table of costs.
      // Half a rank makes up for what is rounded.
      if (static_cast<float>(rank) * part > least * scorer.weight || scorer.weight <= 0)
        continue;
      auto score = costs_[rank] / scorer.weight;
      auto is_first =
          score < least || best == spi::no_slot || (score == least && wins_tie(who, best, entry));
      if (is_first && may(who)) {
        best = who;
        least = score;
      }
    }
    return best;
  }

  bool wins_tie(spi::slot a, spi::slot b, std::uint32_t entry) const {
    auto mixed = mix(entry);
    return fold(mixed, scorers_[a].hash) < fold(mixed, scorers_[b].hash);
  }

  /// A member's further visits, up to a score.
  void visit_until(double limit, spi::slot who, std::size_t& next_rank,
                   std::vector<std::array<float, places>>& scores) {
    auto& scorer = scorers_[who];
    for (; next_rank < entries_.size(); ++next_rank) {
      auto score = costs_[next_rank] / scorer.weight;
      if (!(score <= limit))
        return;
      auto entry = scorer.rank.undo(static_cast<std::uint32_t>(next_rank));
      insert(who, entry, score, scores[entry]);
    }
  }

  void insert(spi::slot who, std::uint32_t entry, float score, std::array<float, places>& scores) {
    auto& members = entries_[entry];
    auto is_before = [&](std::size_t place) {
      return score < scores[place] ||
             (score == scores[place] && wins_tie(who, members[place], entry));
    };
    if (!is_before(places - 1))
      return;
    auto place = places - 1;
    for (; place > 0 && is_before(place - 1); --place) {
      members[place] = members[place - 1];
      scores[place] = scores[place - 1];
    }
    members[place] = who;
    scores[place] = score;
  }

  std::vector<std::array<spi::slot, places>> entries_;
  std::vector<float> costs_;    ///< −ln h by rank, ascending
  std::vector<scorer> scorers_; ///< by slot
};

} // namespace atl::balancers
