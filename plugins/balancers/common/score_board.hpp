#pragma once

#include "domains.hpp"
#include "eligible.hpp"
#include "vector_clones.hpp"
#include "weighted_draw.hpp"

#include <atoll/spi/balancer.hpp>
#include <atoll/spi/random.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace atl::balancers {

/// How members with equal scores share the picks.
enum class ties { alike, by_weight };

/// `pick` and `pick_many` of strategies that compare the scores of all members: the least wins. A
/// call measures all members and then picks. Members of weight 0 are never picked. The loops have
/// no branches and are simple, so that compilers compare several members with each instruction; the
/// least score of each block of members is kept, so that a further pick compares only a few. Not
/// thread-safe; allocates in `update` only.
class score_board {
 public:
  /// A float that isn't negative, as its bits, which are in the order of the numbers: compilers
  /// find the least of many whole numbers several at a time.
  using score = std::int32_t;

  static constexpr score none = std::numeric_limits<score>::max(); ///< not to be picked: all bits

  /// @param value not negative. May be infinite; no number counts as more than that, whatever the
  /// sign that a processor gives to it.
  static score to_score(float value) { return std::bit_cast<score>(value) & none; }

  /// For strategies whose greatest value wins.
  static score to_reverse_score(float value) { return none - 1 - to_score(value); }

  explicit score_board(ties rule) : ties_{rule} {}

  void update(std::span<const spi::member> members) {
    std::vector<spi::member> drawn{members.begin(), members.end()};
    for (auto& each : drawn)
      if (ties_ == ties::alike && each.weight > 0)
        each.weight = 1;
    draw_.update(drawn);
    domains_.update(members);
    weightless_.clear();
    for (auto& each : members)
      weightless_.push_back(each.weight > 0 ? 0 : none);
    scores_.assign(members.size(), none);
    least_.assign((members.size() + block_size - 1) / block_size, none);
    open_scores_ = scores_;
    open_least_ = least_;
    applied_.assign(least_.size(), not_copied);
    closed_.reserve(domains_.size());
    closed_marks_.resize(domains_.size());
    tied_.resize(members.size() + 1);
  }

  std::size_t size() const { return scores_.size(); }

  /// Begins a call: the scores of all members that are available, weren't tried and have a weight.
  /// @param score_of `score_of(slot)`; without branches, so that it is compiled for several members
  /// at a time
  template <class ScoreOf>
  ATOLL_INLINE void measure(const spi::pick_request& request, const spi::member_facts& facts,
                            ScoreOf&& score_of) {
    std::size_t block = 0;
    for (; (block + 1) * block_size <= size(); ++block)
      measure_block(facts, block, block_size, score_of);
    if (auto rest = size() % block_size; rest > 0)
      measure_block(facts, block, rest, score_of);
    for (auto who : request.tried)
      if (who < size())
        take_away(who);
  }

  /// One of the members with the least score, drawn from `random` if there are several; `no_slot`
  /// if no member is left.
  spi::slot pick(spi::random_source& random) {
    auto who = spi::no_slot;
    pick_many({&who, 1}, random);
    return who;
  }

  /// As `balancer::pick_many`.
  std::size_t pick_many(std::span<spi::slot> picks, spi::random_source& random) {
    open_all_domains();
    for (std::size_t filled = 0; filled < picks.size();) {
      auto who = draw_least(random);
      if (who == spi::no_slot && closed_.empty())
        return filled;
      if (who == spi::no_slot) {
        open_all_domains();
        continue;
      }
      picks[filled++] = who;
      take_away(who);
      closed_.push_back(domains_.of(who));
      closed_marks_.insert(domains_.of(who));
    }
    return picks.size();
  }

 private:
  static constexpr std::size_t block_size = 32;
  static constexpr std::size_t not_copied = -1;

  template <class ScoreOf>
  ATOLL_INLINE void measure_block(const spi::member_facts& facts, std::size_t block,
                                  std::size_t count, ScoreOf&& score_of) {
    auto begin = block * block_size;
    auto* available = facts.available.data() + begin;
    auto* weightless = weightless_.data() + begin;
    std::array<score, block_size> scores; // which the compiler knows to be no part of the facts
    auto least = none;
    for (std::size_t i = 0; i < count; ++i) {
      auto left = score_of(begin + i) | weightless[i] | (available[i] == 0 ? none : 0);
      scores[i] = left;
      least = left < least ? left : least;
    }
    std::copy_n(scores.begin(), count, scores_.begin() + static_cast<std::ptrdiff_t>(begin));
    least_[block] = least;
  }

