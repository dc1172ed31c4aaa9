#include "../common/cell_rows.hpp"
#include "../common/striped_codec.hpp"
#include "../common/threshold_repair.hpp"
#include "cauchy_code.hpp"

#include <atoll/spi/recovery.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <tuple>

namespace {

using namespace atl::spi;
using atl::coded::row_range;
using atl::coded::stripe_layout;
using atl::coded::striped_codec;
using atl::coded::threshold;
using atl::reed_solomon::cauchy_code;

/// The chunk's own bytes in `k` fragments and `m` fragments of parity: any `k` of them make the
/// chunk.
class scheme final : public recovery {
 public:
  explicit scheme(const recovery_setup& setup)
      : stripes_{static_cast<std::uint32_t>(setup.options.integer("k")),
                 static_cast<std::uint32_t>(setup.options.integer("m"))},
        min_write_{static_cast<std::uint32_t>(setup.options.integer("min_write"))},
        per_zone_{static_cast<std::uint32_t>(setup.options.integer("per_zone"))},
        code_{stripes_.data, stripes_.parity} {
    if (min_write_ == 0)
      min_write_ = stripes_.data + 1;
    if (min_write_ < stripes_.data || min_write_ > stripes_.total())
      throw std::invalid_argument(
          "min_write is " + std::to_string(min_write_) + ", and of " +
          std::to_string(stripes_.total()) + " fragments at least " +
          std::to_string(stripes_.data) +
          " must be stored for a chunk to be readable: choose a number between the two, or 0");
    if (per_zone_ > stripes_.parity)
      throw std::invalid_argument("per_zone is " + std::to_string(per_zone_) +
                                  ", and only as many fragments may be lost as m says, " +
                                  std::to_string(stripes_.parity) +
                                  ": choose no larger number, or 0, so that losing a zone loses "
                                  "no data");
    if (per_zone_ == 0)
      per_zone_ = stripes_.parity;
  }

  fragment_layout layout() const override {
    return {stripes_.total(), stripes_.data, min_write_, false};
  }
  std::string encoding() const override { return "rs-cauchy/1"; }
  promises promised() const override {
    return {stripes_.parity, (100 * stripes_.total() + stripes_.data - 1) / stripes_.data};
  }
  std::size_t fragment_size(std::size_t size, std::uint32_t index) const override {
    return stripes_.fragment_bytes(size, index);
  }
  bool enough(const std::vector<bool>& present) const override {
    return atl::coded::is_enough(code(), present);
  }
  verdict judge(const chunk_report& report) const override {
    return atl::coded::judge(code(), report);
  }
  std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
    return atl::coded::plan(code(), reports);
  }

  /// The ranges that hold the bytes, if their fragments can be read. Otherwise the same rows of `k`
  /// fragments: of those that hold bytes of the range, and of the cheapest others.
  std::optional<std::vector<fragment_range>>
  reads_for(std::size_t size, std::size_t offset, std::size_t length,
            std::span<const source> sources) const override {
    row_range hull{size, 0};
    std::vector<fragment_range> plain;
    std::vector<bool> holds(stripes_.total());
    auto all_there = true;
    for (std::uint32_t index = 0; index < stripes_.data; ++index) {
      auto rows = atl::coded::rows_of(stripes_, index, offset, length);
      if (rows.empty())
        continue;
      hull = {std::min(hull.begin, rows.begin), std::max(hull.end, rows.end)};
      holds[index] = true;
      plain.push_back({index, rows.begin, rows.end - rows.begin});
      all_there =
          all_there && std::ranges::find(sources, index, &source::fragment) != sources.end();
    }
    return all_there ? plain : rows_of_enough(size, hull, sources, holds);
  }

  bool assemble(std::size_t size, std::size_t offset, std::span<const piece> pieces,
                std::span<char> out) const override {
    return codec_.assemble(size, offset, pieces, out);
  }

  std::optional<std::vector<fragment_range>>
  reads_to_rebuild(std::size_t size, const fragment_range& wanted,
                   std::span<const source> sources) const override {
    std::vector<source> others;
    for (auto& each : sources)
      if (each.fragment != wanted.fragment)
        others.push_back(each);
    return rows_of_enough(size, {wanted.offset, wanted.offset + wanted.length}, others,
                          std::vector<bool>(stripes_.total()));
  }

  bool rebuild(std::size_t size, const fragment_range& wanted, std::span<const piece> pieces,
               std::span<char> out) const override {
    return codec_.rebuild(size, wanted, pieces, out);
  }

  striping stripes() const override {
    return {static_cast<std::uint32_t>(stripes_.cell_bytes), stripes_.data};
  }

  std::uint32_t per_domain_max() const override { return per_zone_; }

  void encode_stripe(std::span<const std::string_view> data,
                     std::span<const std::span<char>> parity) const override {
    codec_.encode_stripe(data, parity);
  }

  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    return codec_.encode(chunk, scratch);
  }

  std::optional<std::string_view> decode(std::size_t size,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string& scratch) const override {
    return codec_.decode(size, fragments, scratch);
  }

 private:
  /// The rows of `k` fragments, first of those that are preferred, then of the cheapest.
  std::optional<std::vector<fragment_range>>
  rows_of_enough(std::size_t size, row_range rows, std::span<const source> sources,
                 const std::vector<bool>& preferred) const {
    std::vector<source> ranked;
    for (auto& each : sources)
      if (each.fragment < stripes_.total())
        ranked.push_back(each);
    if (ranked.size() < stripes_.data)
      return std::nullopt;
    std::ranges::stable_sort(ranked, [&](const source& a, const source& b) {
      return std::tuple{!preferred[a.fragment], a.cost} <
             std::tuple{!preferred[b.fragment], b.cost};
    });
    std::vector<fragment_range> reads;
    for (std::uint32_t i = 0; i < stripes_.data; ++i) {
      auto index = ranked[i].fragment;
      auto own = atl::coded::clip(rows, stripes_.fragment_bytes(size, index));
      if (!own.empty()) // what a data fragment lacks at the end of a chunk counts as zeros
        reads.push_back({index, own.begin, own.end - own.begin});
    }
    return reads;
  }

  threshold code() const { return {stripes_.total(), stripes_.data}; }

  stripe_layout stripes_;
  std::uint32_t min_write_;
  std::uint32_t per_zone_;
  cauchy_code code_;
  striped_codec codec_{code_};
};

constexpr claim claims[] = {{"survives_losses", "2"}, {"storage_cost", "150"}};

constexpr option_spec options_known[] = {
    {"k", option_type::integer, "4", "1", "32",
     "How many fragments have the chunk's own bytes: so many are needed to read it"},
    {"m", option_type::integer, "2", "1", "16",
     "How many fragments of parity are added: so many may be lost"},
    {"min_write", option_type::integer, "0", "0", "48",
     "How many fragments are stored before a write is acknowledged; 0: one more than needed"},
    {"per_zone", option_type::integer, "0", "0", "16",
     "How many fragments of a chunk one zone may hold; 0: as many as may be lost"},
};

} // namespace

ATOLL_PLUGIN(recovery, reed_solomon, 1, 0, 0){
    .summary = "k fragments of data and m of parity on different nodes: any k are enough",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = options_known,
    .create = [](const recovery_setup& setup) -> recovery* { return new scheme{setup}; },
};
