#pragma once

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

/// Balancers that look right and aren't, with one mistake each; and some that look odd and are
/// right.
namespace broken_balancers {

using atl::spi::member;
using atl::spi::member_facts;
using atl::spi::no_slot;
using atl::spi::outcome;
using atl::spi::pick_request;
using atl::spi::slot;

struct specimen {
  std::string_view name;
  std::string_view mistake; ///< empty: none
  atl::spi::descriptor plugin;
  /// The property that must find it, and a part of what it must say. Empty: any.
  std::string_view property;
  std::string_view detail;
  atl::spi::options options{};
};

/// That give out other shares than they claim.
std::vector<specimen> with_wrong_shares();
/// That lose shares when something changes.
std::vector<specimen> with_stale_shares();
/// That know or remember what they must not, or take too long.
std::vector<specimen> with_wrong_state();
/// That break another claim than `shares`.
std::vector<specimen> with_wrong_claims();
/// That break a rule for one request, or the rules about probes.
std::vector<specimen> with_wrong_picks();
std::vector<specimen> odd_but_right();

using claim_span = std::span<const atl::spi::claim>;
inline constexpr claim_span unclaimed;
inline constexpr atl::spi::claim uniform[] = {{"shares", "uniform"}, {"spread", "domains"}};
inline constexpr atl::spi::claim weighted[] = {{"shares", "weighted"}, {"spread", "domains"}};

/// The descriptor of a plugin that makes `Balancer` with a seed.
template <class Balancer>
atl::spi::descriptor plugin_of(claim_span claims) {
  atl::spi::descriptor made{.kind = atl::spi::plugin_kind::balancer,
                            .name = "specimen",
                            .version = "1.0.0",
                            .summary = "A balancer for a test of the kit",
                            .licence = "Apache-2.0",
                            .claims = claims};
  made.create.balancer = [](const atl::spi::balancer_setup& setup) -> atl::spi::balancer* {
    return new Balancer{setup.seed};
  };
  return made;
}

/// Keeps the list of members.
class knows_members : public atl::spi::balancer {
 public:
  void update(std::span<const member> members) override {
    members_.assign(members.begin(), members.end());
  }

 protected:
  /// Whether the request may go there.
  static bool may(const pick_request& request, const member_facts& facts, slot who) {
    return facts.available[who] != 0 &&
           std::find(request.tried.begin(), request.tried.end(), who) == request.tried.end();
  }
  std::size_t size() const { return members_.size(); }
  std::uint64_t id(slot who) const { return members_[who].id; }

  /// The member with the least of these values; none for which it is negative.
  template <class Value>
  slot least(const pick_request& request, const member_facts& facts, Value&& value_of) const {
    auto best = no_slot;
    for (slot who = 0; who < size(); ++who)
      if (may(request, facts, who) && !(value_of(who) < 0) &&
          (best == no_slot || value_of(who) < value_of(best)))
        best = who;
    return best;
  }

  std::vector<member> members_;
};

/// Draws each usable member with a chance of its own, 1 for all unless a class says otherwise.
class draw : public knows_members {
 public:
  explicit draw(std::uint64_t seed) : chance_{seed} {}

  void update(std::span<const member> members) override {
    knows_members::update(members);
    weights_.resize(members.size());
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    return draw_by(request, facts, [&](slot who) { return weight(who, facts); });
  }

 protected:
  virtual double weight(slot, const member_facts&) { return 1; }
  /// What a draw goes by, in [0, 1).
  virtual double unit() { return chance_.unit(); }

  /// One that may be picked, by these weights; none if all weights are 0.
  template <class Weight>
  slot draw_by(const pick_request& request, const member_facts& facts, Weight&& weight_of) {
    double sum = 0;
    for (slot who = 0; who < size(); ++who)
      sum += weights_[who] = may(request, facts, who) ? weight_of(who) : 0;
    auto left = unit() * sum;
    auto last = no_slot;
    for (slot who = 0; who < size(); ++who) {
      if (!(weights_[who] > 0))
        continue;
      last = who;
      if ((left -= weights_[who]) < 0)
        break;
    }
    return last;
  }

  atl::spi::random_source chance_;
  std::vector<double> weights_; ///< of the pick under way
};

/// The same, by the members' weights.
class weighted_draw : public draw {
 public:
  using draw::draw;

 protected:
  /// Far enough from the greatest numbers that sums of them are numbers.
  double weight(slot who, const member_facts&) override {
    return std::min(members_[who].weight, 1e305);
  }
};

/// Only `pick` is that of `Wrong`; several picks of a call are drawn as they should be.
template <class Wrong, class Right = draw>
class wrong_singly : public Wrong {
 public:
  explicit wrong_singly(std::uint64_t seed) : Wrong{seed}, right_{seed} {}

  void update(std::span<const member> members) override {
    Wrong::update(members);
    right_.update(members);
  }

  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    return right_.pick_many(request, facts, picks);
  }

 private:
  Right right_;
};

} // namespace broken_balancers
