#include "recovery_promise_checks.hpp"

#include "encoded_fragments.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <optional>

namespace atl::verify::promised {

namespace {

/// Of more sets than that, a sample is tried.
constexpr std::size_t sets_max = 15'000;

/// All sets of `count` of the numbers below `total`, in order; or as many random ones as that.
class loss_sets {
 public:
  loss_sets(std::uint32_t total, std::uint32_t count, spi::random_source& random)
      : total_{total}, random_{random}, is_sample_{total > all_sets_max ||
                                                   sets_of(total, count) > sets_max},
        left_{is_sample_ ? 2'000 : sets_of(total, count)}, lost_(count) {
    std::iota(lost_.begin(), lost_.end(), 0);
  }

  /// The next set; none after the last one.
  std::optional<std::vector<std::uint32_t>> next() {
    if (left_ == 0)
      return std::nullopt;
    --left_;
    if (is_sample_)
      return draw();
    auto current = lost_;
    advance();
    return current;
  }

 private:
  static std::size_t sets_of(std::uint32_t total, std::uint32_t count) {
    std::size_t sets = 1;
    for (std::uint32_t i = 0; i < count && sets <= sets_max; ++i)
      sets = sets * (total - i) / (i + 1);
    return sets;
  }

  std::vector<std::uint32_t> draw() {
    std::vector<std::uint32_t> all(total_);
    std::iota(all.begin(), all.end(), 0);
    for (std::uint32_t i = 0; i < lost_.size(); ++i)
      std::swap(all[i], all[i + random_.below(total_ - i)]);
    all.resize(lost_.size());
    return all;
  }

  /// To the next set in lexical order.
  void advance() {
    auto count = static_cast<std::uint32_t>(lost_.size());
    for (auto i = count; i-- > 0;)
      if (lost_[i] < total_ - count + i) {
        ++lost_[i];
        for (auto after = i + 1; after < count; ++after)
          lost_[after] = lost_[after - 1] + 1;
        return;
      }
  }

  std::uint32_t total_;
  spi::random_source& random_;
  bool is_sample_;
  std::size_t left_;
  std::vector<std::uint32_t> lost_;
};

} // namespace

finding losses_are_survived(const spi::recovery& scheme, std::string_view chunk,
                            spi::random_source& random) {
  auto total = scheme.layout().total;
  auto survives = scheme.promised().survives_losses;
  if (survives >= total)
    return fmt::format("promises to survive {} losses of {} fragments", survives, total);
  auto fragments = properties::encoded_fragments(scheme, chunk);
  for (std::uint32_t count = 1; count <= survives; ++count) {
    loss_sets sets{total, count, random};
    while (auto lost = sets.next()) {
      std::vector<std::optional<std::string_view>> left(fragments.begin(), fragments.end());
      for (auto index : *lost)
        left[index].reset();
      std::string scratch;
      auto decoded = scheme.decode(chunk.size(), left, scratch);
      if (!decoded)
        return fmt::format("promises to survive {} losses, and doesn't decode without fragments {}",
                           survives, fmt::join(*lost, ", "));
      if (*decoded != chunk)
        return fmt::format("decodes another chunk without fragments {}", fmt::join(*lost, ", "));
    }
  }
  return std::nullopt;
}

finding cost_is_kept(const spi::recovery& scheme) {
  constexpr std::size_t size = std::size_t{1} << 30; // so large that a shorter last part is nothing
  std::uint64_t stored = 0;
  for (std::uint32_t index = 0; index < scheme.layout().total; ++index)
    stored += scheme.fragment_size(size, index);
  auto hundredths = stored * 100 / size; // of a promise by trying, too, parts of one are left out
  if (auto promised = scheme.promised().storage_cost; hundredths > promised)
    return fmt::format("stores {} hundredths and promises {}", hundredths, promised);
  return std::nullopt;
}

finding scratch_is_bounded(const spi::recovery& scheme, std::string_view chunk) {
  constexpr std::size_t slack = std::size_t{64} << 10;
  std::string scratch;
  auto views = scheme.encode(chunk, scratch);
  std::vector<std::string> fragments(views.begin(), views.end());
  std::size_t stored = 0, longest = 0;
  for (auto& fragment : fragments) {
    stored += fragment.size();
    longest = std::max(longest, fragment.size());
  }
  if (scratch.size() > stored + slack)
    return fmt::format("encodes {} bytes in {} bytes of scratch space, and all fragments have {}",
                       chunk.size(), scratch.size(), stored);
  for (std::uint32_t lost = 0; lost < fragments.size(); ++lost) {
    std::vector<std::optional<std::string_view>> left(fragments.begin(), fragments.end());
    left[lost].reset();
    std::string room;
    scheme.decode(chunk.size(), left, room);
    if (room.size() > chunk.size() + longest + slack)
      return fmt::format("decodes {} bytes in {} bytes of scratch space, and fragments have at "
                         "most {}",
                         chunk.size(), room.size(), longest);
  }
  return std::nullopt;
}

} // namespace atl::verify::promised
