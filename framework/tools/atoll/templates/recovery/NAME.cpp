#include <atoll/spi/recovery.hpp>

#include <algorithm>
#include <map>

namespace {

using namespace atl::spi;

/// What is known of one fragment of a chunk: the nodes that have it in order, and those where it is
/// damaged.
struct fragment_places {
  std::vector<std::uint64_t> good;
  std::vector<std::uint64_t> damaged;
};

/// Cuts a chunk into parts of equal length and adds their exclusive or, the parity: any one
/// fragment may be lost (Patterson, Gibson & Katz, *A case for redundant arrays of inexpensive
/// disks*, 1988). Replace this code by yours.
class scheme final : public recovery {
 public:
  explicit scheme(const recovery_setup& setup)
      : parts_{static_cast<std::uint32_t>(setup.options.integer("parts"))} {}

  fragment_layout layout() const override {
    return {.total = parts_ + 1, .needed = parts_, .min_write = parts_ + 1};
  }

  std::size_t fragment_size(std::size_t size, std::uint32_t) const override {
    return size / parts_ + (size % parts_ != 0 ? 1 : 0);
  }

  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    auto length = fragment_size(chunk.size(), 0);
    scratch.assign(chunk);
    scratch.resize(length * parts_); // the last parts are filled up with zeros
    scratch.resize(length * (parts_ + 1));
    for (std::uint32_t part = 0; part < parts_; ++part)
      add(scratch, parts_ * length, std::string_view{scratch}.substr(part * length, length));
    std::vector<std::string_view> fragments;
    for (std::uint32_t index = 0; index <= parts_; ++index)
      fragments.push_back(std::string_view{scratch}.substr(index * length, length));
    return fragments;
  }

  std::optional<std::string_view> decode(std::size_t size,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string& scratch) const override {
    auto length = fragment_size(size, 0);
    auto present = [&](std::uint32_t index) {
      return index < fragments.size() && fragments[index] && fragments[index]->size() == length;
    };
    std::vector<bool> presence;
    for (std::uint32_t index = 0; index <= parts_; ++index)
      presence.push_back(present(index));
    if (!enough(presence))
      return std::nullopt;
    scratch.assign(length * parts_, '\0');
    for (std::uint32_t part = 0; part < parts_; ++part) {
      if (present(part)) {
        add(scratch, part * length, *fragments[part]);
        continue;
      }
      for (std::uint32_t other = 0; other <= parts_; ++other) // the sum of all others is this one
        if (other != part)
          add(scratch, part * length, *fragments[other]);
    }
    return std::string_view{scratch}.substr(0, size);
  }

  bool enough(const std::vector<bool>& present) const override {
    auto known = std::min<std::size_t>(present.size(), parts_ + 1);
    auto end = present.begin() + static_cast<std::ptrdiff_t>(known);
    return std::count(present.begin(), end, true) >= static_cast<std::ptrdiff_t>(parts_);
  }

  verdict judge(const chunk_report& report) const override {
    auto places = places_of(report);
    auto spare = count_spare(places);
    if (!spare)
      return {chunk_health::lost, 0};
    auto in_order = std::ranges::all_of(
        places, [](auto& each) { return each.good.size() == 1 && each.damaged.empty(); });
    if (in_order)
      return {chunk_health::healthy, *spare};
    return {*spare == 0 ? chunk_health::critical : chunk_health::degraded, *spare};
  }

