#pragma once

#include "linear_code.hpp"
#include "stripe_layout.hpp"

#include <atoll/spi/recovery.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace atl::coded {

/// Encodes and decodes chunks whose cells go round the data fragments, with a linear code over
/// each stripe. Immutable and thread-safe.
class striped_codec {
 public:
  /// @param code must outlive this object
  explicit striped_codec(const linear_code& code)
      : code_{code}, layout_{code.data(), code.parity()} {}

  const stripe_layout& layout() const { return layout_; }

  /// Makes the parity cells of a stripe. Shorter data cells count as filled up with zeros.
  /// @param parity as long as the first data cell
  void encode_stripe(std::span<const std::string_view> data,
                     std::span<const std::span<char>> parity) const;

  /// As `recovery::encode`.
  std::vector<std::string_view> encode(std::string_view chunk, std::string& scratch) const;
  /// As `recovery::decode`.
  std::optional<std::string_view> decode(std::size_t size,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string& scratch) const;
  /// As `recovery::assemble`.
  bool assemble(std::size_t size, std::size_t offset, std::span<const spi::piece> pieces,
                std::span<char> out) const;
  /// As `recovery::rebuild`.
  bool rebuild(std::size_t size, const spi::fragment_range& wanted,
               std::span<const spi::piece> pieces, std::span<char> out) const;

 private:
  const linear_code& code_;
  stripe_layout layout_;
};

} // namespace atl::coded
