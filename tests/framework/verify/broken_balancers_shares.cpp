#include "broken_balancers.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

namespace broken_balancers {

namespace {

using namespace atl::spi;

struct passes_to_the_neighbour : draw {
  using draw::draw;
  std::optional<std::size_t> pick(candidate_list all, std::uint64_t) override {
    auto first = chance_.below(all.size());
    for (std::size_t step = 0; step < all.size(); ++step)
      if (auto i = (first + step) % all.size(); all[i].healthy)
        return i;
    return std::nullopt;
  }
};

struct sees_the_first_64 : draw {
  using draw::draw;
  std::optional<std::size_t> pick(candidate_list all, std::uint64_t key) override {
    auto picked = draw::pick(all.first(std::min<std::size_t>(all.size(), 64)), key);
    return picked ? picked : draw::pick(all, key);
  }
};

struct draws_a_byte : draw {
  using draw::draw;
  std::optional<std::size_t> pick(candidate_list all, std::uint64_t) override {
    std::vector<std::size_t> healthy;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].healthy)
        healthy.push_back(i);
    if (healthy.empty())
      return std::nullopt;
    auto draws = healthy.size() > 256 ? chance_.next() : chance_.next() % 256;
    return healthy[draws % healthy.size()];
  }
};

struct leaves_out_the_last : draw {
  using draw::draw;
  std::optional<std::size_t> pick(candidate_list all, std::uint64_t key) override {
    return draw::pick(all.size() > 500 ? all.first(all.size() - 1) : all, key);
  }
};

struct rounds_weights : weighted_draw {
  using weighted_draw::weighted_draw;
  double weight(const candidate& one) override {
    return one.weight > 0 ? std::max(1.0, std::floor(weighted_draw::weight(one))) : 0;
  }
};

/// The sum of some large weights is infinite, and then the last is picked.
struct overflows : weighted_draw {
  using weighted_draw::weighted_draw;
  double weight(const candidate& one) override { return one.weight > 0 ? one.weight : 0; }
};

/// Smooth weighted round robin, but what is remembered goes by the lower half of an id.
struct cuts_ids : balancer {
  explicit cuts_ids(std::uint64_t) {}
  std::optional<std::size_t> pick(std::span<const candidate> all, std::uint64_t) override {
    std::optional<std::size_t> best;
    double sum = 0;
    if (credits_.size() > 4096)
      credits_.clear();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!all[i].healthy)
        continue;
      sum += 1;
      credit(all[i]) += 1;
      if (!best || credit(all[i]) > credit(all[*best]))
        best = i;
    }
    if (best)
      credit(all[*best]) -= sum;
    return best;
  }
  double& credit(const candidate& one) { return credits_[static_cast<std::uint32_t>(one.id)]; }
  std::map<std::uint32_t, double> credits_;
};

struct gives_some_at_most : draw {
  using draw::draw;
  std::vector<std::size_t> pick_many(candidate_list all, std::size_t count,
                                     std::uint64_t key) override {
    return draw::pick_many(all, std::min<std::size_t>(count, 16), key);
  }
};

/// Which of several picks are in new domains is kept in 64 bits.
struct counts_64_domains : draw {
  using draw::draw;
  std::vector<std::size_t> pick_many(candidate_list all, std::size_t count,
                                     std::uint64_t key) override {
    std::vector<candidate> known(all.begin(), all.end());
    std::map<std::string, std::uint64_t> numbers;
    for (auto& one : known) {
      auto number = numbers.try_emplace(one.domain, numbers.size()).first->second;
      if (!one.domain.empty())
        one.domain = std::to_string(number % 64);
    }
    return draw::pick_many(known, count, key);
  }
};

struct trusts_health_to_128 : draw {
  using draw::draw;
  std::optional<std::size_t> pick(candidate_list all, std::uint64_t key) override {
    std::vector<candidate> seen(all.begin(), all.end());
    for (std::size_t i = 128; i < seen.size(); ++i)
      seen[i].healthy = true;
    return draw::pick(seen, key);
  }
};

} // namespace

std::vector<specimen> with_wrong_shares() {
  constexpr auto over_many = "shares over many picks";
  constexpr auto among_many = "shares among 100 and 1,000 candidates";
  constexpr auto usable = "only usable candidates, each once, among 100 and 1,000";
  return {
      {"passes_to_the_neighbour", "a dead candidate's share goes to the next in the list",
       plugin_of<wrong_singly<passes_to_the_neighbour>>("uniform"), "shares with one of four dead",
       "dead"},
      {"sees_the_first_64", "the 65th candidate gets nothing while one before it is healthy",
       plugin_of<wrong_singly<sees_the_first_64>>("uniform"), among_many, "of 100 candidates"},
      {"draws_a_byte", "256 is no multiple of the number of candidates",
       plugin_of<wrong_singly<draws_a_byte>>("uniform"), among_many, "chance can't be the reason"},
      {"leaves_out_the_last", "of long lists the last is never drawn",
       plugin_of<wrong_singly<leaves_out_the_last>>("uniform"), among_many, "number 1000 of 1000"},
      {"rounds_weights", "weights are taken for whole numbers",
       plugin_of<wrong_singly<rounds_weights, weighted_draw>>("weighted"), over_many, "weight 0.5"},
      {"overflows", "the sum of large weights is no number",
       plugin_of<wrong_singly<overflows, weighted_draw>>("weighted"), over_many,
       "never picks candidate 1 (number 1 of 3)"},
      {"cuts_ids", "two candidates whose ids end alike share a credit",
       plugin_of<wrong_singly<cuts_ids>>("uniform"), over_many, "picks, where"},
      {"gives_some_at_most", "never more than 16 picks a call",
       plugin_of<gives_some_at_most>("uniform"), usable, "picked 16 of"},
      {"counts_64_domains", "the 65th domain is taken for the first",
       plugin_of<counts_64_domains>("uniform"), usable, "again while another was unused"},
      {"trusts_health_to_128", "candidates beyond the 128th are taken for healthy",
       plugin_of<wrong_singly<trusts_health_to_128>>("uniform"), usable, "unhealthy"},
  };
}

} // namespace broken_balancers