  /// First rebuilds what is missing, of the chunks that survive the fewest losses before others.
  /// Then drops damaged and surplus fragments, of chunks of which nothing is missing.
  std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
    std::vector<std::pair<std::uint32_t, repair_step>> rebuilds; // after the losses survived now
    std::vector<repair_step> drops;
    for (auto& report : reports) {
      auto places = places_of(report);
      if (count_good(places) > parts_)
        drop_what_is_left_over(report.chunk, places, drops);
      else if (auto spare = count_spare(places))
        rebuilds.emplace_back(*spare, rebuild_step(report.chunk, places));
    }
    std::ranges::stable_sort(rebuilds, {}, [](auto& each) { return each.first; });
    std::vector<repair_step> steps;
    for (auto& [spare, step] : rebuilds)
      steps.push_back(std::move(step));
    steps.insert(steps.end(), drops.begin(), drops.end());
    return steps;
  }

 private:
  /// Adds bytes to those of `sum` from `begin` on, by exclusive or.
  static void add(std::string& sum, std::size_t begin, std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i)
      sum[begin + i] = static_cast<char>(sum[begin + i] ^ bytes[i]);
  }

  /// By index. Of contradicting reports of one place the worst counts, so that a fragment which may
  /// be out of reach is neither a source nor dropped.
  std::vector<fragment_places> places_of(const chunk_report& report) const {
    std::map<std::pair<std::uint32_t, std::uint64_t>, fragment_state> worst;
    for (auto& each : report.fragments)
      if (each.index <= parts_)
        if (auto [known, is_new] = worst.try_emplace({each.index, each.node}, each.state); !is_new)
          known->second = std::max(known->second, each.state);
    std::vector<fragment_places> places(parts_ + 1);
    for (auto& [place, state] : worst)
      if (state == fragment_state::ok)
        places[place.first].good.push_back(place.second);
      else if (state == fragment_state::corrupt)
        places[place.first].damaged.push_back(place.second);
    return places;
  }

  static std::uint32_t count_good(const std::vector<fragment_places>& places) {
    return static_cast<std::uint32_t>(
        std::ranges::count_if(places, [](auto& each) { return !each.good.empty(); }));
  }

  /// How many losses the chunk survives, whichever they are; none if it is lost. The worst losses
  /// are those of the fragments that are in the fewest places.
  std::optional<std::uint32_t> count_spare(const std::vector<fragment_places>& places) const {
    auto good = count_good(places);
    if (good < parts_)
      return std::nullopt;
    std::vector<std::size_t> copies;
    for (auto& each : places)
      if (!each.good.empty())
        copies.push_back(each.good.size());
    std::ranges::sort(copies);
    std::size_t fatal = 0;
    for (std::uint32_t i = 0; i <= good - parts_; ++i)
      fatal += copies[i];
    return static_cast<std::uint32_t>(fatal - 1);
  }

  static repair_step rebuild_step(std::uint64_t chunk, const std::vector<fragment_places>& places) {
    repair_step step{repair_action::rebuild, chunk, 0, {}, {}};
    for (std::uint32_t index = 0; index < places.size(); ++index) {
      if (places[index].good.empty()) {
        step.fragment = index;
        continue;
      }
      step.sources.push_back(places[index].good.front());
      step.source_fragments.push_back(index);
    }
    return step;
  }

  static void drop_what_is_left_over(std::uint64_t chunk,
                                     const std::vector<fragment_places>& places,
                                     std::vector<repair_step>& drops) {
    auto drop = [&](std::uint32_t index, std::uint64_t node) {
      drops.push_back({repair_action::drop, chunk, index, {node}, {}});
    };
    for (std::uint32_t index = 0; index < places.size(); ++index) {
      for (auto node : places[index].damaged)
        drop(index, node);
      for (std::size_t surplus = 1; surplus < places[index].good.size(); ++surplus)
        drop(index, places[index].good[surplus]);
    }
  }

  std::uint32_t parts_;
};

constexpr claim claims[] = {{"survives_losses", "1"}, {"storage_cost", "150"}};

constexpr option_spec declared[] = {
    {"parts", option_type::integer, "2", "2", "16", "How many parts a chunk is cut into"},
};

} // namespace

ATOLL_PLUGIN(recovery, @NAME@, 0, 1, 0){
    .summary = "Parts of each chunk and their parity: any one fragment may be lost",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const recovery_setup& setup) -> recovery* { return new scheme{setup}; },
};
