#include "client/stripe_encoder.hpp"

#include "bulk/bulk_limits.hpp"
#include "client/plugin_call.hpp"

#include <atoll/core/crc32c.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <span>

namespace dfs {

namespace {

/// Of one fragment. A scheme with cells that would need more is encoded at once.
constexpr std::size_t step_bytes_max = 4 << 20;

} // namespace

stripe_encoder::stripe_encoder(const scheme& by, const chunk_source& from)
    : by_{by}, from_{from}, stripes_{by.recovery->stripes()}, step_bytes_{
                                                                  step_bytes(*by.recovery)} {}

bool stripe_encoder::is_possible(const atl::spi::recovery& scheme) {
  auto layout = scheme.layout();
  auto how = scheme.stripes();
  return !layout.identical && how.cell_bytes > 0 && how.data > 0 && how.data <= layout.total &&
         step_bytes(scheme) <= step_bytes_max;
}

std::size_t stripe_encoder::step_bytes(const atl::spi::recovery& scheme) {
  return std::lcm<std::size_t>(scheme.stripes().cell_bytes, batch_size);
}

atl::status stripe_encoder::make(fragment_pieces& pieces) {
  pieces.bytes.resize(by_.policy.fragments);
  for (auto& each : pieces.bytes)
    each.resize(step_bytes_);
  for (std::size_t row = 0; row < step_bytes_ && has_more(); row += stripes_.cell_bytes)
    if (auto made = make_stripe(pieces, row); !made)
      return made;
  return {};
}

/// @param row where the stripe's cells begin in the pieces, which end with the chunk's last stripe
atl::status stripe_encoder::make_stripe(fragment_pieces& pieces, std::size_t row) {
  const auto left = from_.size - taken_;
  const auto is_last = left <= std::uint64_t{stripes_.cell_bytes} * stripes_.data;
  auto cell_bytes = [&](std::uint32_t index) {
    auto before = index < stripes_.data ? std::uint64_t{index} * stripes_.cell_bytes
                                        : 0; // a parity cell is as long as the first one
    return std::min<std::uint64_t>(stripes_.cell_bytes, left - std::min(left, before));
  };
  std::vector<std::string_view> data;
  std::vector<std::span<char>> parity;
  for (std::uint32_t index = 0; index < pieces.bytes.size(); ++index) {
    auto& piece = pieces.bytes[index];
    if (is_last)
      piece.resize(row + cell_bytes(index));
    auto cell = std::span{piece}.subspan(row, cell_bytes(index));
    if (index >= stripes_.data)
      parity.push_back(cell);
    else if (auto got = read(cell); got)
      data.emplace_back(cell.data(), cell.size());
    else
      return got;
  }
  call_plugin("recovery", by_.policy.recovery, [&] { by_.recovery->encode_stripe(data, parity); });
  return {};
}

atl::status stripe_encoder::read(std::span<char> into) {
  if (into.empty())
    return {};
  if (from_.is_in_memory()) {
    std::ranges::copy(from_.in_memory.substr(taken_, into.size()), into.begin());
  } else {
    auto got = from_.read(taken_, into);
    if (!got)
      return tl::unexpected{got.error()};
    if (*got != into.size())
      return atl::fail(atl::errc::io,
                       fmt::format("it became shorter while it was stored: at byte {} of a chunk "
                                   "of {} it has ended",
                                   taken_ + *got, from_.size));
  }
  crc_ = atl::crc32c({into.data(), into.size()}, crc_);
  taken_ += into.size();
  return {};
}

} // namespace dfs
