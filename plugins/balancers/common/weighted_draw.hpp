#pragma once

#include "weights.hpp"

#include <atoll/spi/balancer.hpp>
#include <atoll/spi/random.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace atl::balancers {

/// Draws members with probabilities in proportion to their weights, in constant time: Walker's
/// alias method with tables after Vose, *A linear algorithm for generating random numbers with a
/// given distribution*, IEEE Transactions on Software Engineering, 1991. Allocates in `update`
/// only. Not thread-safe.
class weighted_draw {
 public:
  void update(std::span<const spi::member> members) {
    normalize_weights(members, weights_);
    std::vector<spi::slot> poor, rich;
    std::vector<double> parts; // in cells: 1 fills a cell of the table
    double sum = 0;
    for (auto weight : weights_)
      sum += weight;
    cells_.assign(sum > 0 ? members.size() : 0, {});
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      parts.push_back(weights_[i] / sum * static_cast<double>(cells_.size()));
      (parts[i] < 1 ? poor : rich).push_back(static_cast<spi::slot>(i));
      cells_[i] = {full, static_cast<spi::slot>(i)};
    }
    while (!poor.empty() && !rich.empty()) {
      auto low = poor.back(), high = rich.back();
      poor.pop_back();
      cells_[low] = {threshold(parts[low]), high};
      parts[high] -= 1 - parts[low];
      if (parts[high] < 1) {
        rich.pop_back();
        poor.push_back(high);
      }
    }
    give_nothing_to_weightless();
  }

  /// One of the members with a weight above 0 for which `may(slot)` holds; `no_slot` if there is
  /// none. Members for which it doesn't hold are rejected, which leaves the proportions of the
  /// others; after some rejections the weights of all others are summed up.
  template <class Predicate>
  spi::slot draw(spi::random_source& random, Predicate&& may) const {
    constexpr int draws_max = 16;
    if (auto who = try_draw(random, draws_max, may); who != spi::no_slot)
      return who;
    double sum = 0;
    for (spi::slot who = 0; who < weights_.size(); ++who)
      if (weights_[who] > 0 && may(who))
        sum += weights_[who];
    auto left = random.unit() * sum;
    auto last = spi::no_slot;
    for (spi::slot who = 0; who < weights_.size(); ++who)
      if (weights_[who] > 0 && may(who)) {
        last = who;
        left -= weights_[who];
        if (left < 0)
          break;
      }
    return last;
  }

  /// As `draw`, but gives up after some rejections, and then returns `no_slot`.
  template <class Predicate>
  spi::slot try_draw(spi::random_source& random, int draws, Predicate&& may) const {
    if (!cells_.empty())
      for (int attempt = 0; attempt < draws; ++attempt)
        if (auto who = draw_any(random); may(who))
          return who;
    return spi::no_slot;
  }

  /// Relative to the largest, in (0, 1]; 0 for a weight of 0.
  double weight(spi::slot who) const { return weights_[who]; }
  std::size_t size() const { return weights_.size(); }

 private:
  struct cell {
    std::uint64_t threshold = 0; ///< the cell is `other`'s from there
    spi::slot other = 0;
  };

  static constexpr auto full = std::numeric_limits<std::uint64_t>::max();

  static std::uint64_t threshold(double part) {
    return static_cast<std::uint64_t>(std::ldexp(part, 63)) * 2; // part < 1
  }

  /// What rounding left over in the construction must not go to a member without weight.
  void give_nothing_to_weightless() {
    for (std::size_t i = 0; i < cells_.size(); ++i)
      if (weights_[i] == 0 && cells_[i].threshold > 0)
        cells_[i] = {0, heaviest()};
  }

  spi::slot heaviest() const {
    return static_cast<spi::slot>(std::max_element(weights_.begin(), weights_.end()) -
                                  weights_.begin());
  }

  /// The upper half of the product chooses the cell, the lower half the part of the cell.
  spi::slot draw_any(spi::random_source& random) const {
    __extension__ using wide = unsigned __int128;
    auto product = static_cast<wide>(random.next()) * cells_.size();
    auto chosen = static_cast<spi::slot>(product >> 64);
    auto& cell = cells_[chosen];
    return static_cast<std::uint64_t>(product) < cell.threshold ? chosen : cell.other;
  }

  std::vector<double> weights_;
  std::vector<cell> cells_; ///< empty if no member has a weight
};

} // namespace atl::balancers
