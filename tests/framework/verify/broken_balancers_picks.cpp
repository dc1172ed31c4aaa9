#include "broken_balancers.hpp"

#include <map>

namespace broken_balancers {

namespace {

struct gives_some_at_most : draw {
  using draw::draw;
  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    return draw::pick_many(request, facts, picks.first(std::min<std::size_t>(picks.size(), 16)));
  }
};

/// Which of several picks are in new domains is kept in 64 bits.
struct counts_64_domains : draw {
  using draw::draw;
  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    std::vector<std::uint32_t> cut;
    std::map<std::uint32_t, std::uint32_t> numbers;
    for (auto domain : facts.domain)
      cut.push_back(
          numbers.try_emplace(domain, static_cast<std::uint32_t>(numbers.size())).first->second %
          64);
    auto seen = facts;
    seen.domain = cut;
    return draw::pick_many(request, seen, picks);
  }
};

struct trusts_availability_to_128 : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    std::vector<std::uint8_t> available(facts.available.begin(), facts.available.end());
    for (std::size_t i = 128; i < available.size(); ++i)
      available[i] = 1;
    auto seen = facts;
    seen.available = available;
    return draw::pick(request, seen);
  }
};

struct forgets_the_tried : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    return draw::pick({request.key, request.now, {}}, facts);
  }
};

/// Goes on with the last choice as long as it is available, also when the list is another one.
struct keeps_a_slot : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    if (last_ == no_slot || (last_ < size() && !may(request, facts, last_)) || size() == 0)
      last_ = draw::pick(request, facts);
    return last_;
  }
  slot last_ = no_slot;
};

struct overfills : draw {
  using draw::draw;
  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    return draw::pick_many(request, facts, picks) + (size() > 20 ? picks.size() : 0);
  }
};

struct probes_any_slot : draw {
  using draw::draw;
  std::size_t wanted_probes(atl::spi::timestamp, const member_facts&,
                            std::span<slot> whom) override {
    for (auto& who : whom)
      who = static_cast<slot>(chance_.below(16));
    return whom.size();
  }
};

struct probes_three : draw {
  using draw::draw;
  std::size_t wanted_probes(atl::spi::timestamp, const member_facts&,
                            std::span<slot> whom) override {
    if (size() < 3)
      return 0;
    for (slot who = 0; who < 3; ++who)
      whom.data()[who] = who;
    return std::min<std::size_t>(3, whom.size());
  }
};

/// Picks none before the results of its probes have come, if it wanted any.
struct waits_for_results : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    return asked_ > answered_ ? no_slot : draw::pick(request, facts);
  }
  std::size_t wanted_probes(atl::spi::timestamp, const member_facts&,
                            std::span<slot> whom) override {
    if (whom.empty() || size() == 0)
      return 0;
    whom.front() = 0;
    ++asked_;
    return 1;
  }
  void on_probe(slot, const atl::spi::probe_result&, atl::spi::timestamp) override { ++answered_; }
  std::uint64_t asked_ = 0, answered_ = 0;
};

} // namespace

std::vector<specimen> with_wrong_picks() {
  constexpr auto usable = "only usable members, each once, whatever joins, dies and comes back";
  constexpr auto usable_of_many = "only usable members, each once, among 100 and 1,000";
  constexpr auto probes = "probes of members only, and picks without their results";
  return {
      {"gives_some_at_most", "never more than 16 picks a call",
       plugin_of<gives_some_at_most>(uniform), usable_of_many, "picked 16 of"},
      {"counts_64_domains", "the 65th domain is taken for the first",
       plugin_of<counts_64_domains>(uniform), usable_of_many, "again while another was unused"},
      {"trusts_availability_to_128", "members beyond the 128th are taken for available",
       plugin_of<wrong_singly<trusts_availability_to_128>>(uniform), usable_of_many, "unavailable"},
      {"forgets_the_tried", "a request goes again to a member that was tried",
       plugin_of<forgets_the_tried>(uniform), usable, "which was tried"},
      {"keeps_a_slot", "the slot of an earlier list is picked from a shorter one",
       plugin_of<keeps_a_slot>(unclaimed), usable, "picked slot"},
      {"overfills", "more picks than were asked for", plugin_of<overfills>(unclaimed),
       usable_of_many, "pick_many says that it filled"},
      {"probes_any_slot", "probes of members that there aren't",
       plugin_of<probes_any_slot>(unclaimed), probes, "wants a probe of slot"},
      {"probes_three", "three probes, where there is room for one",
       plugin_of<probes_three>(uniform), probes, "wanted_probes writes beyond"},
      {"waits_for_results", "no pick until a probe is answered",
       plugin_of<waits_for_results>(unclaimed), probes, "picked none"},
  };
}

} // namespace broken_balancers
