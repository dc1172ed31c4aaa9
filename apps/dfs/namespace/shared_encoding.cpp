#include "namespace/shared_encoding.hpp"

#include "namespace/namespace_limits.hpp"

#include <algorithm>

namespace dfs::wire {

using atl::spi::reader;
using atl::spi::writer;

void write(writer& out, const place& where) {
  out.put(where.at).put(where.path);
}

void read(reader& in, place& where) {
  where.at = in.get<inode_id>();
  where.path = in.get_string();
}

void write(writer& out, const inode_attributes& a) {
  out.put(a.type).put(a.mode).put(a.uid).put(a.gid).put(a.links).put(a.device).put(a.size_bytes);
  out.put(a.atime_ns).put(a.mtime_ns).put(a.ctime_ns).put(a.btime_ns);
  out.put(a.version).put(a.data_version).put(a.parent).put(a.entries);
  out.put(a.extents).put(a.policy).put(a.quota_root);
}

void read(reader& in, inode_attributes& a) {
  a.type = in.get_enum(inode_type_last);
  a.mode = in.get<std::uint16_t>();
  a.uid = in.get<std::uint32_t>();
  a.gid = in.get<std::uint32_t>();
  a.links = in.get<std::uint32_t>();
  a.device = in.get<std::uint64_t>();
  a.size_bytes = in.get<std::uint64_t>();
  for (auto* time : {&a.atime_ns, &a.mtime_ns, &a.ctime_ns, &a.btime_ns})
    *time = in.get<std::int64_t>();
  a.version = in.get<std::uint64_t>();
  a.data_version = in.get<std::uint64_t>();
  a.parent = in.get<inode_id>();
  a.entries = in.get<std::uint64_t>();
  a.extents = in.get<std::uint32_t>();
  a.policy = in.get<policy_id>();
  a.quota_root = in.get<inode_id>();
}

void write(writer& out, const chunk_record& chunk) {
  write(out, chunk.id);
  // More than are allowed are written all the same, for the state machine to refuse.
  auto count = std::min<std::size_t>(chunk.nodes.size(), UINT16_MAX);
  out.put(chunk.size_bytes).put(chunk.crc).put(chunk.policy);
  out.put(static_cast<std::uint16_t>(count));
  for (std::size_t i = 0; i < count; ++i)
    out.put(chunk.nodes[i]);
}

void read(reader& in, chunk_record& chunk) {
  read(in, chunk.id);
  chunk.size_bytes = in.get<std::uint64_t>();
  chunk.crc = in.get<std::uint32_t>();
  chunk.policy = in.get<policy_id>();
  auto count = in.get<std::uint16_t>();
  chunk.nodes.clear();
  for (std::uint16_t i = 0; i < count && in.ok(); ++i)
    chunk.nodes.push_back(in.get<storage_id>());
}

std::size_t encoded_bytes(const chunk_record& chunk) {
  return chunk_bytes_min + chunk.nodes.size() * sizeof(storage_id);
}

void write(writer& out, const piece& part) {
  out.put(part.offset_bytes).put(part.length_bytes);
  out.put(static_cast<std::uint8_t>(part.content.index()));
  if (auto* bytes = std::get_if<std::string>(&part.content)) {
    out.put(*bytes);
  } else if (auto* stored = std::get_if<chunk_part>(&part.content)) {
    write(out, stored->chunk);
    out.put(stored->offset_bytes);
  }
}

void read(reader& in, piece& part) {
  part.offset_bytes = in.get<std::uint64_t>();
  part.length_bytes = in.get<std::uint64_t>();
  if (!emplace_alternative(part.content, in.get<std::uint8_t>()))
    in.fail();
  if (auto* bytes = std::get_if<std::string>(&part.content)) {
    *bytes = in.get_string(limits::inline_bytes_max);
  } else if (auto* stored = std::get_if<chunk_part>(&part.content)) {
    read(in, stored->chunk);
    stored->offset_bytes = in.get<std::uint64_t>();
  }
}

std::size_t encoded_bytes(const piece& part) {
  if (auto* bytes = std::get_if<std::string>(&part.content))
    return piece_bytes_min + sizeof(std::uint32_t) + bytes->size();
  if (auto* stored = std::get_if<chunk_part>(&part.content))
    return piece_bytes_min + encoded_bytes(stored->chunk) + sizeof(std::uint64_t);
  return piece_bytes_min;
}

void write(writer& out, const std::vector<piece>& pieces) {
  out.put(static_cast<std::uint32_t>(pieces.size()));
  for (const auto& part : pieces)
    write(out, part);
}

void read(reader& in, std::vector<piece>& pieces) {
  auto count = in.get_count(piece_bytes_min);
  pieces.clear();
  // The list grows while it is read: a hostile count must not cause a large allocation.
  for (std::uint32_t i = 0; i < count && in.ok(); ++i)
    read(in, pieces.emplace_back());
}

} // namespace dfs::wire
