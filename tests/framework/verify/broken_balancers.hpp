#pragma once

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

/// Balancers that look right and aren't, with one mistake each; and some that look odd and are
/// right.
namespace broken_balancers {

struct specimen {
  std::string_view name;
  std::string_view mistake; ///< empty: none
  atl::spi::descriptor plugin;
  /// The property that must find it, and a part of what it must say. Empty: any.
  std::string_view property;
  std::string_view detail;
};

/// That give out other shares than they claim.
std::vector<specimen> with_wrong_shares();
/// That lose shares when something changes.
std::vector<specimen> with_stale_shares();
/// That know or remember what they must not, or take too long.
std::vector<specimen> with_wrong_state();
std::vector<specimen> odd_but_right();

inline constexpr atl::spi::claim uniform[] = {{"shares", "uniform"}, {"spread", "domains"}};
inline constexpr atl::spi::claim weighted[] = {{"shares", "weighted"}, {"spread", "domains"}};

/// The descriptor of a plugin that makes `Balancer` with a seed.
template <class Balancer>
atl::spi::descriptor plugin_of(const char* shares) {
  auto& claims = std::string_view{shares} == "weighted" ? weighted : uniform;
  atl::spi::descriptor made{.kind = atl::spi::plugin_kind::balancer,
                            .name = "specimen",
                            .version = "1.0.0",
                            .summary = "A balancer for a test of the kit",
                            .licence = "Apache-2.0",
                            .claims = std::span{claims}.first(*shares ? 2 : 0)};
  made.create.balancer = [](const atl::spi::balancer_setup& setup) -> atl::spi::balancer* {
    return new Balancer{setup.seed};
  };
  return made;
}

/// Draws each usable candidate with a chance of its own, 1 for all unless a class says otherwise.
class draw : public atl::spi::balancer {
 public:
  using candidate_list = std::span<const atl::spi::candidate>;

  explicit draw(std::uint64_t seed) : chance_{seed} {}

  std::optional<std::size_t> pick(candidate_list all, std::uint64_t) override {
    return draw_by(all, [this](auto& one) { return weight(one); });
  }

 protected:
  virtual double weight(const atl::spi::candidate&) { return 1; }

  /// One of the healthy, by these weights; none if all weights are 0.
  template <class Weight>
  std::optional<std::size_t> draw_by(candidate_list all, Weight&& weight_of) {
    double sum = 0;
    std::vector<double> weights(all.size());
    for (std::size_t i = 0; i < all.size(); ++i)
      sum += weights[i] = all[i].healthy ? weight_of(all[i]) : 0;
    auto left = chance_.unit() * sum;
    std::optional<std::size_t> last;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!(weights[i] > 0))
        continue;
      last = i;
      if ((left -= weights[i]) < 0)
        break;
    }
    return last;
  }

  atl::spi::random_source chance_;
};

/// The same, by the candidates' weights.
class weighted_draw : public draw {
 public:
  using draw::draw;

 protected:
  /// Far enough from the greatest numbers that sums of them are numbers.
  double weight(const atl::spi::candidate& one) override {
    return one.weight > 0 ? std::min(one.weight, 1e305) : 0;
  }
};

/// Only `pick` is that of `Wrong`; several picks of a call are drawn as they should be.
template <class Wrong, class Right = draw>
class wrong_singly : public Wrong {
 public:
  explicit wrong_singly(std::uint64_t seed) : Wrong{seed}, right_{seed} {}

  std::vector<std::size_t> pick_many(draw::candidate_list all, std::size_t count,
                                     std::uint64_t key) override {
    return right_.pick_many(all, count, key);
  }

 private:
  Right right_;
};

} // namespace broken_balancers
