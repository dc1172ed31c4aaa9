#include "namespace/shared_encoding.hpp"

#include <algorithm>

namespace dfs::wire {

void write(atl::spi::writer& out, const chunk_record& chunk) {
  write(out, chunk.id);
  // More than are allowed are written all the same, for the state machine to refuse.
  auto count = std::min<std::size_t>(chunk.nodes.size(), UINT16_MAX);
  out.put(chunk.size_bytes).put(chunk.crc).put(static_cast<std::uint16_t>(count));
  for (std::size_t i = 0; i < count; ++i)
    out.put(chunk.nodes[i]);
}

void read(atl::spi::reader& in, chunk_record& chunk) {
  read(in, chunk.id);
  chunk.size_bytes = in.get<std::uint64_t>();
  chunk.crc = in.get<std::uint32_t>();
  auto count = in.get<std::uint16_t>();
  chunk.nodes.clear();
  for (std::uint16_t i = 0; i < count && in.ok(); ++i)
    chunk.nodes.push_back(in.get<storage_id>());
}

std::size_t encoded_bytes(const chunk_record& chunk) {
  return chunk_bytes_min + chunk.nodes.size() * sizeof(storage_id);
}

} // namespace dfs::wire
