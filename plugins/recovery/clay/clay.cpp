#include "../common/threshold_repair.hpp"
#include "layer_layout.hpp"
#include "layered_code.hpp"
#include "stripe_reads.hpp"
#include "stripe_repair.hpp"

#include <atoll/spi/recovery.hpp>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

namespace {

using namespace atl::spi;
using atl::clay::cell_part;
using atl::clay::layer_layout;
using atl::clay::layered_code;
using atl::coded::read_list;

std::uint32_t number(const recovery_setup& setup, std::string_view option) {
  return static_cast<std::uint32_t>(setup.options.integer(option));
}

layer_layout layout_of(const recovery_setup& setup) {
  layer_layout layout{number(setup, "k"), number(setup, "m")};
  layout.layers = layered_code::layers_of(layout.data, layout.parity);
  if (layout.layers > layered_code::layers_max)
    throw std::invalid_argument(
        "k = " + std::to_string(layout.data) + " and m = " + std::to_string(layout.parity) +
        " cut each fragment into more than " + std::to_string(layered_code::layers_max) +
        " layers, m to the power of (k + m) / m: choose a smaller k, or another m");
  return layout;
}

/// Any other fragments are rebuilt from. A lost fragment's sources are all of them, so that each
/// gives a part of its layers.
class clay_losses final : public atl::coded::code_losses {
 public:
  clay_losses(std::uint32_t total, std::uint32_t needed)
      : code_losses{total}, any_needed_{total, needed} {}

  std::optional<std::uint32_t> spare(std::span<const std::uint32_t> copies) const override {
    return any_needed_.spare(copies);
  }
  std::vector<std::uint32_t> sources(std::uint32_t wanted,
                                     const std::vector<bool>& present) const override {
    return atl::coded::others_in_turn(wanted, present);
  }
  bool is_enough(const std::vector<bool>& present) const {
    return atl::coded::is_enough(any_needed_, present);
  }

 private:
  atl::coded::threshold any_needed_;
};

/// The chunk's own bytes in `k` fragments and `m` of parity, any `k` of them enough; a lost
/// fragment is made again out of an `m`-th of each of all others.
class scheme final : public recovery {
 public:
  explicit scheme(const recovery_setup& setup)
      : layout_{layout_of(setup)}, min_write_{number(setup, "min_write")}, per_zone_{number(
                                                                               setup, "per_zone")},
        code_{layout_.data, layout_.parity}, losses_{layout_.total(), layout_.data} {
    if (min_write_ == 0)
      min_write_ = layout_.data + 1;
    if (min_write_ < layout_.data || min_write_ > layout_.total())
      throw std::invalid_argument(
          "min_write is " + std::to_string(min_write_) + ", and of " +
          std::to_string(layout_.total()) + " fragments at least " + std::to_string(layout_.data) +
          " must be stored for a chunk to be readable: choose a number between the two, or 0");
    auto survives = promised().survives_losses;
    if (per_zone_ > survives)
      throw std::invalid_argument("per_zone is " + std::to_string(per_zone_) + ", and only " +
                                  std::to_string(survives) +
                                  " fragments may be lost: choose no larger number, or 0, so that "
                                  "losing a zone loses no data");
    if (per_zone_ == 0)
      per_zone_ = survives;
  }

  fragment_layout layout() const override {
    return {layout_.total(), layout_.data, min_write_, false};
  }
  std::string encoding() const override { return "clay-cauchy/1"; }
  promises promised() const override {
    return {layout_.parity, (100 * layout_.total() + layout_.data - 1) / layout_.data};
  }
  std::size_t fragment_size(std::size_t size, std::uint32_t index) const override {
    return layout_.fragment_bytes(size, index);
  }
  bool enough(const std::vector<bool>& present) const override {
    return losses_.is_enough(present);
  }
  verdict judge(const chunk_report& report) const override {
    return atl::coded::judge(losses_, report);
  }
  std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
    return atl::coded::plan(losses_, reports);
  }

