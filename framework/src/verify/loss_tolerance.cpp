#include "fragment_model.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace atl::properties {

namespace {

/// The number of sets that are sampled for a scheme with too many fragments to try all sets.
constexpr int sampled_sets = 4'000;

std::vector<bool> members(std::uint32_t total, std::uint64_t bits) {
  std::vector<bool> present(total);
  for (std::uint32_t i = 0; i < total; ++i)
    present[i] = (bits >> i & 1) != 0;
  return present;
}

/// `count` fragments, drawn at random.
std::vector<bool> draw_members(spi::random_source& random, std::uint32_t total,
                               std::uint32_t count) {
  std::vector<std::uint32_t> order(total);
  std::iota(order.begin(), order.end(), 0);
  std::vector<bool> present(total);
  for (std::uint32_t i = 0; i < count; ++i) {
    std::swap(order[i], order[i + random.below(total - i)]);
    present[order[i]] = true;
  }
  return present;
}

} // namespace

loss_tolerance::loss_tolerance(const spi::recovery& scheme) : total_{scheme.layout().total} {
  auto needed = scheme.layout().needed;
  threshold_ = needed;
  if (total_ > all_sets_max) {
    spi::random_source random{total_};
    for (int i = 0; i < sampled_sets && threshold_; ++i) {
      auto count = static_cast<std::uint32_t>(random.below(total_ + 1));
      if (scheme.enough(draw_members(random, total_, count)) != (count >= needed))
        threshold_.reset();
    }
    return;
  }
  std::vector<bool> enough(std::size_t{1} << total_);
  for (std::uint32_t set = 0; set < enough.size(); ++set) {
    enough[set] = scheme.enough(members(total_, set));
    if (enough[set] != (static_cast<std::uint32_t>(std::popcount(set)) >= needed))
      threshold_.reset();
  }
  for (std::uint32_t set = 0; set < enough.size(); ++set) {
    auto is_largest = !enough[set];
    for (std::uint32_t i = 0; i < total_; ++i)
      is_largest = is_largest && ((set >> i & 1) != 0 || enough[set | 1u << i]);
    if (is_largest)
      largest_failures_.push_back(set);
  }
}

std::optional<std::uint32_t> loss_tolerance::spare(const std::vector<std::uint32_t>& copies) const {
  if (threshold_) {
    std::vector<std::uint32_t> there;
    for (auto count : copies)
      if (count > 0)
        there.push_back(count);
    if (there.size() < *threshold_)
      return std::nullopt;
    // The worst losses are those of the fragments with the fewest copies.
    std::sort(there.begin(), there.end());
    auto fatal = there.size() - *threshold_ + 1;
    return std::accumulate(there.begin(), there.begin() + static_cast<std::ptrdiff_t>(fatal), 0u) -
           1;
  }
  std::optional<std::uint32_t> fewest;
  for (auto set : largest_failures_) {
    std::uint32_t lost = 0;
    for (std::uint32_t i = 0; i < total_; ++i)
      if ((set >> i & 1) == 0)
        lost += copies[i];
    fewest = std::min(fewest.value_or(lost), lost);
  }
  if (!fewest || *fewest == 0)
    return std::nullopt;
  return *fewest - 1;
}

} // namespace atl::properties
