#include <atoll/core/crc32c.hpp>

#include <isa-l/crc.h>

#include <algorithm>
#include <climits>

namespace atl {

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  // ISA-L leaves the inversion before and after to the caller, takes the length as an int, and
  // doesn't write to its input in spite of the pointer's type.
  auto crc = ~before;
  while (!bytes.empty()) {
    auto size = std::min<std::size_t>(bytes.size(), INT_MAX / 2);
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    crc = crc32_iscsi(data, static_cast<int>(size), crc);
    bytes.remove_prefix(size);
  }
  return ~crc;
}

} // namespace atl
