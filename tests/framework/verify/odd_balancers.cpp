#include "broken_balancers.hpp"
#include "keyed_balancers.hpp"

#include <unordered_map>

namespace broken_balancers {

namespace {

using atl::spi::claim;
using atl::spi::option_spec;
using atl::spi::option_type;
using atl::spi::timestamp;

constexpr claim keys[] = {{"shares", "weighted"}, {"spread", "domains"}, {"keys", "minimal"}};
constexpr claim smooth[] = {{"shares", "weighted"}, {"smooth", "yes"}};
constexpr claim bounded[] = {{"load_bound", "bound"}, {"keys", "kept"}};
constexpr claim even[] = {{"max_load", "choices"}};
constexpr claim failing[] = {{"avoids", "failing"}};
constexpr claim both[] = {{"avoids", "slow,failing"}};

constexpr option_spec numbers[] = {
    {"bound", option_type::real, "1.25", "1.25", "1.25", "how unequal loads may be"},
    {"choices", option_type::integer, "2", "1", "2", "how many members are drawn"},
};

/// Always the same, as in docs/WRITING_A_PLUGIN.md.
struct lowest_id : knows_members {
  explicit lowest_id(std::uint64_t) {}
  slot pick(const pick_request& request, const member_facts& facts) override {
    return least(request, facts, [&](slot who) { return static_cast<double>(id(who)); });
  }
};

/// Leaves a member out for 64 picks after a failure, and longer after each further one.
struct breaks_the_circuit : draw {
  using draw::draw;
  struct circuit {
    std::uint64_t open_until = 0, failures = 0;
  };
  void update(std::span<const member> members) override {
    std::unordered_map<std::uint64_t, circuit> kept;
    for (auto& each : members)
      kept[each.id] = circuits_[each.id];
    circuits_ = kept;
    draw::update(members);
  }
  slot pick(const pick_request& request, const member_facts& facts) override {
    ++calls_;
    auto closed = draw_by(request, facts, [&](slot who) {
      return circuits_.at(id(who)).open_until < calls_ ? 1 : 0;
    });
    return closed != no_slot ? closed : draw::pick(request, facts);
  }
  void observe(slot who, const outcome& result, timestamp) override {
    auto& found = circuits_.at(id(who));
    found.failures = result.ok ? 0 : found.failures + 1;
    found.open_until = result.ok ? 0 : calls_ + 64 * std::min<std::uint64_t>(found.failures, 8);
  }
  std::unordered_map<std::uint64_t, circuit> circuits_;
  std::uint64_t calls_ = 0;
};

/// The one that was picked longest ago.
struct longest_idle : knows_members {
  explicit longest_idle(std::uint64_t) {}
  void update(std::span<const member> members) override {
    std::unordered_map<std::uint64_t, double> kept;
    for (auto& each : members)
      kept[each.id] = last_[each.id];
    last_ = kept;
    knows_members::update(members);
  }
  slot pick(const pick_request& request, const member_facts& facts) override {
    auto best = least(request, facts, [&](slot who) { return last_.at(id(who)); });
    if (best != no_slot)
      last_.at(id(best)) = ++calls_;
    return best;
  }
  std::unordered_map<std::uint64_t, double> last_;
  double calls_ = 0;
};

/// Credits of smooth weighted round robin, counted in picks.
struct deals_by_credit : knows_members {
  explicit deals_by_credit(std::uint64_t) {}
  void update(std::span<const member> members) override {
    std::unordered_map<std::uint64_t, double> kept;
    for (auto& each : members)
      kept[each.id] = credits_[each.id];
    auto is_other = members.size() != size() || kept.size() != credits_.size();
    for (auto& each : members)
      is_other |= weights_[each.id] != each.weight;
    credits_ = kept;
    knows_members::update(members);
    weights_.clear();
    for (auto& each : members) {
      weights_[each.id] = each.weight;
      if (is_other)
        credits_[each.id] = 0;
    }
  }
  slot pick(const pick_request& request, const member_facts& facts) override {
    double sum = 0;
    auto weight = [&](slot who) {
      return may(request, facts, who) ? std::min(members_[who].weight, 1e305) : 0;
    };
    for (slot who = 0; who < size(); ++who)
      sum += weight(who);
    auto best = no_slot;
    for (slot who = 0; who < size(); ++who)
      if (weight(who) > 0) {
        credits_.at(id(who)) += weight(who) / sum;
        if (best == no_slot || credits_.at(id(who)) > credits_.at(id(best)))
          best = who;
      }
    if (best != no_slot)
      credits_.at(id(best)) -= 1;
    return best;
  }
  std::unordered_map<std::uint64_t, double> credits_, weights_;
};

/// The better of two that are drawn.
struct better_of_two : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    auto first = draw::pick(request, facts), second = draw::pick(request, facts);
    return first != no_slot && facts.in_flight[second] < facts.in_flight[first] ? second : first;
  }
};

/// Draws by the fact of latency, and by failures of late. Asks for probes, and ignores the results.
struct draws_by_health : draw {
  using draw::draw;
  void update(std::span<const member> members) override {
    std::unordered_map<std::uint64_t, double> kept;
    for (auto& each : members)
      kept[each.id] = trust_.try_emplace(each.id, 1).first->second;
    trust_ = kept;
    draw::update(members);
  }
  double weight(slot who, const member_facts& facts) override {
    auto latency = std::isfinite(facts.latency[who]) ? std::max(facts.latency[who], 0.0F) : 0;
    return trust_.at(id(who)) / (100.0 + latency);
  }
  void observe(slot who, const outcome& result, timestamp) override {
    auto& trust = trust_.at(id(who));
    trust = 0.8 * trust + (result.ok ? 0.2 : 0.001);
  }
  std::size_t wanted_probes(timestamp, const member_facts&, std::span<slot> whom) override {
    if (whom.empty() || size() == 0)
      return 0;
    whom.front() = static_cast<slot>(chance_.below(size()));
    return 1;
  }
  std::unordered_map<std::uint64_t, double> trust_;
};

} // namespace

std::vector<specimen> odd_but_right() {
  auto with_options = [](atl::spi::descriptor plugin, std::span<const option_spec> options) {
    plugin.options = options;
    return plugin;
  };
  auto all = std::span{numbers};
  return {
      {"lowest_id", "", plugin_of<lowest_id>(unclaimed), "", ""},
      {"weighted_draw", "", plugin_of<weighted_draw>(weighted), "", ""},
      {"weighted_draw without claims", "", plugin_of<weighted_draw>(unclaimed), "", ""},
      {"rendezvous", "", plugin_of<rendezvous>(keys), "", ""},
      {"bounded_rendezvous", "", with_options(plugin_of<bounded_rendezvous>(bounded), all.first(1)),
       "", "", atl::spi::options{{{"bound", 1.25}}}},
      {"breaks_the_circuit", "", plugin_of<breaks_the_circuit>(failing), "", ""},
      {"longest_idle", "", plugin_of<longest_idle>(uniform), "", ""},
      {"deals_by_credit", "", plugin_of<wrong_singly<deals_by_credit, weighted_draw>>(smooth), "",
       ""},
      {"better_of_two", "", with_options(plugin_of<better_of_two>(even), all.last(1)), "", "",
       atl::spi::options{{{"choices", std::int64_t{2}}}}},
      {"draws_by_health", "", plugin_of<draws_by_health>(both), "", ""},
  };
}

} // namespace broken_balancers
