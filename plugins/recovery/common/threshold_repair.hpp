#pragma once

#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <span>
#include <vector>

/// Judging and planning for codes in which any `needed` of `total` fragments make the chunk
/// (maximum distance separable codes).
namespace atl::coded {

struct threshold {
  std::uint32_t total = 1;
  std::uint32_t needed = 1;
};

bool is_enough(const threshold& code, const std::vector<bool>& present);

spi::verdict judge(const threshold& code, const spi::chunk_report& report);

/// First all rebuilds, those of the chunks that survive the fewest losses before others; each reads
/// `needed` fragments, and other ones for other fragments of the chunk, so that their load is
/// spread. A fragment is missing if it is in order nowhere. Then drops of damaged and surplus
/// fragments of chunks of which nothing is missing.
std::vector<spi::repair_step> plan(const threshold& code,
                                   std::span<const spi::chunk_report> reports);

} // namespace atl::coded
