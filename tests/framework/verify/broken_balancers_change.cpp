#include "broken_balancers.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_map>

namespace broken_balancers {

namespace {

using namespace atl::spi;

struct keeps_first_weights : weighted_draw {
  using weighted_draw::weighted_draw;
  double weight(const candidate& one) override {
    if (weights_.size() > 4096)
      weights_.clear();
    if (!(one.weight > 0))
      return 0;
    return weights_.try_emplace(one.id, weighted_draw::weight(one)).first->second;
  }
  std::unordered_map<std::uint64_t, double> weights_;
};

/// Looks at weights every 5,000 calls.
struct looks_seldom : keeps_first_weights {
  using keeps_first_weights::keeps_first_weights;
  std::optional<std::size_t> pick(candidate_list all, std::uint64_t key) override {
    if (++calls_ % 5'000 == 0)
      weights_.clear();
    return keeps_first_weights::pick(all, key);
  }
  std::uint64_t calls_ = 0;
};

/// Smooth weighted round robin in the weights of the day: an old debt is paid in new weights.
struct owes_old_weights : balancer {
  explicit owes_old_weights(std::uint64_t) {}
  std::optional<std::size_t> pick(std::span<const candidate> all, std::uint64_t) override {
    if (credits_.size() > 4096)
      credits_.clear();
    double sum = 0;
    for (auto& one : all)
      sum += usable(one);
    auto unit = unit_of(sum);
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!(usable(all[i]) > 0))
        continue;
      credits_[all[i].id] += usable(all[i]) / unit;
      if (!best || credits_[all[i].id] > credits_[all[*best].id])
        best = i;
    }
    if (best)
      credits_[all[*best].id] -= sum / unit;
    return best;
  }
  virtual double usable(const candidate& one) const {
    return one.healthy && one.weight > 0 ? std::min(one.weight, 1e305) : 0;
  }
  virtual double unit_of(double) const { return 1; }
  std::unordered_map<std::uint64_t, double> credits_;
};

/// Credits are in picks, but an infinite weight leaves one that is no number, for good.
struct is_poisoned : owes_old_weights {
  using owes_old_weights::owes_old_weights;
  double usable(const candidate& one) const override {
    return one.weight > 1e305 && one.weight <= 1e308 * 1.7 ? owes_old_weights::usable(one)
           : one.healthy && one.weight > 0                 ? one.weight
                                                           : 0;
  }
  double unit_of(double sum) const override { return sum; }
};

/// Whoever has the fewest picks of all time: one that was away gets all until it has caught up.
struct catches_up : balancer {
  explicit catches_up(std::uint64_t) {}
  std::optional<std::size_t> pick(std::span<const candidate> all, std::uint64_t) override {
    if (picks_.size() > 4096)
      picks_.clear();
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].healthy && (!best || picks_[all[i].id] < picks_[all[*best].id]))
        best = i;
    if (best)
      ++picks_[all[*best].id];
    return best;
  }
  std::unordered_map<std::uint64_t, std::uint64_t> picks_;
};

struct prefers_old_acquaintances : draw {
  using draw::draw;
  std::optional<std::size_t> pick(candidate_list all, std::uint64_t key) override {
    if (known_.empty())
      for (auto& one : all)
        known_[one.id] = true;
    auto known = draw_by(all, [&](auto& one) { return known_.contains(one.id) ? 1 : 0; });
    return known ? known : draw::pick(all, key);
  }
  std::unordered_map<std::uint64_t, bool> known_;
};

struct bans_for_good : draw {
  using draw::draw;
  std::optional<std::size_t> pick(candidate_list all, std::uint64_t key) override {
    auto fine = draw_by(all, [&](auto& one) { return failed_.contains(one.id) ? 0 : 1; });
    return fine ? fine : draw::pick(all, key);
  }
  void observe(std::uint64_t id, const outcome& result) override {
    if (!result.ok && failed_.size() < 4096)
      failed_[id] = true;
  }
  std::unordered_map<std::uint64_t, bool> failed_;
};

