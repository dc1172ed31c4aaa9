#pragma once

#include <atoll/spi/recovery.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfs::test {

/// Two groups of two data fragments and their XOR: a lost fragment is made of the two others of its
/// group. For chunks of whole stripes. Fragments 0 and 1 with 4, and 2 and 3 with 5.
struct grouped : atl::spi::recovery {
  static constexpr std::uint32_t cell = 64 << 10;
  static constexpr std::uint32_t data = 4;
  static constexpr std::array<std::array<std::uint32_t, 3>, 2> groups{{{0, 1, 4}, {2, 3, 5}}};

  atl::spi::fragment_layout layout() const override { return {6, 4, 5, false}; }
  std::size_t fragment_size(std::size_t size, std::uint32_t) const override { return size / data; }
  atl::spi::striping stripes() const override { return {cell, data}; }

  void encode_stripe(std::span<const std::string_view> from,
                     std::span<const std::span<char>> parity) const override {
    for (std::size_t i = 0; i < parity.size(); ++i)
      std::ranges::transform(from[2 * i], from[2 * i + 1], parity[i].begin(),
                             [](char a, char b) { return static_cast<char>(a ^ b); });
  }
  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    auto bytes = chunk.size() / data;
    scratch.assign(6 * bytes, '\0');
    for (std::size_t row = 0; row < bytes; row += cell) {
      std::vector<std::string_view> from;
      std::vector<std::span<char>> parity;
      for (std::uint32_t i = 0; i < data; ++i) {
        from.push_back(chunk.substr(row * data + i * cell, cell));
        std::ranges::copy(from.back(), scratch.begin() + std::ptrdiff_t(i * bytes + row));
      }
      for (std::uint32_t i = data; i < 6; ++i)
        parity.emplace_back(scratch.data() + i * bytes + row, cell);
      encode_stripe(from, parity);
    }
    std::vector<std::string_view> out;
    for (std::uint32_t i = 0; i < 6; ++i)
      out.push_back(std::string_view{scratch}.substr(i * bytes, bytes));
    return out;
  }
  /// Is not needed by what this scheme is for.
  std::optional<std::string_view> decode(std::size_t,
                                         std::span<const std::optional<std::string_view>>,
                                         std::string&) const override {
    return std::nullopt;
  }

  std::optional<std::vector<atl::spi::fragment_range>>
  reads_to_rebuild(std::size_t, const atl::spi::fragment_range& wanted,
                   std::span<const atl::spi::source> sources) const override {
    std::vector<atl::spi::fragment_range> reads;
    for (auto& each : sources)
      if (is_beside(each.fragment, wanted.fragment))
        reads.push_back({each.fragment, wanted.offset, wanted.length});
    return reads.size() == 2 ? std::optional{reads} : std::nullopt;
  }
  bool rebuild(std::size_t, const atl::spi::fragment_range& wanted,
               std::span<const atl::spi::piece> pieces, std::span<char> out) const override {
    if (pieces.size() != 2 || pieces[0].from.offset != wanted.offset)
      return false;
    std::ranges::transform(pieces[0].bytes, pieces[1].bytes, out.begin(),
                           [](char a, char b) { return static_cast<char>(a ^ b); });
    return true;
  }
  bool enough(const std::vector<bool>& present) const override {
    return std::ranges::all_of(groups, [&](auto& group) {
      return present[group[0]] + present[group[1]] + present[group[2]] >= 2;
    });
  }
  atl::spi::verdict judge(const atl::spi::chunk_report&) const override { return {}; }
  std::vector<atl::spi::repair_step> plan(std::span<const atl::spi::chunk_report>) const override {
    return {};
  }

  /// Is it another fragment of the same group?
  static bool is_beside(std::uint32_t fragment, std::uint32_t other) {
    return fragment != other && std::ranges::any_of(groups, [&](auto& group) {
             return std::ranges::count(group, fragment) + std::ranges::count(group, other) == 2;
           });
  }
};

} // namespace dfs::test
