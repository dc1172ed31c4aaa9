#include "broken_balancers.hpp"

#include <map>
#include <unordered_map>
#include <unordered_set>

namespace broken_balancers {

namespace {

struct keeps_first_weights : weighted_draw {
  using weighted_draw::weighted_draw;
  double weight(slot who, const member_facts& facts) override {
    if (first_.size() > 4096)
      first_.clear();
    auto now = weighted_draw::weight(who, facts);
    return now > 0 ? first_.try_emplace(id(who), now).first->second : 0;
  }
  std::unordered_map<std::uint64_t, double> first_;
};

/// Looks at weights every 5,000 picks.
struct looks_seldom : keeps_first_weights {
  using keeps_first_weights::keeps_first_weights;
  slot pick(const pick_request& request, const member_facts& facts) override {
    if (++picks_ % 5'000 == 0)
      first_.clear();
    return keeps_first_weights::pick(request, facts);
  }
  std::uint64_t picks_ = 0;
};

/// Smooth weighted round robin in the weights of the day: an old debt is paid in new weights.
struct owes_old_weights : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    if (credits_.size() > 4096)
      credits_.clear();
    double sum = 0;
    for (slot who = 0; who < size(); ++who)
      sum += usable(request, facts, who);
    auto unit = unit_of(sum);
    auto best = no_slot;
    for (slot who = 0; who < size(); ++who) {
      if (!(usable(request, facts, who) > 0))
        continue;
      credits_[id(who)] += usable(request, facts, who) / unit;
      if (best == no_slot || credits_[id(who)] > credits_[id(best)])
        best = who;
    }
    if (best != no_slot)
      credits_[id(best)] -= sum / unit;
    return best;
  }
  double usable(const pick_request& request, const member_facts& facts, slot who) const {
    return may(request, facts, who) ? limited(members_[who].weight) : 0;
  }
  virtual double limited(double weight) const { return std::min(weight, 1e305); }
  virtual double unit_of(double) const { return 1; }
  std::unordered_map<std::uint64_t, double> credits_;
};

/// Credits are in picks, but the sum of the greatest weights leaves one that is no number, for
/// good.
struct is_poisoned : owes_old_weights {
  using owes_old_weights::owes_old_weights;
  double limited(double weight) const override {
    return weight < 1.6e308 ? std::min(weight, 1e305) : weight;
  }
  double unit_of(double sum) const override { return sum; }
};

/// The one with the fewest picks of all time: one that was away gets all until it has caught up.
struct catches_up : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    if (picks_.size() > 4096)
      picks_.clear();
    auto best = least(request, facts, [&](slot who) { return picks_[id(who)]; });
    if (best != no_slot)
      ++picks_[id(best)];
    return best;
  }
  std::unordered_map<std::uint64_t, double> picks_;
};

struct prefers_old_acquaintances : draw {
  using draw::draw;
  void update(std::span<const member> members) override {
    draw::update(members);
    if (known_.empty())
      for (auto& each : members)
        known_.insert(each.id);
  }
  slot pick(const pick_request& request, const member_facts& facts) override {
    auto known =
        draw_by(request, facts, [&](slot who) { return known_.contains(id(who)) ? 1 : 0; });
    return known != no_slot ? known : draw::pick(request, facts);
  }
  std::unordered_set<std::uint64_t> known_;
};

struct bans_for_good : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    auto fine =
        draw_by(request, facts, [&](slot who) { return failed_.contains(id(who)) ? 0 : 1; });
    return fine != no_slot ? fine : draw::pick(request, facts);
  }
  void observe(slot who, const outcome& result, atl::spi::timestamp) override {
    if (!result.ok && failed_.size() < 4096)
      failed_.insert(id(who));
  }
  std::unordered_set<std::uint64_t> failed_;
};

struct learns_latencies : draw {
  using draw::draw;
  void update(std::span<const member> members) override {
    draw::update(members);
    latency_.assign(members.size(), 1'000);
  }
  double weight(slot who, const member_facts&) override { return 1 / (1'000 + latency_[who]); }
  void observe(slot who, const outcome& result, atl::spi::timestamp) override {
    latency_[who] = 0.9 * latency_[who] + 0.1 * static_cast<double>(result.latency.count());
  }
  std::vector<double> latency_;
};

/// The next one is the next slot, whichever member has it.
struct counts_slots : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    for (std::size_t step = 0; step < size(); ++step)
      if (auto who = static_cast<slot>(turn_++ % size()); may(request, facts, who))
        return who;
    return no_slot;
  }
  std::uint64_t turn_ = 0;
};

/// Round robin that begins with the lowest id each time that a list is told.
struct starts_over : draw {
  using draw::draw;
  void update(std::span<const member> members) override {
    draw::update(members);
    last_ = 0;
  }
  slot pick(const pick_request& request, const member_facts& facts) override {
    auto beyond = [&](slot who) { return id(who) > last_ ? static_cast<double>(id(who)) : -1; };
    auto next = least(request, facts, beyond);
    if (next == no_slot) {
      last_ = 0;
      next = least(request, facts, beyond);
    }
    if (next != no_slot)
      last_ = id(next);
    return next;
  }
  std::uint64_t last_ = 0;
};

} // namespace

std::vector<specimen> with_stale_shares() {
  constexpr auto weights = "shares after weights change";
  constexpr auto outcomes = "shares whatever comes of the requests";
  constexpr auto order = "shares whatever the order of the list";
  return {
      {"keeps_first_weights", "a member's weight is what it was when it came",
       plugin_of<wrong_singly<keeps_first_weights, weighted_draw>>(weighted), weights,
       "after change 1"},
      {"looks_seldom", "a weight that changes is noticed thousands of picks later",
       plugin_of<wrong_singly<looks_seldom, weighted_draw>>(weighted), weights, "after change"},
      {"owes_old_weights", "credits are kept in weights, and weights change",
       plugin_of<wrong_singly<owes_old_weights, weighted_draw>>(weighted), weights,
       "after change 2"},
      {"is_poisoned", "the sum of large weights leaves credits that are no numbers",
       plugin_of<wrong_singly<is_poisoned, weighted_draw>>(weighted), weights,
       "after the greatest weights"},
      {"catches_up", "one that was away gets all until it has as many picks as the others",
       plugin_of<wrong_singly<catches_up>>(uniform), "shares after members die and come back",
       "after change 2"},
      {"prefers_old_acquaintances",
       "only those of the first list are picked while any is available",
       plugin_of<wrong_singly<prefers_old_acquaintances>>(uniform),
       "shares after members join and leave", "after change 1"},
      {"bans_for_good", "one failure, and a member is never picked again",
       plugin_of<wrong_singly<bans_for_good>>(uniform), outcomes, "while requests to member"},
      {"learns_latencies", "slow members get less than their share",
       plugin_of<wrong_singly<learns_latencies>>(uniform), outcomes, "are slow"},
      {"counts_slots", "turns go by the place in the list",
       plugin_of<wrong_singly<counts_slots>>(uniform), order, "turned by one"},
      {"starts_over", "another order of the list begins with the first member again",
       plugin_of<wrong_singly<starts_over>>(uniform), order, "the list is"},
  };
}

} // namespace broken_balancers