  std::optional<std::vector<fragment_range>>
  reads_for(std::size_t size, std::size_t offset, std::size_t length,
            std::span<const source> sources) const override {
    auto usable = usable_of(sources);
    read_list reads;
    auto add = [&](const layer_layout::stripe& stripe, std::span<const cell_part> wanted) {
      return add_reads(code_, layout_, stripe, wanted, usable, reads);
    };
    if (!for_each_stripe(size, offset, length, add))
      return std::nullopt;
    return reads.merged();
  }

  bool assemble(std::size_t size, std::size_t offset, std::span<const piece> pieces,
                std::span<char> out) const override {
    return for_each_stripe(
        size, offset, out.size(),
        [&](const layer_layout::stripe& stripe, std::span<const cell_part> wanted) {
          return make_parts(code_, layout_, stripe, wanted, pieces,
                            [&](const cell_part& part, std::size_t begin, std::string_view bytes) {
                              auto at = stripe.chunk_begin + part.fragment * stripe.cell_bytes +
                                        begin - offset;
                              std::memcpy(out.data() + at, bytes.data(), bytes.size());
                            });
        });
  }

  std::optional<std::vector<fragment_range>>
  reads_to_rebuild(std::size_t size, const fragment_range& wanted,
                   std::span<const source> sources) const override {
    auto usable = usable_of(sources);
    std::erase_if(usable, [&](auto& each) { return each.fragment == wanted.fragment; });
    read_list reads;
    auto add = [&](const layer_layout::stripe& stripe, const cell_part& part) {
      return add_reads(code_, layout_, stripe, std::span{&part, 1}, usable, reads);
    };
    if (usable.size() < layout_.data || !for_each_cell(size, wanted, add))
      return std::nullopt;
    return reads.merged();
  }

