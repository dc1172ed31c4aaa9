#pragma once

#include "../common/key_hash.hpp"

#include <atoll/spi/balancer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace atl::balancers {

/// The points of all members on a ring of 32-bit hashes. A member's points depend on its id and
/// weight alone, so that a member that joins or leaves moves no point of another. Not thread-safe.
///
/// The points lie in order in a table with room to spare, each at the cell that its hash is in
/// proportion to, or as soon after it as there is room; an empty cell repeats the point after it.
/// So a look-up reads one place in memory, and not an index besides.
class ring_points {
 public:
  /// A member has at most so many points, whatever its weight.
  static constexpr double points_max = 4'096;

  /// @param points of a member of weight 1. Others have as many times their weight, at least one;
  /// members of weight 0 have none.
  void update(std::span<const spi::member> members, double points) {
    std::vector<point> all;
    for (spi::slot who = 0; who < members.size(); ++who) {
      if (members[who].weight <= 0)
        continue;
      auto wanted = std::clamp(points * members[who].weight, 1.0, points_max);
      auto count = static_cast<std::uint64_t>(std::llround(wanted));
      for (std::uint64_t i = 0; i < count; ++i)
        all.push_back({short_hash(mix(members[who].id, i)), who});
    }
    std::sort(all.begin(), all.end(), [&](const point& a, const point& b) {
      return a.hash != b.hash ? a.hash < b.hash : members[a.who].id < members[b.who].id;
    });
    place(all);
  }

  /// The cells of the table; 0 if there is no point.
  std::size_t size() const { return cells_.size(); }

  /// The member of the point in a cell.
  spi::slot member_at(std::size_t cell) const { return cells_[cell].who; }

  /// A cell with the first point at or after `hash`. There is at least one point. O(1) on average.
  std::size_t first_at(std::uint64_t hash) const {
    auto wanted = short_hash(hash);
    auto cell = cell_of(wanted);
    for (int step = 0; step < 2; ++step)
      cell += cells_[cell].hash < wanted;
    while (cells_[cell].hash < wanted)
      ++cell;
    return cell;
  }

  /// The next cell around the ring, with the same point or the next one.
  std::size_t after(std::size_t cell) const { return cell + 1 == cells_.size() ? 0 : cell + 1; }

 private:
  struct point {
    std::uint32_t hash;
    spi::slot who;
  };

  static constexpr auto hash_max = std::numeric_limits<std::uint32_t>::max();

  static std::uint32_t short_hash(std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> 32);
  }

  /// Where a point with this hash lies if there is room.
  std::size_t cell_of(std::uint32_t hash) const { return hash * homes_ >> 32; }

  /// @param points in order
  void place(const std::vector<point>& points) {
    cells_.clear();
    homes_ = std::min<std::uint64_t>(points.size() + points.size() / 2, hash_max);
    cells_.reserve(homes_ + 1);
    for (auto& each : points) {
      cells_.resize(std::max(cells_.size(), cell_of(each.hash)), each);
      cells_.push_back(each);
    }
    // After the last point comes the first one. Its cell, which is always there, ends any search.
    if (!points.empty())
      cells_.resize(std::max<std::size_t>(cells_.size(), homes_) + 1,
                    {hash_max, points.front().who});
  }

  std::vector<point> cells_;
  std::uint64_t homes_ = 0; ///< cells that hashes are in proportion to
};

} // namespace atl::balancers
