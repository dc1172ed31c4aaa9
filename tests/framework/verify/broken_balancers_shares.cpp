#include "broken_balancers.hpp"

#include <cmath>
#include <map>

namespace broken_balancers {

namespace {

struct passes_to_the_neighbour : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    auto first = chance_.below(size());
    for (std::size_t step = 0; step < size(); ++step)
      if (auto who = static_cast<slot>((first + step) % size()); may(request, facts, who))
        return who;
    return no_slot;
  }
};

struct sees_the_first_64 : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    auto early = draw_by(request, facts, [](slot who) { return who < 64 ? 1 : 0; });
    return early != no_slot ? early : draw::pick(request, facts);
  }
};

struct draws_a_byte : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    std::uint64_t usable = 0;
    for (slot who = 0; who < size(); ++who)
      usable += may(request, facts, who);
    if (usable == 0)
      return no_slot;
    auto left = (usable > 256 ? chance_.next() : chance_.next() % 256) % usable;
    for (slot who = 0;; ++who)
      if (may(request, facts, who) && left-- == 0)
        return who;
  }
};

struct leaves_out_the_last : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    auto last = size() > 500 ? size() - 1 : size();
    auto other = draw_by(request, facts, [&](slot who) { return who < last ? 1 : 0; });
    return other != no_slot ? other : draw::pick(request, facts);
  }
};

struct rounds_weights : weighted_draw {
  using weighted_draw::weighted_draw;
  double weight(slot who, const member_facts& facts) override {
    auto exact = weighted_draw::weight(who, facts);
    return exact > 0 ? std::max(1.0, std::floor(exact)) : 0;
  }
};

/// The sum of some large weights is infinite, and then the last is picked.
struct overflows : weighted_draw {
  using weighted_draw::weighted_draw;
  double weight(slot who, const member_facts&) override { return members_[who].weight; }
};

/// Smooth weighted round robin, but what is remembered goes by the lower half of an id.
struct cuts_ids : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    auto best = no_slot;
    double sum = 0;
    if (credits_.size() > 4096)
      credits_.clear();
    for (slot who = 0; who < size(); ++who) {
      if (!may(request, facts, who))
        continue;
      sum += 1;
      credit(who) += 1;
      if (best == no_slot || credit(who) > credit(best))
        best = who;
    }
    if (best != no_slot)
      credit(best) -= sum;
    return best;
  }
  double& credit(slot who) { return credits_[static_cast<std::uint32_t>(id(who))]; }
  std::map<std::uint32_t, double> credits_;
};

/// Weights are right, but for this fact of a member.
template <auto of_fact>
struct looks_at : weighted_draw {
  using weighted_draw::weighted_draw;
  double weight(slot who, const member_facts& facts) override {
    return weighted_draw::weight(who, facts) * of_fact(facts, who);
  }
};

double more_where_free(const member_facts& facts, slot who) {
  return 1 + static_cast<double>(facts.free_bytes[who]) * 1e-13;
}
double less_where_busy(const member_facts& facts, slot who) {
  return 1 / (1 + 0.05 * facts.in_flight[who]);
}
double less_where_reported(const member_facts& facts, slot who) {
  return 1 / (1 + 0.05 * facts.reported_in_flight[who]);
}
double less_where_slow(const member_facts& facts, slot who) {
  auto latency = facts.latency[who];
  return latency > 0 && latency < 1e6 ? 1 / (1 + 1e-5 * latency) : 1;
}
/// Only where all facts say so.
double less_where_all_is_bad(const member_facts& facts, slot who) {
  return facts.in_flight[who] > 0 && facts.reported_in_flight[who] > 0 && facts.latency[who] > 0 &&
                 facts.free_bytes[who] > 0
             ? 0.5
             : 1;
}

} // namespace

std::vector<specimen> with_wrong_shares() {
  constexpr auto over_many = "shares over many picks";
  constexpr auto among_many = "shares among 100 and 1,000 members";
  constexpr auto facts = "shares whatever the facts";
  return {
      {"passes_to_the_neighbour", "an unavailable member's share goes to the next in the list",
       plugin_of<wrong_singly<passes_to_the_neighbour>>(uniform),
       "shares with one of four unavailable", "unavailable"},
      {"sees_the_first_64", "the 65th member gets nothing while one before it is available",
       plugin_of<wrong_singly<sees_the_first_64>>(uniform), among_many, "of 100 members"},
      {"draws_a_byte", "256 is no multiple of the number of members",
       plugin_of<wrong_singly<draws_a_byte>>(uniform), among_many, "chance can't be the reason"},
      {"leaves_out_the_last", "of long lists the last is never drawn",
       plugin_of<wrong_singly<leaves_out_the_last>>(uniform), among_many, "number 1000 of 1000"},
      {"rounds_weights", "weights are taken for whole numbers",
       plugin_of<wrong_singly<rounds_weights, weighted_draw>>(weighted), over_many, "weight 0.5"},
      {"overflows", "the sum of large weights is no number",
       plugin_of<wrong_singly<overflows, weighted_draw>>(weighted), over_many,
       "never picks member 1 (number 1 of 3)"},
      {"cuts_ids", "two members whose ids end alike share a credit",
       plugin_of<wrong_singly<cuts_ids>>(uniform), over_many, "picks, where"},
      {"looks at free space", "members with more free space get more",
       plugin_of<looks_at<more_where_free>>(weighted), facts, "differ in free space"},
      {"looks at requests in flight", "busy members get less",
       plugin_of<looks_at<less_where_busy>>(weighted), facts, "differ in requests in flight"},
      {"looks at reported requests", "members that say that they are busy get less",
       plugin_of<looks_at<less_where_reported>>(weighted), facts, "differ in reported requests"},
      {"looks at latency", "slow members get less", plugin_of<looks_at<less_where_slow>>(weighted),
       facts, "differ in latency"},
      {"looks at all facts together", "members about which everything is bad get less",
       plugin_of<looks_at<less_where_all_is_bad>>(weighted), facts, "differ in every fact"},
  };
}

} // namespace broken_balancers
