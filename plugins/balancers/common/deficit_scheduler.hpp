#pragma once

#include "domain_turns.hpp"
#include "domains.hpp"
#include "eligible.hpp"
#include "member_state.hpp"
#include "shares.hpp"
#include "turn_queue.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

namespace atl::balancers {

/// Distributes picks so that each member's count stays within about one pick of its share at any
/// time, not only in the long run. Each member has a credit: its share of all calls so far, minus
/// its picks. A call adds the member's share of this call (`share_out`) to each credit, and picks
/// the member with the largest.
///
/// With one pick a call this is nginx's smooth weighted round robin (current += weight, pick the
/// largest, subtract the sum), with credits counted in picks instead of weights, so that credits
/// keep their meaning when weights or members change.
///
/// For several picks a call, the credit of a failure domain is the sum of its members' credits. The
/// domains with the largest credit give one member more than the others, and each domain gives its
/// members with the largest credit.
///
/// Costs: for k different weights, a pick takes time in proportion to k; several picks of a call
/// take time in proportion to the different shares of domains and to the members of the domains
/// that are picked. A call that finds other members available, or a number of picks other than that
/// of the call before, first takes time in proportion to n log n. That a member beyond the first
/// 1,024 is available again is found within n ÷ 1,024 single picks; all else is found at once.
///
/// Not thread-safe; allocates in `update` only.
class deficit_scheduler {
 public:
  /// @param weights by slot, from 0 (never picked) to 1
  /// @param ranks by slot, no two alike: of members with equal credit the one with the lowest rank
  ///        is picked
  void update(std::span<const spi::member> members, std::span<const double> weights,
              std::span<const std::uint32_t> ranks) {
    settle();
    accounts_.update(members);
    weights_.assign(weights.begin(), weights.end());
    ranks_.assign(ranks.begin(), ranks.end());
    domains_.update(members);
    for (auto* array : {&active_, &shares_})
      array->assign(members.size(), 0);
    sizes_.assign(domains_.size(), 0);
    available_.assign(members.size(), 1); // most likely: then the first pick has nothing to start
    turns_.reserve(members.size());
    domain_turns_.reserve(members.size());
    for (auto* marks : {&picked_, &tried_})
      marks->resize(members.size());
    for (auto* marks : {&used_, &exhausted_})
      marks->resize(domains_.size());
    next_compared_ = 0;
    start(1);
  }

  spi::slot pick(const spi::pick_request& request, const spi::member_facts& facts) {
    if (must_start(1) || is_change_seen(facts))
      start(facts, 1);
    if (auto who = take_turn(request, facts); who != spi::no_slot)
      return who;
    if (!differs(facts, 0, available_.size()))
      return spi::no_slot;
    start(facts, 1);
    return take_turn(request, facts);
  }

  /// As `balancer::pick_many`, among the members with a weight above 0.
  std::size_t pick_many(const spi::pick_request& request, const spi::member_facts& facts,
                        std::span<spi::slot> picks) {
    if (picks.size() == 1) {
      picks[0] = pick(request, facts);
      return picks[0] == spi::no_slot ? 0 : 1;
    }
    if (must_start(picks.size()) || differs(facts, 0, available_.size()))
      start(facts, picks.size());
    return take_turns(request, facts, picks);
  }

 private:
  struct account {
    double credit = 0; ///< at the last start
    bool known = false;
  };

  /// Bound of the distance between a credit and the mean at a start, so that what happened before a
  /// change shifts the picks after the change by about one at most.
  static constexpr double credit_max = 1;

  /// Beyond this distance a credit is cut off between two changes as well.
  static constexpr double excess_max = 8;

  /// Calls after which credits are written down, so that products with the number of calls stay
  /// exact enough.
  static constexpr std::uint64_t calls_max = 1 << 20;

  bool must_start(std::size_t count) const {
    return count_ != count || turns_.calls() == calls_max || credit_exceeded_;
  }

  /// A member that many requests had to leave out must not be made up for all of them.
  void check_credit(double credit) { credit_exceeded_ |= credit > middle_ + excess_max; }

  /// Whether availability of `count` members differs from that of the last start.
  bool differs(const spi::member_facts& facts, std::size_t from, std::size_t count) const {
    return count > 0 &&
           std::memcmp(available_.data() + from, facts.available.data() + from, count) != 0;
  }

  /// Whether availability is known to differ: the next part of the members is compared.
  bool is_change_seen(const spi::member_facts& facts) {
    constexpr std::size_t compared_max = 1024;
    auto from = next_compared_;
    auto count = std::min(compared_max, available_.size() - from);
    next_compared_ = from + count == available_.size() ? 0 : from + count;
    return differs(facts, from, count);
  }

  /// Writes the credits into the accounts.
  void settle() {
    if (count_ == 1)
      turns_.for_each_credit([&](auto who, auto credit) { accounts_[who].credit = credit; });
    if (count_ > 1)
      for (std::size_t position = 0; position < active_.size(); ++position)
        if (auto who = domains_.at(position); active_[who] > 0)
          accounts_[who].credit = domain_turns_.credit(position, turns_.calls());
    count_ = 0;
    turns_.clear();
  }

