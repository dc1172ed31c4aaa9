#include "diagnosis.hpp"

#include <atoll/spi/recovery.hpp>

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <tuple>

namespace {

using namespace atl::spi;
using atl::replicate::diagnose;
using atl::replicate::diagnosis;

/// A step with its sort key; the smallest comes first.
struct ranked_step {
  std::uint32_t danger;     ///< nodes that can still be lost once the earlier steps are done
  std::uint32_t chunk_left; ///< nodes that can still be lost now
  repair_step step;
};

/// Whole copies of a chunk, each on a separate node.
class replicate final : public recovery {
 public:
  explicit replicate(const recovery_setup& setup)
      : copies_{static_cast<std::uint32_t>(setup.options.integer("copies"))},
        min_copies_{static_cast<std::uint32_t>(setup.options.integer("min_copies"))} {
    if (min_copies_ > copies_)
      throw std::invalid_argument("min_copies is " + std::to_string(min_copies_) +
                                  ", more than the " + std::to_string(copies_) +
                                  " copies that are made, so no write could ever be acknowledged: "
                                  "lower min_copies or raise copies");
    if (min_copies_ == 0)
      min_copies_ = copies_ / 2 + 1;
  }

  fragment_layout layout() const override { return {copies_, 1, min_copies_, true}; }

  std::string encoding() const override { return "copy/1"; }

  promises promised() const override { return {copies_ - 1, copies_ * 100}; }

  std::vector<std::string_view> encode(std::string_view chunk, std::string&) const override {
    return std::vector<std::string_view>(copies_, chunk);
  }

  std::optional<std::string_view> decode(std::size_t size,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string&) const override {
    for (auto& one : fragments)
      if (one && one->size() == size) // a fragment of another size is no copy
        return one;
    return std::nullopt;
  }

  std::size_t fragment_size(std::size_t size, std::uint32_t) const override { return size; }

  /// The range of the cheapest copy.
  std::optional<std::vector<fragment_range>>
  reads_for(std::size_t, std::size_t offset, std::size_t length,
            std::span<const source> sources) const override {
    auto cheapest = std::ranges::min_element(sources, {}, &source::cost);
    if (cheapest == sources.end())
      return std::nullopt;
    return std::vector<fragment_range>{{cheapest->fragment, offset, length}};
  }
  bool assemble(std::size_t, std::size_t offset, std::span<const piece> pieces,
                std::span<char> out) const override {
    return copy_from(pieces, offset, out);
  }
  std::optional<std::vector<fragment_range>>
  reads_to_rebuild(std::size_t size, const fragment_range& wanted,
                   std::span<const source> sources) const override {
    std::vector<source> others;
    std::ranges::copy_if(sources, std::back_inserter(others),
                         [&](auto& each) { return each.fragment != wanted.fragment; });
    return reads_for(size, wanted.offset, wanted.length, others);
  }
  bool rebuild(std::size_t, const fragment_range& wanted, std::span<const piece> pieces,
               std::span<char> out) const override {
    return out.size() == wanted.length && copy_from(pieces, wanted.offset, out);
  }

  bool enough(const std::vector<bool>& present) const override {
    return std::find(present.begin(), present.end(), true) != present.end();
  }

  verdict judge(const chunk_report& report) const override {
    auto found = diagnose(report.fragments, copies_);
    if (!found.readable())
      return {chunk_health::lost, 0};
    if (found.healthy())
      return {chunk_health::healthy, found.spare()};
    return {found.spare() == 0 ? chunk_health::critical : chunk_health::degraded, found.spare()};
  }

  std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
    std::vector<ranked_step> ranked;
    for (auto& report : reports)
      mend(report.chunk, diagnose(report.fragments, copies_), ranked);
    std::stable_sort(ranked.begin(), ranked.end(), [](const ranked_step& a, const ranked_step& b) {
      return std::tie(a.danger, a.chunk_left) < std::tie(b.danger, b.chunk_left);
    });
    std::vector<repair_step> steps;
    steps.reserve(ranked.size());
    for (auto& each : ranked)
      steps.push_back(std::move(each.step));
    return steps;
  }

 private:
  static bool copy_from(std::span<const piece> pieces, std::size_t offset, std::span<char> out) {
    for (auto& each : pieces)
      if (each.bytes.size() == each.from.length && each.from.offset <= offset &&
          offset - each.from.offset <= each.from.length &&
          out.size() <= each.from.length - (offset - each.from.offset)) {
        std::copy_n(each.bytes.data() + (offset - each.from.offset), out.size(), out.data());
        return true;
      }
    return false;
  }

  /// First creates the missing copies, each of which lets the chunk survive one more loss. Then
  /// drops damaged copies, once there is more than one good copy. Drops superfluous good copies
  /// only if none is missing.
  static void mend(std::uint64_t chunk, const diagnosis& found, std::vector<ranked_step>& steps) {
    if (!found.readable())
      return; // damaged or unreachable copies may be the only ones left
    auto left = found.spare();
    auto danger = left;
    for (auto copy : found.wanting)
      steps.push_back({danger++, left, copy_step(chunk, copy, found)});
    auto last = found.wanting.empty() ? left : danger - 1; // together with the last copy
    for (auto& one : found.damaged)
      steps.push_back({last, left, {repair_action::drop, chunk, one.copy, {one.node}, {}}});
    if (found.wanting.empty())
      for (auto& one : found.surplus)
        steps.push_back({last, left, {repair_action::drop, chunk, one.copy, {one.node}, {}}});
  }

  /// Any good copy can be the source. The steps rotate through them, so that one node need not
  /// serve the repair of all its chunks.
  static repair_step copy_step(std::uint64_t chunk, std::uint32_t copy, const diagnosis& found) {
    repair_step step{repair_action::copy, chunk, copy, {}, {}};
    for (auto node : found.holders) {
      auto held = std::find_if(found.good.begin(), found.good.end(),
                               [&](auto& one) { return one.node == node; });
      step.sources.push_back(node);
      step.source_fragments.push_back(held->copy);
    }
    auto first = static_cast<std::ptrdiff_t>((chunk + copy) % found.holders.size());
    std::rotate(step.sources.begin(), step.sources.begin() + first, step.sources.end());
    std::rotate(step.source_fragments.begin(), step.source_fragments.begin() + first,
                step.source_fragments.end());
    return step;
  }

  std::uint32_t copies_;
  std::uint32_t min_copies_;
};

constexpr claim claims[] = {{"survives_losses", "2"}, {"storage_cost", "300"}};

constexpr option_spec options_known[] = {
    {"copies", option_type::integer, "3", "1", "16", "How many copies of each chunk are kept"},
    {"min_copies", option_type::integer, "0", "0", "16",
     "How many copies are stored before a write is acknowledged; 0: more than half of them"},
};

} // namespace

ATOLL_PLUGIN(recovery, replicate, 1, 0, 0){
    .summary = "Whole copies of each chunk on different nodes",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = options_known,
    .create = [](const recovery_setup& setup) -> recovery* { return new replicate{setup}; },
};
