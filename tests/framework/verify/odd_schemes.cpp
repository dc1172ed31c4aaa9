#include "broken_schemes.hpp"
#include "parity.hpp"

#include <algorithm>

namespace broken_schemes {

namespace {

using namespace atl::spi;

/// Fails as soon as one fragment has a wrong length.
struct is_strict : parity {
  std::optional<std::string_view> decode(std::size_t size, fragments_at_hand fragments,
                                         std::string& scratch) const override {
    for (auto& one : fragments)
      if (one && one->size() != piece_size(size))
        return std::nullopt;
    return parity::decode(size, fragments, scratch);
  }
};

/// Drops surplus copies in a separate plan, after all missing fragments were made.
struct drops_later : parity {
  std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
    auto steps = parity::plan(reports);
    auto makes = [](auto& step) { return step.action == repair_action::rebuild; };
    if (std::any_of(steps.begin(), steps.end(), makes))
      std::erase_if(steps, [&](auto& step) { return !makes(step); });
    return steps;
  }
};

struct one_piece : parity {
  one_piece() : parity{1} {}
};

/// Can be made a stripe at a time, and has parity alone: two copies.
struct copies_cells : one_piece {
  striping stripes() const override { return {333, 1}; }
  void encode_stripe(std::span<const std::string_view> data,
                     std::span<const std::span<char>> copies) const override {
    std::ranges::copy(data[0], copies[0].begin());
  }
};

/// Has too many fragments to try every set of them.
struct many_pieces : parity {
  many_pieces() : parity{14} {}
};

/// Two halves, each on two nodes: whether a chunk survives depends on which fragments are lost.
struct mirrored_halves : recovery {
  fragment_layout layout() const override { return {4, 2, 3, false}; }
  std::vector<std::string_view> encode(std::string_view chunk, std::string&) const override {
    auto first = chunk.substr(0, chunk.size() / 2), second = chunk.substr(chunk.size() / 2);
    return {first, second, first, second};
  }
  std::optional<std::string_view> decode(std::size_t size,
                                         std::span<const std::optional<std::string_view>> at_hand,
                                         std::string& scratch) const override {
    scratch.clear();
    for (std::uint32_t half = 0; half < 2; ++half) {
      auto fits = [&](auto& one) { return one && one->size() == fragment_size(size, half); };
      if (!fits(at_hand[half]) && !fits(at_hand[half + 2]))
        return std::nullopt;
      scratch += fits(at_hand[half]) ? *at_hand[half] : *at_hand[half + 2];
    }
    return scratch;
  }
  std::size_t fragment_size(std::size_t size, std::uint32_t index) const override {
    return index % 2 == 0 ? size / 2 : size - size / 2;
  }
  bool enough(const std::vector<bool>& present) const override {
    return (present[0] || present[2]) && (present[1] || present[3]);
  }
  verdict judge(const chunk_report& report) const override {
    std::uint32_t halves[2] = {};
    for (auto& one : good(report))
      ++halves[one.index % 2];
    auto fewest = std::min(halves[0], halves[1]);
    if (fewest == 0)
      return {chunk_health::lost, 0};
    if (mend(report).empty())
      return {chunk_health::healthy, fewest - 1};
    return {fewest == 1 ? chunk_health::critical : chunk_health::degraded, fewest - 1};
  }
  std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
    std::vector<std::pair<std::uint32_t, repair_step>> ranked;
    for (auto& report : reports)
      if (auto found = judge(report); found.health != chunk_health::lost)
        if (auto steps = mend(report); !steps.empty())
          ranked.emplace_back(found.spare, steps.front()); // the other steps follow in later plans
    std::stable_sort(ranked.begin(), ranked.end(),
                     [](auto& a, auto& b) { return a.first < b.first; });
    std::vector<repair_step> steps;
    for (auto& [spare, step] : ranked)
      steps.push_back(step);
    return steps;
  }

 private:
  static std::vector<fragment_report> good(const chunk_report& report) {
    auto all = report.fragments;
    std::erase_if(all, [](auto& one) { return one.state != fragment_state::ok; });
    return all;
  }
  /// Missing copies, those of the half with fewest copies first; then surplus copies.
  static std::vector<repair_step> mend(const chunk_report& report) {
    std::uint32_t copies[4] = {};
    for (auto& one : good(report))
      ++copies[one.index];
    std::vector<repair_step> steps;
    auto scarce = copies[0] + copies[2] <= copies[1] + copies[3] ? 0u : 1u;
    for (auto index : {scarce, scarce + 2, 1 - scarce, 3 - scarce})
      if (copies[index] == 0)
        for (auto& one : good(report))
          if (one.index % 2 == index % 2) {
            steps.push_back({repair_action::rebuild, report.chunk, index, {}, {}});
            break;
          }
    for (auto& step : steps)
      for (std::uint32_t half = 0; half < 2; ++half)
        for (auto& one : good(report))
          if (one.index % 2 == half) {
            step.sources.push_back(one.node);
            step.source_fragments.push_back(one.index);
            break;
          }
    auto complete = steps.empty();
    for (auto& one : report.fragments)
      if (one.state == fragment_state::corrupt ||
          (one.state == fragment_state::ok && complete && copies[one.index]-- > 1))
        steps.push_back({repair_action::drop, report.chunk, one.index, {one.node}, {}});
    return steps;
  }
};

} // namespace

std::vector<specimen> odd_but_right() {
  return {
      {"parity", "", plugin_of<parity>(), "", ""},
      {"is_strict", "", plugin_of<is_strict>(), "", ""},
      {"drops_later", "", plugin_of<drops_later>(), "", ""},
      {"one_piece", "", unclaimed<one_piece>(), "", ""},
      {"many_pieces", "", unclaimed<many_pieces>(), "", ""},
      {"mirrored_halves", "", unclaimed<mirrored_halves>(), "", ""},
  };
}

} // namespace broken_schemes
