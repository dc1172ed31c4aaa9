#pragma once

#include <cstdint>
#include <string_view>

namespace dfs::job {

/// What a byte is to `LC_ALL=C wc`. Other bytes neither begin nor end a word.
enum class byte_class : std::uint8_t { other, space, printable };
inline constexpr byte_class byte_class_last = byte_class::printable;

/// Lines, words and bytes, as `LC_ALL=C wc` counts them.
struct word_count {
  std::uint64_t lines = 0; ///< line breaks
  std::uint64_t words = 0;
  std::uint64_t bytes = 0;
  byte_class first = byte_class::other; ///< of the first byte that isn't `other`; `other`: none
  byte_class last = byte_class::other;

  void add(std::string_view data);
  /// Appends what was counted elsewhere; a word that goes on in `next` is one word.
  void append(const word_count& next);

  friend bool operator==(const word_count&, const word_count&) = default;
};

} // namespace dfs::job
