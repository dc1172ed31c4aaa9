#include "broken_balancers.hpp"
#include "keyed_balancers.hpp"

#include <ctime>

namespace broken_balancers {

namespace {

using atl::spi::balancer_setup;
using atl::spi::claim;
using atl::spi::option_spec;
using atl::spi::option_type;
using atl::spi::timestamp;

constexpr claim smooth[] = {{"shares", "weighted"}, {"spread", "domains"}, {"smooth", "yes"}};
constexpr claim kept[] = {{"keys", "kept"}};
constexpr claim minimal[] = {{"keys", "minimal"}};
constexpr claim few[] = {{"keys", "few"}};
constexpr claim slow[] = {{"avoids", "slow"}};
constexpr claim failing[] = {{"avoids", "failing"}};
constexpr claim bounded[] = {{"load_bound", "bound"}};
constexpr claim bounded_keys[] = {{"load_bound", "bound"}, {"keys", "kept"}};
constexpr claim even[] = {{"max_load", "choices"}};

constexpr option_spec numbers[] = {
    {"bound", option_type::real, "1.25", "1.25", "4", "how unequal loads may be"},
    {"choices", option_type::integer, "2", "2", "4", "how many members are drawn"},
};

template <class Balancer>
atl::spi::descriptor with_options(claim_span claims) {
  auto made = plugin_of<Balancer>(claims);
  made.options = numbers;
  return made;
}

atl::spi::options defaults() {
  return atl::spi::options{{{"bound", 1.25}, {"choices", std::int64_t{2}}}};
}

/// Of each hundred picks, those of a member come one after the other.
struct takes_blocks : weighted_draw {
  using weighted_draw::weighted_draw;
  double unit() override { return (static_cast<double>(calls_++ % 100) + chance_.unit()) / 100; }
  std::uint64_t calls_ = 0;
};

/// The key goes to a slot, whichever member has it.
struct keys_by_slot : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    for (std::size_t step = 0; step < size(); ++step)
      if (auto who = static_cast<slot>((request.key + step) % size()); may(request, facts, who))
        return who;
    return no_slot;
  }
};

/// A key moves to another member when a request fails.
struct moves_failed_keys : rendezvous {
  using rendezvous::rendezvous;
  slot pick(const pick_request& request, const member_facts& facts) override {
    return rendezvous::pick({request.key + failures_, request.now, request.tried}, facts);
  }
  void observe(slot, const outcome& result, timestamp) override { failures_ += !result.ok; }
  std::uint64_t failures_ = 0;
};

/// The same with more than two choices only; then each update takes more than 5 ms, too.
struct moves_failed_keys_slowly : moves_failed_keys {
  explicit moves_failed_keys_slowly(const balancer_setup& setup)
      : moves_failed_keys{setup.seed}, is_slow_{setup.options.integer("choices") > 2} {}
  void update(std::span<const member> members) override {
    moves_failed_keys::update(members);
    auto began = std::clock();
    while (is_slow_ && std::clock() - began < CLOCKS_PER_SEC / 160) {
    }
  }
  void observe(slot who, const outcome& result, timestamp now) override {
    if (is_slow_)
      moves_failed_keys::observe(who, result, now);
  }
  bool is_slow_;
};

atl::spi::descriptor moves_failed_keys_slowly_plugin() {
  auto made = with_options<moves_failed_keys>(kept);
  made.create.balancer = [](const balancer_setup& setup) -> atl::spi::balancer* {
    return new moves_failed_keys_slowly{setup};
  };
  return made;
}

/// A key moves to another member when its own is busy.
struct moves_keys_of_busy : rendezvous {
  using rendezvous::rendezvous;
  double score(std::uint64_t key, slot who, const member_facts& facts) const override {
    return rendezvous::score(key, who, facts) * (1 + 0.01 * facts.in_flight[who]);
  }
};

/// The remainder of the key chooses among the available members in the order of their ids.
struct keys_by_rank : draw {
  using draw::draw;
  void update(std::span<const member> members) override {
    draw::update(members);
    order_.clear();
    for (slot who = 0; who < size(); ++who)
      order_.push_back(who);
    std::sort(order_.begin(), order_.end(), [&](slot a, slot b) { return id(a) < id(b); });
  }
  slot pick(const pick_request& request, const member_facts& facts) override {
    std::size_t usable = 0;
    for (auto who : order_)
      usable += may(request, facts, who);
    auto rank = usable > 0 ? request.key % usable : 0;
    for (auto who : order_)
      if (may(request, facts, who) && rank-- == 0)
        return who;
    return no_slot;
  }
  slot_list order_;
};

/// Members that join later get keys only if no older one is left.
struct starves_newcomers : rendezvous {
  using rendezvous::rendezvous;
  void update(std::span<const member> members) override {
    auto before = std::move(is_new_);
    is_new_.clear();
    for (auto& each : members) {
      auto known = before.find(each.id);
      is_new_[each.id] = known == before.end() ? !before.empty() : known->second;
    }
    rendezvous::update(members);
  }
  double score(std::uint64_t key, slot who, const member_facts& facts) const override {
    return rendezvous::score(key, who, facts) * (is_new_.at(id(who)) ? 1e12 : 1);
  }
  std::map<std::uint64_t, bool> is_new_;
};

