#pragma once

#include "broken_balancers.hpp"

#include <cmath>
#include <map>

namespace broken_balancers {

using slot_list = std::vector<slot>;

/// Keeps a key with a member: the highest score of key and id, stretched by weight (Thaler &
/// Ravishankar 1998; weights after Schindelhauer & Schomaker 2005).
class rendezvous : public knows_members {
 public:
  explicit rendezvous(std::uint64_t seed) : seed_{seed} {}

  void update(std::span<const member> members) override {
    knows_members::update(members);
    greatest_ = 0;
    for (auto& each : members)
      greatest_ = std::max(greatest_, each.weight);
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    return least(request, facts, [&](slot who) {
      return members_[who].weight > 0 ? score(request.key, who, facts) : -1;
    });
  }

 protected:
  /// The less the better; never negative.
  virtual double score(std::uint64_t key, slot who, const member_facts&) const {
    auto weight = std::max(members_[who].weight / greatest_, 1e-18);
    return -std::log(1 - unit(key ^ seed_, id(who))) / weight;
  }

 private:
  /// In [0, 1), by the last steps of splitmix64.
  static double unit(std::uint64_t key, std::uint64_t id) {
    auto mixed = key + id * 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return static_cast<double>((mixed ^ (mixed >> 31)) >> 11) * 0x1.0p-53;
  }

  std::uint64_t seed_;
  double greatest_ = 0;
};

/// The same among members that have room: loads stay below 1.25 times their mean, rounded up
/// (Mirrokni, Thorup, Zadimoghaddam 2018).
class bounded_rendezvous : public rendezvous {
 public:
  using rendezvous::rendezvous;

  slot pick(const pick_request& request, const member_facts& facts) override {
    double loads = 1, available = 0;
    for (slot who = 0; who < size(); ++who)
      if (facts.available[who] != 0 && counts(who)) {
        loads += facts.in_flight[who];
        available += 1;
      }
    bound_ = std::ceil(1.25 * loads / available);
    auto picked = rendezvous::pick(request, facts);
    if (picked == no_slot || !is_full(facts.in_flight[picked], bound_))
      return picked;
    auto roomy = least(request, facts, [&](slot who) {
      return members_[who].weight > 0 && !is_full(facts.in_flight[who], bound_)
                 ? score(request.key, who, facts)
                 : -1;
    });
    return roomy != no_slot ? roomy : picked;
  }

 protected:
  /// Whether the member is one of those that share the load.
  virtual bool counts(slot who) const { return members_[who].weight > 0; }
  /// Whether one more request would exceed the bound.
  virtual bool is_full(double in_flight, double bound) const { return in_flight + 1 > bound; }

 private:
  double bound_ = 0;
};

} // namespace broken_balancers
