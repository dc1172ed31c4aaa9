#include "copy_diagnosis.hpp"

#include <algorithm>

namespace atl::copies {

namespace {

using spi::fragment_report;
using spi::fragment_state;

/// Reduces the reports to one for each place. Of contradicting reports the worse counts, in the
/// order of the enumeration, so that a copy that may be unreachable is neither a source nor
/// dropped.
std::vector<fragment_report> settled(std::span<const fragment_report> fragments) {
  std::vector<fragment_report> each(fragments.begin(), fragments.end());
  auto where = [](const fragment_report& one) { return place{one.index, one.node}; };
  std::sort(each.begin(), each.end(), [&](const fragment_report& a, const fragment_report& b) {
    return where(a) != where(b) ? where(a) < where(b) : a.state > b.state;
  });
  auto rest = std::unique(each.begin(), each.end(),
                          [&](const auto& a, const auto& b) { return where(a) == where(b); });
  each.erase(rest, each.end());
  return each;
}

/// Decides which good place each copy keeps: first for the copies with a single place, then for the
/// others, which prefer a node that no copy has taken, so that few copies share a node.
class keeper {
 public:
  keeper(const std::vector<place>& good, std::uint32_t copies) : good_{good} {
    for (auto sure : {true, false})
      for (std::uint32_t copy = 0; copy < copies; ++copy) {
        auto places = places_of(copy);
        if (!places.empty() && (places.size() == 1) == sure)
          keep(places);
      }
  }

  bool keeps(const place& one) const { return contains(kept_, one); }

  /// Does `copy` have a place on a node that keeps no earlier copy?
  bool settles(std::uint32_t copy) const {
    for (auto& one : kept_)
      if (one.copy == copy)
        return std::none_of(kept_.begin(), kept_.end(), [&](const place& other) {
          return other.node == one.node && other.copy < copy;
        });
    return false;
  }

 private:
  static bool contains(const std::vector<place>& all, const place& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  }

  std::span<const place> places_of(std::uint32_t copy) const {
    auto less = [](const place& one, std::uint32_t value) { return one.copy < value; };
    auto more = [](std::uint32_t value, const place& one) { return value < one.copy; };
    return {std::lower_bound(good_.begin(), good_.end(), copy, less),
            std::upper_bound(good_.begin(), good_.end(), copy, more)};
  }

  void keep(std::span<const place> places) {
    for (auto& one : places)
      if (std::find(nodes_.begin(), nodes_.end(), one.node) == nodes_.end())
        return keep(one);
    keep(places.front());
  }

  void keep(const place& one) {
    kept_.push_back(one);
    nodes_.push_back(one.node);
  }

  const std::vector<place>& good_;
  std::vector<place> kept_;
  std::vector<std::uint64_t> nodes_;
};

} // namespace

diagnosis diagnose(std::span<const fragment_report> fragments, std::uint32_t copies) {
  diagnosis found;
  for (auto& one : settled(fragments)) {
    if (one.state == fragment_state::ok) {
      found.good.push_back({one.index, one.node});
      found.holders.push_back(one.node);
    } else if (one.state == fragment_state::corrupt) {
      found.damaged.push_back({one.index, one.node});
    }
  }
  std::sort(found.holders.begin(), found.holders.end());
  found.holders.erase(std::unique(found.holders.begin(), found.holders.end()), found.holders.end());

  keeper kept{found.good, copies};
  for (auto& one : found.good)
    if (!kept.keeps(one))
      found.surplus.push_back(one);
  for (std::uint32_t copy = 0; copy < copies; ++copy)
    if (!kept.settles(copy))
      found.wanting.push_back(copy);
  return found;
}

} // namespace atl::copies
