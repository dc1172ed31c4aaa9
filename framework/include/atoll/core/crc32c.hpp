#pragma once

#include <cstdint>
#include <string_view>

namespace atl {

/// CRC-32C (Castagnoli) of `bytes`, continuing from `before` (0: from the start).
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

} // namespace atl