  bool rebuild(std::size_t size, const fragment_range& wanted, std::span<const piece> pieces,
               std::span<char> out) const override {
    if (out.size() != wanted.length || wanted.fragment >= layout_.total())
      return false;
    return for_each_cell(
        size, wanted, [&](const layer_layout::stripe& stripe, const cell_part& cell) {
          return make_parts(code_, layout_, stripe, std::span{&cell, 1}, pieces,
                            [&](const cell_part&, std::size_t begin, std::string_view bytes) {
                              std::memcpy(out.data() +
                                              (stripe.fragment_begin + begin - wanted.offset),
                                          bytes.data(), bytes.size());
                            });
        });
  }

  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    std::vector<std::size_t> begins{0};
    for (std::uint32_t index = 0; index < layout_.total(); ++index)
      begins.push_back(begins.back() + fragment_size(chunk.size(), index));
    scratch.resize(begins.back());
    for (std::size_t number = 0; number < layout_.stripes(chunk.size()); ++number) {
      auto stripe = layout_.stripe_at(chunk.size(), number);
      std::vector<piece> data;
      std::vector<cell_part> parity;
      for (std::uint32_t index = 0; index < layout_.total(); ++index) {
        auto bytes = layout_.cell_bytes(stripe, index);
        auto* cell = scratch.data() + begins[index] + stripe.fragment_begin;
        if (index >= layout_.data) {
          parity.push_back({index, 0, bytes});
        } else if (bytes > 0) {
          std::memcpy(cell, chunk.data() + stripe.chunk_begin + index * stripe.cell_bytes, bytes);
          data.push_back({{index, stripe.fragment_begin, bytes}, {cell, bytes}});
        }
      }
      make_parts(code_, layout_, stripe, parity, data,
                 [&](const cell_part& part, std::size_t begin, std::string_view bytes) {
                   std::memcpy(scratch.data() + begins[part.fragment] + stripe.fragment_begin +
                                   begin,
                               bytes.data(), bytes.size());
                 });
    }
    std::vector<std::string_view> fragments;
    for (std::uint32_t index = 0; index < layout_.total(); ++index)
      fragments.push_back(
          std::string_view{scratch}.substr(begins[index], begins[index + 1] - begins[index]));
    return fragments;
  }

  std::optional<std::string_view> decode(std::size_t size,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string& scratch) const override {
    std::vector<piece> pieces;
    for (std::uint32_t index = 0; index < std::min<std::size_t>(fragments.size(), layout_.total());
         ++index)
      if (auto bytes = fragment_size(size, index);
          fragments[index] && fragments[index]->size() == bytes)
        pieces.push_back({{index, 0, bytes}, *fragments[index]});
    if (pieces.size() < layout_.data)
      return std::nullopt;
    scratch.resize(size);
    if (!assemble(size, 0, pieces, scratch))
      return std::nullopt;
    return std::string_view{scratch};
  }

  std::uint32_t per_domain_max() const override { return per_zone_; }

 private:
  std::vector<source> usable_of(std::span<const source> sources) const {
    std::vector<source> usable(sources.begin(), sources.end());
    std::erase_if(usable, [&](auto& each) { return each.fragment >= layout_.total(); });
    return usable;
  }

  /// Calls `visit` for each stripe with bytes of a range of the chunk, with the parts of data cells
  /// that hold them. @returns false as soon as `visit` does
  template <class Visit>
  bool for_each_stripe(std::size_t size, std::size_t offset, std::size_t length,
                       Visit&& visit) const {
    if (length == 0)
      return true;
    auto first = offset / layout_.stripe_bytes_max();
    auto last = (offset + length - 1) / layout_.stripe_bytes_max();
    for (auto number = first; number <= last; ++number) {
      auto stripe = layout_.stripe_at(size, number);
      std::vector<cell_part> wanted;
      for (std::uint32_t index = 0; index < layout_.data; ++index) {
        auto bytes = layout_.cell_bytes(stripe, index);
        auto cell = stripe.chunk_begin + index * stripe.cell_bytes;
        auto begin = std::clamp(offset, cell, cell + bytes);
        auto end = std::clamp(offset + length, cell, cell + bytes);
        if (begin < end)
          wanted.push_back({index, begin - cell, end - cell});
      }
      if (!visit(stripe, wanted))
        return false;
    }
    return true;
  }

  /// Calls `visit` for each stripe with bytes of a range of a fragment, with the part of its cell.
  /// @returns false as soon as `visit` does
  template <class Visit>
  bool for_each_cell(std::size_t size, const fragment_range& wanted, Visit&& visit) const {
    if (wanted.length == 0)
      return true;
    auto cell_bytes_max = layout_.layers * layout_.piece_bytes_max;
    auto last = (wanted.offset + wanted.length - 1) / cell_bytes_max;
    for (auto number = wanted.offset / cell_bytes_max; number <= last; ++number) {
      auto stripe = layout_.stripe_at(size, number);
      auto end = stripe.fragment_begin + layout_.cell_bytes(stripe, wanted.fragment);
      cell_part part{wanted.fragment,
                     std::max(wanted.offset, stripe.fragment_begin) - stripe.fragment_begin,
                     std::min(wanted.offset + wanted.length, end) - stripe.fragment_begin};
      if (!visit(stripe, part))
        return false;
    }
    return true;
  }

  layer_layout layout_;
  std::uint32_t min_write_;
  std::uint32_t per_zone_;
  layered_code code_;
  clay_losses losses_;
};

constexpr claim claims[] = {{"survives_losses", "2"}, {"storage_cost", "150"}};

constexpr option_spec options_known[] = {
    {"k", option_type::integer, "4", "1", "24",
     "How many fragments have the chunk's own bytes: so many are needed to read it"},
    {"m", option_type::integer, "2", "2", "8",
     "How many fragments of parity are added: so many may be lost"},
    {"min_write", option_type::integer, "0", "0", "32",
     "How many fragments are stored before a write is acknowledged; 0: one more than needed"},
    {"per_zone", option_type::integer, "0", "0", "8",
     "How many fragments of a chunk one zone may hold; 0: as many as may be lost"},
};

} // namespace

ATOLL_PLUGIN(recovery, clay, 1, 0, 0){
    .summary = "k fragments of data and m of parity, any k enough; a lost one is made again out of "
               "an m-th of each other",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = options_known,
    .create = [](const recovery_setup& setup) -> recovery* { return new scheme{setup}; },
};
