#include "broken_balancers.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <unistd.h>
#include <unordered_map>

namespace broken_balancers {

namespace {

using atl::spi::probe_result;
using atl::spi::timestamp;

struct remembers_keys : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    auto [found, is_new] = owners_.try_emplace(request.key, 0);
    if (!is_new)
      for (slot who = 0; who < size(); ++who)
        if (id(who) == found->second && may(request, facts, who))
          return who;
    auto picked = draw::pick(request, facts);
    if (picked != no_slot)
      found->second = id(picked);
    return picked;
  }
  std::unordered_map<std::uint64_t, std::uint64_t> owners_;
};

struct remembers_probes : draw {
  using draw::draw;
  void on_probe(slot who, const probe_result&, timestamp) override { answered_.push_back(who); }
  std::vector<std::uint64_t> answered_;
};

struct remembers_members : draw {
  using draw::draw;
  void update(std::span<const member> members) override {
    draw::update(members);
    for (auto& each : members)
      domains_.try_emplace(each.id, each.domain);
  }
  std::unordered_map<std::uint64_t, std::uint32_t> domains_;
};

struct keeps_a_log : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    auto picked = draw::pick(request, facts);
    log_.push_back(picked);
    return picked;
  }
  std::vector<std::uint64_t> log_;
};

struct allocates : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    std::vector<slot> usable;
    for (slot who = 0; who < size(); ++who)
      if (may(request, facts, who))
        usable.push_back(who);
    return usable.empty() ? no_slot : usable[chance_.below(usable.size())];
  }
};

struct allocates_for_many : draw {
  using draw::draw;
  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    std::vector<slot> found(picks.size());
    auto filled = draw::pick_many(request, facts, found);
    std::copy_n(found.begin(), filled, picks.begin());
    return filled;
  }
};

struct uses_malloc : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    void* volatile place = std::malloc(16); // volatile, so that the calls aren't left out
    std::free(place);
    return draw::pick(request, facts);
  }
};

struct draws_from_its_process : draw {
  explicit draws_from_its_process(std::uint64_t seed)
      : draw{seed ^ static_cast<std::uint64_t>(::getpid())} {}
};

struct draws_from_the_clock : draw {
  explicit draws_from_the_clock(std::uint64_t seed)
      : draw{seed ^ static_cast<std::uint64_t>(std::time(nullptr))} {}
};

/// Weights are remembered for all balancers of the process together.
struct shares_a_cache : weighted_draw {
  using weighted_draw::weighted_draw;
  double weight(slot who, const member_facts& facts) override {
    static std::unordered_map<std::uint64_t, double> cache;
    auto now = weighted_draw::weight(who, facts);
    return now > 0 ? cache.try_emplace(id(who), now).first->second : 0;
  }
};

/// A draw for each call, from the key and the number of the call.
struct takes_keys_for_chance : draw {
  explicit takes_keys_for_chance(std::uint64_t seed) : draw{seed}, count_{seed} {}
  slot pick(const pick_request& request, const member_facts& facts) override {
    chance_ = atl::spi::random_source{request.key ^ ++count_};
    return draw::pick(request, facts);
  }
  std::uint64_t count_;
};

/// Draws the rank of a member, and finds it by comparing each with each.
struct compares_all : draw {
  using draw::draw;
  slot pick(const pick_request& request, const member_facts& facts) override {
    std::uint64_t usable = 0;
    for (slot who = 0; who < size(); ++who)
      usable += may(request, facts, who);
    auto rank = chance_.below(usable);
    auto picked = no_slot;
    for (slot who = 0; who < size(); ++who) {
      std::size_t before = 0;
      for (slot other = 0; other < size(); ++other)
        before += may(request, facts, other) && id(other) < id(who);
      if (may(request, facts, who) && before == rank)
        picked = who;
    }
    return picked;
  }
};

/// Looks each member of a list up among all.
struct looks_up_all : draw {
  using draw::draw;
  void update(std::span<const member> members) override {
    draw::update(members);
    ranks_.clear();
    for (auto& each : members)
      ranks_.push_back(std::count_if(members.begin(), members.end(), [&](auto& other) {
        return other.id < each.id && other.weight <= each.weight;
      }));
  }
  std::vector<std::ptrdiff_t> ranks_;
};

} // namespace

std::vector<specimen> with_wrong_state() {
  constexpr auto memory = "memory is bounded";
  return {
      {"remembers_keys", "each key that ever came is kept", plugin_of<remembers_keys>(uniform),
       memory, "keys are all different"},
      {"remembers_probes", "the results of all probes are kept",
       plugin_of<remembers_probes>(uniform), memory, "results of probes"},
      {"remembers_members", "members that are gone are kept", plugin_of<remembers_members>(uniform),
       memory, "come and go"},
      {"keeps_a_log", "each pick is kept", plugin_of<keeps_a_log>(uniform), memory, "KiB more"},
      {"allocates", "each pick makes a list of its own and gives it back",
       plugin_of<allocates>(uniform), "a pick allocates nothing", "allocates memory"},
      {"allocates_for_many", "several picks of a call are first put into a list of its own",
       plugin_of<allocates_for_many>(uniform), "a pick allocates nothing", "calls of pick_many"},
      {"uses_malloc", "each pick takes memory as C does, and gives it back",
       plugin_of<uses_malloc>(uniform), "a pick allocates nothing", "calls of pick among"},
      {"draws_from_its_process", "picks depend on the process id",
       plugin_of<draws_from_its_process>(uniform), "two balancers at once share nothing", ""},
      {"draws_from_the_clock", "picks depend on the second",
       plugin_of<draws_from_the_clock>(uniform), "", ""},
      {"shares_a_cache", "all balancers of a process share what they remember",
       plugin_of<shares_a_cache>(weighted), "two balancers at once share nothing", "static"},
      {"takes_keys_for_chance", "the key is used, and kept with no member",
       plugin_of<takes_keys_for_chance>(uniform), "keys are ignored, or each is kept with a member",
       "looks at keys"},
      {"compares_all", "a pick compares each member with each", plugin_of<compares_all>(uniform),
       "a pick among many takes time in proportion", "times as long for 4000 as for 250"},
      {"looks_up_all", "an update compares each member with each", plugin_of<looks_up_all>(uniform),
       "an update takes time in proportion", "times as long for 4000 as for 250"},
  };
}

} // namespace broken_balancers