/// Each failure takes some of a candidate's share, and nothing gives it back.
struct never_forgives : draw {
  using draw::draw;
  double weight(const candidate& one) override {
    auto found = trust_.find(one.id);
    return found == trust_.end() ? 1 : found->second;
  }
  void observe(std::uint64_t id, const outcome& result) override {
    if (!result.ok && (trust_.size() < 4096 || trust_.contains(id)))
      trust_[id] = std::max(0.5, 0.9 * trust_.try_emplace(id, 1).first->second);
  }
  std::unordered_map<std::uint64_t, double> trust_;
};

/// The next one of the list is the next place, whoever stands there.
struct counts_places : balancer {
  explicit counts_places(std::uint64_t) {}
  std::optional<std::size_t> pick(std::span<const candidate> all, std::uint64_t) override {
    std::vector<std::size_t> healthy;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].healthy)
        healthy.push_back(i);
    if (healthy.empty())
      return std::nullopt;
    return healthy[turn_++ % healthy.size()];
  }
  std::uint64_t turn_ = 0;
};

/// Round robin that begins with the first each time the set of candidates is another one.
struct starts_over : balancer {
  explicit starts_over(std::uint64_t) {}
  std::optional<std::size_t> pick(std::span<const candidate> all, std::uint64_t) override {
    std::map<std::uint64_t, std::size_t> healthy;
    std::vector<std::uint64_t> ids;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].healthy)
        healthy[all[i].id] = i;
    for (auto& [id, index] : healthy)
      ids.push_back(id);
    if (ids.empty())
      return std::nullopt;
    if (ids != ids_)
      turn_ = 0;
    ids_ = ids;
    return healthy[ids[turn_++ % ids.size()]];
  }
  std::vector<std::uint64_t> ids_;
  std::size_t turn_ = 0;
};

} // namespace

std::vector<specimen> with_stale_shares() {
  constexpr auto weights = "shares after weights change";
  constexpr auto failures = "shares once requests that failed succeed again";
  return {
      {"keeps_first_weights", "a candidate's weight is what it was when it came",
       plugin_of<wrong_singly<keeps_first_weights, weighted_draw>>("weighted"), weights,
       "after change 1"},
      {"looks_seldom", "a weight that changes is noticed thousands of picks later",
       plugin_of<wrong_singly<looks_seldom, weighted_draw>>("weighted"), weights, "after change"},
      {"owes_old_weights", "credits are kept in weights, and weights change",
       plugin_of<wrong_singly<owes_old_weights, weighted_draw>>("weighted"), weights,
       "after change 2"},
      {"is_poisoned", "an infinite weight leaves credits that are no numbers",
       plugin_of<wrong_singly<is_poisoned, weighted_draw>>("weighted"), weights,
       "weights that are no numbers"},
      {"catches_up", "one that was away gets all until it has as many picks as the others",
       plugin_of<wrong_singly<catches_up>>("uniform"), "shares after candidates die and come back",
       "after change 2"},
      {"prefers_old_acquaintances", "only those of the first list are picked while any is healthy",
       plugin_of<wrong_singly<prefers_old_acquaintances>>("uniform"),
       "shares after candidates join and leave", "after change 1"},
      {"bans_for_good", "one failure, and a candidate is never picked again",
       plugin_of<wrong_singly<bans_for_good>>("uniform"), failures,
       "long after requests to candidate"},
      {"never_forgives", "failures take from a share, and successes give nothing back",
       plugin_of<wrong_singly<never_forgives>>("uniform"), failures, "long after requests"},
      {"counts_places", "turns go by the place in the list",
       plugin_of<wrong_singly<counts_places>>("uniform"), "shares whatever the order of the list",
       "turned by one"},
      {"starts_over", "another list begins with its first candidate",
       plugin_of<wrong_singly<starts_over>>("uniform"), "shares when each call lists others",
       "candidate"},
  };
}

} // namespace broken_balancers
