#include "broken_balancers.hpp"

#include <cmath>
#include <unordered_map>

namespace broken_balancers {

namespace {

using namespace atl::spi;

/// Always the same, as in docs/WRITING_A_PLUGIN.md.
struct lowest_id : balancer {
  explicit lowest_id(std::uint64_t) {}
  std::optional<std::size_t> pick(std::span<const candidate> all, std::uint64_t) override {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].healthy && (!best || all[i].id < all[*best].id))
        best = i;
    return best;
  }
};

/// Keeps a key with a node: the highest score of key and id, stretched by weight (Thaler &
/// Ravishankar 1998; weights after Schindelhauer & Schomaker 2005).
struct rendezvous : balancer {
  explicit rendezvous(std::uint64_t seed) : seed_{seed} {}
  std::optional<std::size_t> pick(std::span<const candidate> all, std::uint64_t key) override {
    double greatest = 0;
    for (auto& one : all)
      if (one.healthy && one.weight > 0)
        greatest = std::max(greatest, std::min(one.weight, 1e308));
    std::optional<std::size_t> best;
    double best_score = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!all[i].healthy || !(all[i].weight > 0))
        continue;
      auto weight = std::max(std::min(all[i].weight, 1e308) / greatest, 1e-18);
      auto score = -std::log(1 - unit(key ^ seed_, all[i].id)) / weight;
      if (!best || score < best_score)
        best = i, best_score = score;
    }
    return best;
  }
  /// In [0, 1), by the last steps of splitmix64.
  static double unit(std::uint64_t key, std::uint64_t id) {
    auto mixed = key + id * 0x9e3779b97f4a7c15;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    return static_cast<double>((mixed ^ (mixed >> 31)) >> 11) * 0x1.0p-53;
  }
  std::uint64_t seed_;
};

/// Keeps a key with a node for as long as a bounded memory remembers it.
struct remembers_some_keys : draw {
  using draw::draw;
  std::optional<std::size_t> pick(candidate_list all, std::uint64_t key) override {
    if (nodes_.size() > 4096)
      nodes_.clear();
    if (auto found = nodes_.find(key); found != nodes_.end())
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

/// Leaves out whoever failed, for 64 picks.
struct breaks_the_circuit : draw {
  using draw::draw;
  std::optional<std::size_t> pick(candidate_list all, std::uint64_t key) override {
    ++calls_;
    auto closed = draw_by(all, [&](auto& one) {
      auto found = open_until_.find(one.id);
      return found == open_until_.end() || found->second < calls_ ? 1 : 0;
    });
    return closed ? closed : draw::pick(all, key);
  }
  void observe(std::uint64_t id, const outcome& result) override {
    if (open_until_.size() > 4096)
      open_until_.clear();
    if (!result.ok)
      open_until_[id] = calls_ + 64;
  }
  std::unordered_map<std::uint64_t, std::uint64_t> open_until_;
  std::uint64_t calls_ = 0;
};

/// Whoever was picked longest ago, as far as a bounded memory remembers.
struct longest_idle : balancer {
  explicit longest_idle(std::uint64_t) {}
  std::optional<std::size_t> pick(std::span<const candidate> all, std::uint64_t) override {
    if (last_.size() > 4096)
      last_.clear();
    std::optional<std::size_t> best;
    auto rank = [&](std::size_t i) { return std::pair{last_[all[i].id], all[i].id}; };
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].healthy && (!best || rank(i) < rank(*best)))
        best = i;
    if (best)
      last_[all[*best].id] = ++calls_;
    return best;
  }
  std::unordered_map<std::uint64_t, std::uint64_t> last_;
  std::uint64_t calls_ = 0;
};

/// The better of two that are drawn: no claims.
struct better_of_two : draw {
  using draw::draw;
  std::optional<std::size_t> pick(candidate_list all, std::uint64_t key) override {
    auto one = draw::pick(all, key), other = draw::pick(all, key);
    return one && other && all[*other].in_flight < all[*one].in_flight ? other : one;
  }
};

} // namespace

std::vector<specimen> odd_but_right() {
  return {
      {"lowest_id", "", plugin_of<lowest_id>(""), "", ""},
      {"weighted_draw", "", plugin_of<weighted_draw>("weighted"), "", ""},
      {"weighted_draw without claims", "", plugin_of<weighted_draw>(""), "", ""},
      {"rendezvous", "", plugin_of<rendezvous>("weighted"), "", ""},
      {"remembers_some_keys", "", plugin_of<remembers_some_keys>("uniform"), "", ""},
      {"breaks_the_circuit", "", plugin_of<breaks_the_circuit>("uniform"), "", ""},
      {"longest_idle", "", plugin_of<longest_idle>("uniform"), "", ""},
      {"better_of_two", "", plugin_of<better_of_two>(""), "", ""},
  };
}

} // namespace broken_balancers
