#include "whole_copies.hpp"

#include "copy_diagnosis.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>
#include <string>
#include <tuple>

namespace atl::copies {

using namespace spi;

namespace {

/// A step with its sort key; the smallest comes first.
struct ranked_step {
  std::uint32_t danger;     ///< nodes that can still be lost once the earlier steps are done
  std::uint32_t chunk_left; ///< nodes that can still be lost now
  repair_step step;
};

bool copy_from(std::span<const piece> pieces, std::size_t offset, std::span<char> out) {
  for (auto& each : pieces)
    if (each.bytes.size() == each.from.length && each.from.offset <= offset &&
        offset - each.from.offset <= each.from.length &&
        out.size() <= each.from.length - (offset - each.from.offset)) {
      std::copy_n(each.bytes.data() + (offset - each.from.offset), out.size(), out.data());
      return true;
    }
  return false;
}

/// Any good copy can be the source. The steps rotate through them, so that one node need not
/// serve the repair of all its chunks.
repair_step copy_step(std::uint64_t chunk, std::uint32_t copy, const diagnosis& found) {
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

/// First creates the missing copies, each of which lets the chunk survive one more loss. Then
/// drops damaged copies, once there is more than one good copy. Drops superfluous good copies
/// only if none is missing.
void mend(std::uint64_t chunk, const diagnosis& found, std::vector<ranked_step>& steps) {
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

} // namespace

copy_counts copy_counts_of(const options& chosen, std::uint32_t otherwise_min(std::uint32_t)) {
  copy_counts counts{static_cast<std::uint32_t>(chosen.integer("copies")),
                     static_cast<std::uint32_t>(chosen.integer("min_copies"))};
  if (counts.min_write > counts.copies)
    throw std::invalid_argument("min_copies is " + std::to_string(counts.min_write) +
                                ", more than the " + std::to_string(counts.copies) +
                                " copies that are made, so no write could ever be acknowledged: "
                                "lower min_copies or raise copies");
  if (counts.min_write == 0)
    counts.min_write = otherwise_min(counts.copies);
  return counts;
}

fragment_layout whole_copies::layout() const {
  return {counts_.copies, 1, counts_.min_write, true};
}

promises whole_copies::promised() const {
  return {counts_.copies - 1, counts_.copies * 100};
}

std::vector<std::string_view> whole_copies::encode(std::string_view chunk, std::string&) const {
  return std::vector<std::string_view>(counts_.copies, chunk);
}

std::optional<std::string_view>
whole_copies::decode(std::size_t size, std::span<const std::optional<std::string_view>> fragments,
                     std::string&) const {
  for (auto& one : fragments)
    if (one && one->size() == size) // a fragment of another size is no copy
      return one;
  return std::nullopt;
}

std::size_t whole_copies::fragment_size(std::size_t size, std::uint32_t) const {
  return size;
}

/// The range of the cheapest copy.
std::optional<std::vector<fragment_range>>
whole_copies::reads_for(std::size_t, std::size_t offset, std::size_t length,
                        std::span<const source> sources) const {
  auto cheapest = std::ranges::min_element(sources, {}, &source::cost);
  if (cheapest == sources.end())
    return std::nullopt;
  return std::vector<fragment_range>{{cheapest->fragment, offset, length}};
}

bool whole_copies::assemble(std::size_t, std::size_t offset, std::span<const piece> pieces,
                            std::span<char> out) const {
  return copy_from(pieces, offset, out);
}

std::optional<std::vector<fragment_range>>
whole_copies::reads_to_rebuild(std::size_t size, const fragment_range& wanted,
                               std::span<const source> sources) const {
  std::vector<source> others;
  std::ranges::copy_if(sources, std::back_inserter(others),
                       [&](auto& each) { return each.fragment != wanted.fragment; });
  return reads_for(size, wanted.offset, wanted.length, others);
}

bool whole_copies::rebuild(std::size_t, const fragment_range& wanted, std::span<const piece> pieces,
                           std::span<char> out) const {
  return out.size() == wanted.length && copy_from(pieces, wanted.offset, out);
}

bool whole_copies::enough(const std::vector<bool>& present) const {
  return std::find(present.begin(), present.end(), true) != present.end();
}

verdict whole_copies::judge(const chunk_report& report) const {
  auto found = diagnose(report.fragments, counts_.copies);
  if (!found.readable())
    return {chunk_health::lost, 0};
  if (found.healthy())
    return {chunk_health::healthy, found.spare()};
  return {found.spare() == 0 ? chunk_health::critical : chunk_health::degraded, found.spare()};
}

std::vector<repair_step> whole_copies::plan(std::span<const chunk_report> reports) const {
  std::vector<ranked_step> ranked;
  for (auto& report : reports)
    mend(report.chunk, diagnose(report.fragments, counts_.copies), ranked);
  std::stable_sort(ranked.begin(), ranked.end(), [](const ranked_step& a, const ranked_step& b) {
    return std::tie(a.danger, a.chunk_left) < std::tie(b.danger, b.chunk_left);
  });
  std::vector<repair_step> steps;
  steps.reserve(ranked.size());
  for (auto& each : ranked)
    steps.push_back(std::move(each.step));
  return steps;
}

} // namespace atl::copies