  void take_away(spi::slot who) {
    scores_[who] = none;
    auto block = who / block_size;
    auto begin = block * block_size;
    least_[block] = least_of(std::span{scores_}.subspan(begin, size_of(block)));
  }

  std::size_t size_of(std::size_t block) const {
    return std::min(block_size, size() - block * block_size);
  }

  void open_all_domains() {
    std::copy(least_.begin(), least_.end(), open_least_.begin());
    std::fill(applied_.begin(), applied_.end(), not_copied);
    closed_.clear();
    closed_marks_.clear();
  }

  /// The scores of a block without those of closed domains. Blocks are brought up to date only when
  /// their scores are wanted, which are those of a few blocks at a pick.
  std::span<const score> open_block(std::size_t block) {
    auto begin = block * block_size;
    auto count = size_of(block);
    auto* __restrict open = open_scores_.data() + begin;
    if (applied_[block] == not_copied) {
      std::copy_n(scores_.data() + begin, count, open);
      applied_[block] = 0;
    }
    auto* __restrict domains = domains_.numbers().data() + begin;
    for (; applied_[block] < closed_.size(); ++applied_[block]) {
      auto domain = closed_[applied_[block]];
      for (std::size_t i = 0; i < count; ++i)
        open[i] |= domains[i] == domain ? none : 0;
    }
    return {open, count};
  }

  static score least_of(std::span<const score> scores) {
    auto least = none;
    for (auto each : scores)
      least = each < least ? each : least;
    return least;
  }

  spi::slot draw_least(spi::random_source& random) {
    auto least = none;
    for (std::size_t block = 0; block < open_least_.size(); ++block) {
      if (open_least_[block] >= least)
        continue;
      if (!closed_.empty() && applied_[block] != closed_.size())
        open_least_[block] = least_of(open_block(block));
      least = std::min(least, open_least_[block]);
    }
    return least == none ? spi::no_slot : draw_tie(least, random);
  }

  spi::slot draw_tie(score least, spi::random_source& random) {
    constexpr std::size_t draws_max = 12; // which suffice if there are many such members
    auto blocks =
        static_cast<std::size_t>(std::count(open_least_.begin(), open_least_.end(), least));
    if (2 * blocks >= open_least_.size()) {
      auto draws = static_cast<int>(std::min(draws_max, size() / 4));
      auto is_least = [&](spi::slot who) {
        return scores_[who] == least && !closed_marks_.contains(domains_.of(who));
      };
      if (auto who = draw_.try_draw(random, draws, is_least); who != spi::no_slot)
        return who;
    }
    std::size_t found = 0;
    for (std::size_t block = 0; block < open_least_.size(); ++block) {
      if (open_least_[block] != least)
        continue;
      auto who = static_cast<spi::slot>(block * block_size);
      for (auto each : open_block(block)) {
        tied_[found] = who++;
        found += each == least;
      }
    }
    return draw_one_of(std::span{tied_}.first(found), random);
  }

  /// There is at least one.
  spi::slot draw_one_of(std::span<const spi::slot> members, spi::random_source& random) const {
    double left = 0;
    if (members.size() > 1) {
      for (auto who : members)
        left += draw_.weight(who);
      left *= random.unit();
    }
    for (auto who : members.first(members.size() - 1)) {
      left -= draw_.weight(who);
      if (left < 0)
        return who;
    }
    return members.back();
  }

  ties ties_;
  weighted_draw draw_; ///< among members with equal scores
  domain_table domains_;
  std::vector<score> weightless_;     ///< `none` for a weight of 0, otherwise 0
  std::vector<score> scores_;         ///< of all members that this call may still pick
  std::vector<score> least_;          ///< of each block of `scores_`
  std::vector<score> open_scores_;    ///< of domains that may be picked now
  std::vector<score> open_least_;     ///< at most the least of each block of `open_scores_`
  std::vector<std::size_t> applied_;  ///< by block: how many of `closed_` `open_scores_` leaves out
  std::vector<std::uint32_t> closed_; ///< domains that were used in this round
  mark_set closed_marks_;             ///< the same
  std::vector<spi::slot> tied_;       ///< members with equal scores; one place to spare
};

} // namespace atl::balancers
