#pragma once

#include "../common/key_hash.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace atl::balancers {

/// The points of all members on a ring of 64-bit hashes. A member's points depend on its id and
/// weight alone, so that a member that joins or leaves moves no point of another. Not thread-safe.
class ring_points {
 public:
  /// A member has at most so many points, whatever its weight.
  static constexpr double points_max = 4'096;

  /// @param points of a member of weight 1. Others have as many times their weight, at least one;
  /// members of weight 0 have none.
  void update(std::span<const spi::member> members, double points) {
    points_.clear();
    for (spi::slot who = 0; who < members.size(); ++who) {
      if (members[who].weight <= 0)
        continue;
      auto wanted = std::clamp(points * members[who].weight, 1.0, points_max);
      auto count = static_cast<std::uint64_t>(std::llround(wanted));
      for (std::uint64_t i = 0; i < count; ++i)
        points_.push_back({mix(members[who].id, i), who});
    }
    std::sort(points_.begin(), points_.end(), [&](const point& a, const point& b) {
      return a.hash != b.hash ? a.hash < b.hash : members[a.who].id < members[b.who].id;
    });
    index_points();
  }

  std::size_t size() const { return points_.size(); }

  /// The member of a point, by its index in the order around the ring.
  spi::slot member_at(std::size_t index) const { return points_[index].who; }

  /// The index of the first point at or after `hash`. There is at least one point. O(1) on average.
  std::size_t first_at(std::uint64_t hash) const {
    std::size_t index = sector_starts_[sector_of(hash)];
    while (index < points_.size() && points_[index].hash < hash)
      ++index;
    return index == points_.size() ? 0 : index;
  }

  std::size_t after(std::size_t index) const { return index + 1 == points_.size() ? 0 : index + 1; }

 private:
  struct point {
    std::uint64_t hash;
    spi::slot who;
  };

  std::size_t sector_of(std::uint64_t hash) const { return index_of(hash, sector_starts_.size()); }

  /// Divides the ring into about as many sectors as there are points, and notes where each starts.
  void index_points() {
    sector_starts_.assign(std::bit_ceil(points_.size() + 1), 0);
    std::size_t index = 0;
    for (std::size_t sector = 0; sector < sector_starts_.size(); ++sector) {
      while (index < points_.size() && sector_of(points_[index].hash) < sector)
        ++index;
      sector_starts_[sector] = static_cast<std::uint32_t>(index);
    }
  }

  std::vector<point> points_; ///< by hash
  std::vector<std::uint32_t> sector_starts_;
};

} // namespace atl::balancers
