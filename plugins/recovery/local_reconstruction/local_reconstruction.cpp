#include "../common/cell_rows.hpp"
#include "../common/read_list.hpp"
#include "../common/striped_codec.hpp"
#include "group_code.hpp"
#include "group_losses.hpp"

#include <atoll/spi/recovery.hpp>

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

namespace {

using namespace atl::spi;
using atl::coded::read_list;
using atl::coded::row_range;
using atl::coded::striped_codec;
using atl::local_reconstruction::code_shape;
using atl::local_reconstruction::group_code;
using atl::local_reconstruction::group_losses;

std::uint32_t number(const recovery_setup& setup, std::string_view option) {
  return static_cast<std::uint32_t>(setup.options.integer(option));
}

code_shape shape_of(const recovery_setup& setup) {
  code_shape shape{number(setup, "k"), number(setup, "groups"), number(setup, "globals")};
  if (shape.data % shape.groups != 0)
    throw std::invalid_argument("k is " + std::to_string(shape.data) + ", and can't be cut into " +
                                std::to_string(shape.groups) +
                                " groups of one size: choose a multiple of groups");
  return shape;
}

/// Data in groups, with a parity of each group and parities of all data: one lost fragment is made
/// again out of its group alone.
class scheme final : public recovery {
 public:
  explicit scheme(const recovery_setup& setup)
      : shape_{shape_of(setup)}, min_write_{number(setup, "min_write")},
        per_zone_{number(setup, "per_zone")}, code_{shape_}, codec_{code_}, losses_{shape_, code_} {
    auto readable = shape_.total() - promised().survives_losses; // whichever they are
    if (min_write_ == 0)
      min_write_ = readable + 1;
    if (min_write_ < readable || min_write_ > shape_.total())
      throw std::invalid_argument(
          "min_write is " + std::to_string(min_write_) + ", and of " +
          std::to_string(shape_.total()) + " fragments at least " + std::to_string(readable) +
          " must be stored for a chunk to be readable, whichever they are: choose a number "
          "between the two, or 0");
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
    return {shape_.total(), shape_.data, min_write_, false};
  }
  std::string encoding() const override { return "lrc-xor-cauchy/1"; }
  promises promised() const override {
    return {shape_.globals + 1, (100 * shape_.total() + shape_.data - 1) / shape_.data};
  }
  std::size_t fragment_size(std::size_t size, std::uint32_t index) const override {
    return codec_.layout().fragment_bytes(size, index);
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

  /// The ranges that hold the bytes; of each fragment that is no source, the same rows of others.
  std::optional<std::vector<fragment_range>>
  reads_for(std::size_t size, std::size_t offset, std::size_t length,
            std::span<const source> sources) const override {
    auto usable = usable_of(sources);
    read_list reads;
    std::vector<std::pair<std::uint32_t, row_range>> lost;
    for (std::uint32_t index = 0; index < shape_.data; ++index) {
      auto rows = atl::coded::rows_of(codec_.layout(), index, offset, length);
      if (rows.empty())
        continue;
      auto found = std::ranges::find(usable, index, &source::fragment);
      if (found == usable.end()) {
        lost.emplace_back(index, rows);
        continue;
      }
      reads.add(index, rows.begin, rows.end);
      found->cost = 0; // more of it costs little
    }
    for (auto& [index, rows] : lost)
      if (!add_reads(size, index, rows, usable, reads))
        return std::nullopt;
    return reads.merged();
  }

  bool assemble(std::size_t size, std::size_t offset, std::span<const piece> pieces,
                std::span<char> out) const override {
    return codec_.assemble(size, offset, pieces, out);
  }

  std::optional<std::vector<fragment_range>>
  reads_to_rebuild(std::size_t size, const fragment_range& wanted,
                   std::span<const source> sources) const override {
    auto usable = usable_of(sources);
    std::erase_if(usable, [&](auto& each) { return each.fragment == wanted.fragment; });
    read_list reads;
    if (!add_reads(size, wanted.fragment, {wanted.offset, wanted.offset + wanted.length}, usable,
                   reads))
      return std::nullopt;
    return reads.merged();
  }

  bool rebuild(std::size_t size, const fragment_range& wanted, std::span<const piece> pieces,
               std::span<char> out) const override {
    return codec_.rebuild(size, wanted, pieces, out);
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

  striping stripes() const override {
    return {static_cast<std::uint32_t>(codec_.layout().cell_bytes), shape_.data};
  }
  void encode_stripe(std::span<const std::string_view> data,
                     std::span<const std::span<char>> parity) const override {
    codec_.encode_stripe(data, parity);
  }
  std::uint32_t per_domain_max() const override { return per_zone_; }

 private:
  std::vector<source> usable_of(std::span<const source> sources) const {
    std::vector<source> usable(sources.begin(), sources.end());
    std::erase_if(usable, [&](auto& each) { return each.fragment >= shape_.total(); });
    return usable;
  }

  /// Adds the reads for rows of a fragment, of the cheaper of two choices: its group first, or
  /// whatever costs least. What is chosen costs nothing afterwards.
  bool add_reads(std::size_t size, std::uint32_t fragment, row_range rows,
                 std::vector<source>& usable, read_list& reads) const {
    auto group = shape_.group_of(fragment);
    auto is_beside = [&](const source& each) {
      return group && shape_.group_of(each.fragment) == group;
    };
    auto cheapest = std::numeric_limits<double>::infinity();
    std::vector<std::uint32_t> chosen;
    for (auto is_group_first : {true, false}) {
      std::ranges::stable_sort(usable, [&](const source& a, const source& b) {
        return std::tuple{is_group_first && !is_beside(a), a.cost} <
               std::tuple{is_group_first && !is_beside(b), b.cost};
      });
      std::vector<std::uint32_t> present;
      for (auto& each : usable)
        present.push_back(each.fragment);
      auto decoder = code_.make_decoder(present, std::span{&fragment, 1});
      if (!decoder)
        return false;
      auto cost = cost_of(size, rows, decoder->sources(), usable);
      if (cost >= cheapest)
        continue;
      cheapest = cost;
      chosen.assign(decoder->sources().begin(), decoder->sources().end());
    }
    for (auto& each : usable)
      if (std::ranges::find(chosen, each.fragment) != chosen.end()) {
        auto own = own_rows(size, each.fragment, rows);
        reads.add(each.fragment, own.begin, own.end);
        each.cost = 0;
      }
    return true;
  }

  double cost_of(std::size_t size, row_range rows, std::span<const std::uint32_t> fragments,
                 std::span<const source> usable) const {
    double sum = 0;
    for (auto& each : usable)
      if (std::ranges::find(fragments, each.fragment) != fragments.end()) {
        auto own = own_rows(size, each.fragment, rows);
        sum += static_cast<double>(each.cost) * static_cast<double>(own.end - own.begin);
      }
    return sum;
  }

  /// The part of the rows that the fragment has.
  row_range own_rows(std::size_t size, std::uint32_t fragment, row_range rows) const {
    return atl::coded::clip(rows, fragment_size(size, fragment));
  }

  code_shape shape_;
  std::uint32_t min_write_;
  std::uint32_t per_zone_;
  group_code code_;
  striped_codec codec_;
  group_losses losses_;
};

constexpr claim claims[] = {{"survives_losses", "3"}, {"storage_cost", "134"}};

constexpr option_spec options_known[] = {
    {"k", option_type::integer, "12", "1", "24",
     "How many fragments have the chunk's own bytes; a multiple of groups"},
    {"groups", option_type::integer, "2", "1", "4",
     "Into how many groups these are divided: one lost fragment is made again out of its group"},
    {"globals", option_type::integer, "2", "1", "3",
     "How many fragments of parity of all data are added: one more fragment may be lost"},
    {"min_write", option_type::integer, "0", "0", "31",
     "How many fragments are stored before a write is acknowledged; 0: one more than are readable "
     "whichever they are"},
    {"per_zone", option_type::integer, "0", "0", "4",
     "How many fragments of a chunk one zone may hold; 0: as many as may be lost"},
};

} // namespace

ATOLL_PLUGIN(recovery, local_reconstruction, 1, 0, 0){
    .summary = "Data fragments in groups with a parity each, and parities of all: one loss is made "
               "again out of its group",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = options_known,
    .create = [](const recovery_setup& setup) -> recovery* { return new scheme{setup}; },
};