  /// Works out shares and turns for calls of `count` picks among the members available now.
  void start(const spi::member_facts& facts, std::size_t count) {
    settle();
    std::ranges::copy(facts.available, available_.begin());
    start(count);
  }

  void start(std::size_t count) {
    std::ranges::fill(sizes_, 0);
    double sum = 0;
    for (spi::slot who = 0; who < available_.size(); ++who) {
      active_[who] = available_[who] != 0 ? weights_[who] : 0;
      sum += active_[who];
      sizes_[domains_.of(who)] += active_[who] > 0;
    }
    count_ = count;
    if (sum == 0)
      return;
    adjust_credits();
    if (count == 1)
      queue_members(sum);
    else
      queue_domains();
    turns_.arrange();
  }

  /// Members that left or are unavailable took their credit along, so the remaining credits need
  /// not add up to 0. A new member begins one pick below the mean, as if it had just been picked,
  /// so that a steady stream of new members doesn't starve the others.
  void adjust_credits() {
    double total = 0;
    std::size_t known = 0;
    for (spi::slot who = 0; who < active_.size(); ++who)
      if (active_[who] > 0 && accounts_[who].known) {
        total += accounts_[who].credit;
        ++known;
      }
    middle_ = known == 0 ? 0 : total / static_cast<double>(known);
    credit_exceeded_ = false;
    for (spi::slot who = 0; who < active_.size(); ++who) {
      if (active_[who] == 0)
        continue;
      auto& account = accounts_[who];
      if (!std::exchange(account.known, true))
        account.credit = known == 0 ? 0 : middle_ - 1;
      account.credit = std::clamp(account.credit, middle_ - credit_max, middle_ + credit_max);
    }
  }

  void queue_members(double sum) {
    for (spi::slot who = 0; who < active_.size(); ++who)
      if (active_[who] > 0)
        turns_.add({who, ranks_[who], active_[who] / sum, accounts_[who].credit});
  }

  void queue_domains() {
    share_out(domains_, sizes_, active_, quotas(sizes_, count_), shares_);
    for (std::uint32_t domain = 0; domain < domains_.size(); ++domain) {
      if (sizes_[domain] == 0)
        continue;
      turn_queue::unit unit{domain, 0xffff'ffff, 0, 0};
      for (auto at = domains_.begin(domain), end = domains_.begin(domain + 1); at < end; ++at) {
        auto who = domains_.at(at);
        if (active_[who] == 0) {
          domain_turns_.leave_out(at);
          continue;
        }
        domain_turns_.set(at, accounts_[who].credit, shares_[who]);
        unit.rank = std::min(unit.rank, ranks_[who]);
        unit.share += shares_[who];
        unit.credit += accounts_[who].credit;
      }
      turns_.add(unit);
    }
  }

  spi::slot take_turn(const spi::pick_request& request, const spi::member_facts& facts) {
    eligible may{request, facts, tried_};
    turns_.begin_call();
    auto next = turns_.next([&](auto who) { return !may(who); });
    if (!next) {
      turns_.cancel_call();
      return spi::no_slot;
    }
    check_credit(turns_.credit(*next));
    auto who = turns_.number(*next);
    turns_.take(*next);
    return who;
  }

  std::size_t take_turns(const spi::pick_request& request, const spi::member_facts& facts,
                         std::span<spi::slot> picks) {
    eligible may{request, facts, tried_};
    picked_.clear();
    used_.clear();
    exhausted_.clear();
    turns_.begin_call();
    std::size_t filled = 0;
    auto any_used = false;
    while (filled < picks.size()) {
      auto next = turns_.next(
          [&](auto domain) { return used_.contains(domain) || exhausted_.contains(domain); });
      if (!next && !any_used)
        break;
      if (!next) {
        used_.clear();
        any_used = false;
        continue;
      }
      auto domain = turns_.number(*next);
      auto position =
          domain_turns_.first(domains_, domain, turns_.calls(), ranks_, [&](auto candidate) {
            return !picked_.contains(candidate) && may(candidate);
          });
      if (position == domain_turns::none) {
        exhausted_.insert(domain);
        continue;
      }
      check_credit(domain_turns_.credit(position, turns_.calls()));
      turns_.take(*next);
      domain_turns_.take(position);
      auto who = domains_.at(position);
      picks[filled++] = who;
      picked_.insert(who);
      used_.insert(domain);
      any_used = true;
    }
    if (filled == 0)
      turns_.cancel_call();
    return filled;
  }

  // By slot:
  member_state<account> accounts_;
  std::vector<double> weights_;
  std::vector<std::uint32_t> ranks_;
  std::vector<std::uint8_t> available_; ///< at the last start
  std::vector<double> active_;          ///< weights of the members that were available then
  std::vector<double> shares_;          ///< picks a call, for calls of several picks
  mark_set picked_, tried_;

  domain_table domains_;
  std::vector<std::size_t> sizes_; ///< by domain: available members with a weight
  mark_set used_, exhausted_;

  turn_queue turns_;          ///< members for calls of one pick, domains for calls of several
  domain_turns domain_turns_; ///< for calls of several picks
  std::size_t count_ = 0;     ///< picks of a call; 0: to be started
  double middle_ = 0;         ///< mean of the credits at the last start
  bool credit_exceeded_ = false;
  std::size_t next_compared_ = 0;
};

} // namespace atl::balancers
