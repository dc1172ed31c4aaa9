#include "parity.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

using namespace atl::spi;

fragment_layout parity::layout() const {
  return {total(), pieces_, pieces_, false};
}

std::vector<std::string_view> parity::encode(std::string_view chunk, std::string& scratch) const {
  auto size = piece_size(chunk.size());
  scratch.assign(size * total(), '\0');
  std::copy(chunk.begin(), chunk.end(), scratch.begin());
  auto* sum = scratch.data() + size * pieces_;
  for (std::size_t i = 0; i < size * pieces_; ++i)
    sum[i % size] = static_cast<char>(sum[i % size] ^ scratch[i]);
  std::vector<std::string_view> fragments;
  for (std::uint32_t i = 0; i < total(); ++i)
    fragments.emplace_back(scratch.data() + size * i, size);
  return fragments;
}

std::optional<std::string_view> parity::decode(std::size_t size, fragments_at_hand fragments,
                                               std::string& scratch) const {
  auto present = usable(size, fragments);
  if (!enough(present))
    return std::nullopt;
  return join(size, fragments, present, scratch);
}

std::size_t parity::fragment_size(std::size_t size, std::uint32_t) const {
  return piece_size(size);
}

bool parity::enough(const std::vector<bool>& present) const {
  return std::count(present.begin(), present.end(), true) >= pieces_;
}

verdict parity::judge(const chunk_report& report) const {
  auto copies = good_copies(report);
  if (std::count(copies.begin(), copies.end(), 0u) > 1)
    return {chunk_health::lost, 0};
  auto left = spare(copies);
  if (is_healthy(report))
    return {chunk_health::healthy, left};
  return {left == 0 ? chunk_health::critical : chunk_health::degraded, left};
}

std::vector<repair_step> parity::plan(std::span<const chunk_report> reports) const {
  std::vector<ranked_step> ranked;
  for (auto& report : reports)
    if (judge(report).health != chunk_health::lost)
      for (auto& step : mend(report))
        ranked.push_back(std::move(step));
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](auto& a, auto& b) { return a.danger < b.danger; });
  std::vector<repair_step> steps;
  for (auto& each : ranked)
    steps.push_back(std::move(each.step));
  return steps;
}

std::vector<bool> parity::usable(std::size_t size, fragments_at_hand fragments) const {
  std::vector<bool> present(fragments.size());
  for (std::size_t i = 0; i < fragments.size(); ++i)
    present[i] = fragments[i] && fragments[i]->size() == piece_size(size);
  return present;
}

std::string_view parity::join(std::size_t size, fragments_at_hand fragments,
                              const std::vector<bool>& present, std::string& scratch) const {
  auto piece = piece_size(size);
  scratch.assign(piece * pieces_, '\0');
  auto missing =
      static_cast<std::size_t>(std::find(present.begin(), present.end(), false) - present.begin());
  for (std::size_t i = 0; i < pieces_; ++i)
    if (i != missing)
      std::copy(fragments[i]->begin(), fragments[i]->end(),
                scratch.begin() + static_cast<std::ptrdiff_t>(i * piece));
  if (missing < pieces_)
    for (std::size_t i = 0; i < total(); ++i)
      for (std::size_t at = 0; at < piece && i != missing; ++at)
        scratch[missing * piece + at] =
            static_cast<char>(scratch[missing * piece + at] ^ (*fragments[i])[at]);
  return std::string_view{scratch}.substr(0, size);
}

std::uint32_t parity::spare(std::vector<std::uint32_t> copies) const {
  std::erase(copies, 0u);
  std::sort(copies.begin(), copies.end());
  auto fatal = static_cast<std::ptrdiff_t>(copies.size() - pieces_ + 1);
  return std::accumulate(copies.begin(), copies.begin() + fatal, 0u) - 1;
}

std::vector<std::uint32_t> parity::good_copies(const chunk_report& report) const {
  std::vector<std::uint32_t> copies(total());
  for (auto& one : report.fragments)
    if (one.state == fragment_state::ok && one.index < total())
      ++copies[one.index];
  return copies;
}

bool parity::is_healthy(const chunk_report& report) const {
  auto copies = good_copies(report);
  return std::all_of(copies.begin(), copies.end(), [](auto count) { return count == 1; }) &&
         std::none_of(report.fragments.begin(), report.fragments.end(),
                      [](auto& one) { return one.state == fragment_state::corrupt; });
}

std::vector<parity::ranked_step> parity::mend(const chunk_report& report) const {
  auto copies = good_copies(report);
  std::vector<ranked_step> steps;
  for (std::uint32_t index = 0; index < total(); ++index) {
    if (copies[index] > 0)
      continue;
    repair_step step{repair_action::rebuild, report.chunk, index, {}, {}};
    std::vector<char> read(total());
    for (auto& one : report.fragments)
      if (one.state == fragment_state::ok && !std::exchange(read[one.index], 1)) {
        step.sources.push_back(one.node);
        step.source_fragments.push_back(one.index);
      }
    steps.push_back({spare(copies), std::move(step)});
    ++copies[index];
  }
  auto complete = steps.empty();
  auto last = spare(copies);
  for (auto& one : report.fragments)
    if (one.state == fragment_state::corrupt ||
        (one.state == fragment_state::ok && complete && copies[one.index] > 1)) {
      if (one.state == fragment_state::ok)
        --copies[one.index];
      steps.push_back({last, {repair_action::drop, report.chunk, one.index, {one.node}, {}}});
    }
  return steps;
}
