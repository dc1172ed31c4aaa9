#include "broken_balancers.hpp"

#include <ctime>
#include <unistd.h>
#include <unordered_map>

namespace broken_balancers {

namespace {

using namespace atl::spi;

struct remembers_keys : draw {
  using draw::draw;
  std::optional<std::size_t> pick(candidate_list all, std::uint64_t key) override {
    auto found = nodes_.find(key);
    if (found != nodes_.end())
      for (std::size_t i = 0; i < all.size(); ++i)
        if (all[i].id == found->second && all[i].healthy)
          return i;
    auto picked = draw::pick(all, key);
    if (picked)
      nodes_[key] = all[*picked].id;
    return picked;
  }
  std::unordered_map<std::uint64_t, std::uint64_t> nodes_;
};

struct remembers_outcomes : draw {
  using draw::draw;
  void observe(std::uint64_t id, const outcome& result) override { last_[id] = result.latency; }
  std::unordered_map<std::uint64_t, std::chrono::microseconds> last_;
};

struct remembers_domains : draw {
  using draw::draw;
  double weight(const candidate& one) override {
    ++picks_[one.domain];
    return 1;
  }
  std::unordered_map<std::string, std::uint64_t> picks_;
};

struct keeps_a_log : draw {
  using draw::draw;
  std::optional<std::size_t> pick(candidate_list all, std::uint64_t key) override {
    auto picked = draw::pick(all, key);
    log_.push_back(picked.value_or(0));
    return picked;
  }
  std::vector<std::size_t> log_;
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
  double weight(const candidate& one) override {
    static std::unordered_map<std::uint64_t, double> cache;
    if (!(one.weight > 0))
      return 0;
    return cache.try_emplace(one.id, weighted_draw::weight(one)).first->second;
  }
};

struct takes_keys_for_chance : balancer {
  explicit takes_keys_for_chance(std::uint64_t seed) : count_{seed} {}
  std::optional<std::size_t> pick(std::span<const candidate> all, std::uint64_t key) override {
    draw of_this_call{key ^ ++count_};
    return of_this_call.pick(all, key);
  }
  std::uint64_t count_;
};

/// Draws the rank of a candidate, and finds it by comparing each with each.
struct compares_all : draw {
  using draw::draw;
  std::optional<std::size_t> pick(candidate_list all, std::uint64_t) override {
    std::size_t healthy = 0;
    for (auto& one : all)
      healthy += one.healthy;
    if (healthy == 0)
      return std::nullopt;
    auto rank = chance_.below(healthy);
    std::optional<std::size_t> picked;
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::size_t before = 0;
      for (auto& other : all)
        before += other.healthy && other.id < all[i].id;
      if (all[i].healthy && before == rank)
        picked = i;
    }
    return picked;
  }
};

} // namespace

std::vector<specimen> with_wrong_state() {
  constexpr auto memory = "memory is bounded";
  return {
      {"remembers_keys", "each key that ever came is kept", plugin_of<remembers_keys>("uniform"),
       memory, "keys are all different"},
      {"remembers_outcomes", "the outcomes of nodes that are gone are kept",
       plugin_of<remembers_outcomes>("uniform"), memory, "outcomes of nodes"},
      {"remembers_domains", "the domains of nodes that are gone are kept",
       plugin_of<remembers_domains>("uniform"), memory, "come and go"},
      {"keeps_a_log", "each pick is kept", plugin_of<keeps_a_log>("uniform"), memory, "KiB more"},
      {"draws_from_its_process", "picks depend on the process id",
       plugin_of<draws_from_its_process>("uniform"), "two balancers at once share nothing", ""},
      {"draws_from_the_clock", "picks depend on the second",
       plugin_of<draws_from_the_clock>("uniform"), "", ""},
      {"shares_a_cache", "all balancers of a process share what they remember",
       plugin_of<shares_a_cache>("weighted"), "two balancers at once share nothing", "static"},
      {"takes_keys_for_chance", "the key is used, and kept with no node",
       plugin_of<takes_keys_for_chance>("uniform"), "keys are ignored, or each is kept with a node",
       "looks at keys"},
      {"compares_all", "a pick compares each candidate with each",
       plugin_of<compares_all>("uniform"), "a pick among many takes time in proportion",
       "times as long for 4000 as for 250"},
  };
}

} // namespace broken_balancers