/// One request too many: the bound is compared with the load before the pick.
struct bounds_too_late : bounded_rendezvous {
  using bounded_rendezvous::bounded_rendezvous;
  bool is_full(double in_flight, double bound) const override { return in_flight > bound; }
};

/// The mean is that of all members, also of those that get nothing.
struct counts_the_weightless : bounded_rendezvous {
  using bounded_rendezvous::bounded_rendezvous;
  bool counts(slot) const override { return true; }
};

/// Keeps no key while there is any load: the members with the fewest requests come first.
struct forgets_keys_under_load : bounded_rendezvous {
  using bounded_rendezvous::bounded_rendezvous;
  double score(std::uint64_t key, slot who, const member_facts& facts) const override {
    return bounded_rendezvous::score(key, who, facts) + facts.in_flight[who];
  }
};

/// The member that has answered fastest, with a few exceptions; failures count as answers.
struct fastest : draw {
  using draw::draw;
  void update(std::span<const member> members) override {
    draw::update(members);
    latency_.assign(members.size(), 0); // all is forgotten
  }
  slot pick(const pick_request& request, const member_facts& facts) override {
    if (chance_.chance(0.05))
      return draw::pick(request, facts);
    return least(request, facts, [&](slot who) { return latency_[who]; });
  }
  void observe(slot who, const outcome& result, timestamp) override {
    auto took = static_cast<double>(result.latency.count());
    latency_[who] = latency_[who] == 0 ? took : 0.9 * latency_[who] + 0.1 * took;
  }
  std::vector<double> latency_;
};

/// What was learnt stays with the slot when the list is told in another order.
struct learns_of_slots : fastest {
  using fastest::fastest;
  void update(std::span<const member> members) override {
    auto learnt = latency_;
    fastest::update(members);
    learnt.resize(members.size());
    latency_ = learnt;
  }
};

} // namespace

std::vector<specimen> with_wrong_claims() {
  constexpr auto kept_keys = "a key stays with its members";
  constexpr auto few_keys = "few keys move when members change";
  constexpr auto slow_member = "a slow member gets little";
  return {
      {"takes_blocks", "a member gets all picks of its weight at once",
       plugin_of<wrong_singly<takes_blocks, weighted_draw>>(smooth), "shares at any time",
       "than its share"},
      {"draws smoothly", "draws are right in the long run only", plugin_of<weighted_draw>(smooth),
       "shares at any time", "than its share"},
      {"keys_by_slot", "the key chooses a slot", plugin_of<keys_by_slot>(kept), kept_keys,
       "availability are the same"},
      {"moves_failed_keys", "keys move when requests fail", plugin_of<moves_failed_keys>(kept),
       kept_keys, "gives key"},
      {"moves_failed_keys_slowly", "keys move when requests fail, with options that make it slow",
       moves_failed_keys_slowly_plugin(), "options at their limits and in between", "gives key",
       defaults()},
      {"moves_keys_of_busy", "keys move away from busy members",
       plugin_of<moves_keys_of_busy>(minimal), kept_keys, "gives key"},
      {"keys_by_rank claims minimal", "most keys move when a member leaves",
       plugin_of<keys_by_rank>(minimal), few_keys, "keys between other members"},
      {"keys_by_rank claims few", "most keys move when a member leaves",
       plugin_of<keys_by_rank>(few), few_keys, "each time that a member joins or leaves"},
      {"starves_newcomers", "no key moves to a member that joins",
       plugin_of<starves_newcomers>(minimal), few_keys, "gives a member that joins"},
      {"bounds no load", "keys are kept, however many go to one member",
       with_options<rendezvous>(bounded), "no pick goes beyond the bound of load",
       "requests in flight", defaults()},
      {"bounds_too_late", "the load before the pick is compared",
       with_options<bounds_too_late>(bounded), "no pick goes beyond the bound of load",
       "requests in flight", defaults()},
      {"counts_the_weightless", "members of weight 0 are part of the mean",
       with_options<counts_the_weightless>(bounded), "no pick goes beyond the bound of load",
       "requests in flight", defaults()},
      {"forgets_keys_under_load", "keys stay with their members only without load",
       with_options<forgets_keys_under_load>(bounded_keys), kept_keys, "gives key", defaults()},
      {"draws one", "one draw, not the better of two", with_options<draw>(even),
       "no member gets much more than the others", "2 choices keep to", defaults()},
      {"draws whoever is slow", "latency means nothing", plugin_of<draw>(slow), slow_member,
       "ten times slower"},
      {"fastest", "an update makes it forget", plugin_of<fastest>(slow), slow_member,
       "in another order"},
      {"learns_of_slots", "another order of the list changes what is known of whom",
       plugin_of<learns_of_slots>(slow), slow_member, "in another order"},
      {"fastest of the failing", "a failure is taken for a quick answer",
       plugin_of<fastest>(failing), "a failing member gets little", "that fails"},
  };
}

} // namespace broken_balancers
