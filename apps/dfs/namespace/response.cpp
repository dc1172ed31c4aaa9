#include "namespace/response.hpp"

#include "namespace/namespace_limits.hpp"
#include "namespace/shared_encoding.hpp"

#include <algorithm>

namespace dfs {

using atl::spi::reader;
using atl::spi::writer;

namespace responses {

namespace {

constexpr std::size_t entry_bytes_min = 4 + 8 + 1 + 8 + 8 + 8 + 8;
constexpr std::size_t storage_bytes_min = 4 + 4 + 4;

void write_chunks(writer& out, const std::vector<chunk_record>& chunks) {
  out.put(static_cast<std::uint32_t>(chunks.size()));
  for (const auto& chunk : chunks)
    wire::write(out, chunk);
}

void read_chunks(reader& in, std::vector<chunk_record>& chunks) {
  auto count = in.get_count(wire::chunk_bytes_min);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i)
    wire::read(in, chunks.emplace_back());
}

void write(writer& out, const storage_node& node) {
  out.put(node.id).put(node.name).put(node.uuid);
}

void read(reader& in, storage_node& node) {
  node.id = in.get<storage_id>();
  node.name = in.get_string(limits::storage_name_bytes_max);
  node.uuid = in.get_string(limits::storage_uuid_bytes_max);
}

} // namespace

void write(writer& out, const changed& answer) {
  out.put(answer.inode).put(answer.version);
}

void read(reader& in, changed& answer) {
  answer.inode = in.get<inode_id>();
  answer.version = in.get<std::uint64_t>();
}

void write(writer& out, const registered& answer) {
  out.put(answer.id);
}

void read(reader& in, registered& answer) {
  answer.id = in.get<storage_id>();
}

void write(writer& out, const garbage_collected& answer) {
  out.put(answer.gc_watermark_us).put(answer.reclaimed_inodes);
  out.put(answer.expired_sessions).put(answer.pending_removals);
}

void read(reader& in, garbage_collected& answer) {
  answer.gc_watermark_us = in.get<std::uint64_t>();
  answer.reclaimed_inodes = in.get<std::uint32_t>();
  answer.expired_sessions = in.get<std::uint32_t>();
  answer.pending_removals = in.get<std::uint64_t>();
}

void write(writer& out, const entry& answer) {
  out.put(answer.name).put(answer.inode).put(answer.type).put(answer.size_bytes);
  out.put(answer.mtime_us).put(answer.version).put(answer.entries);
}

void read(reader& in, entry& answer) {
  answer.name = in.get_string(limits::name_bytes_max);
  answer.inode = in.get<inode_id>();
  answer.type = in.get_enum(inode_type_last);
  answer.size_bytes = in.get<std::uint64_t>();
  answer.mtime_us = in.get<std::int64_t>();
  answer.version = in.get<std::uint64_t>();
  answer.entries = in.get<std::uint64_t>();
}

void write(writer& out, const listing& answer) {
  out.put(static_cast<std::uint32_t>(answer.entries.size()));
  for (const auto& entry : answer.entries)
    write(out, entry);
  out.put(answer.more);
}

void read(reader& in, listing& answer) {
  auto count = in.get_count(entry_bytes_min);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i)
    read(in, answer.entries.emplace_back());
  answer.more = in.get<bool>();
}

void write(writer& out, const opened& answer) {
  out.put(answer.inode).put(answer.version).put(answer.size_bytes).put(answer.mtime_us);
  out.put(answer.extents_total).put(answer.first_extent).put(answer.inline_bytes);
  out.put(static_cast<std::uint32_t>(answer.extents.size()));
  for (const auto& extent : answer.extents) {
    wire::write(out, extent.chunk);
    out.put(extent.length_bytes);
  }
  out.put(answer.more);
}

void read(reader& in, opened& answer) {
  answer.inode = in.get<inode_id>();
  answer.version = in.get<std::uint64_t>();
  answer.size_bytes = in.get<std::uint64_t>();
  answer.mtime_us = in.get<std::int64_t>();
  answer.extents_total = in.get<std::uint32_t>();
  answer.first_extent = in.get<std::uint32_t>();
  answer.inline_bytes = in.get_string(limits::inline_bytes_max);
  auto count = in.get_count(wire::chunk_bytes_min + sizeof(std::uint64_t));
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    auto& extent = answer.extents.emplace_back();
    wire::read(in, extent.chunk);
    extent.length_bytes = in.get<std::uint64_t>();
  }
  answer.more = in.get<bool>();
}

void write(writer& out, const summary& answer) {
  out.put(answer.cluster_id).put(answer.applied).put(answer.gc_watermark_us).put(answer.latest_us);
  out.put(answer.files).put(answer.directories).put(answer.chunks).put(answer.bytes);
  out.put(answer.sessions).put(answer.pending_removals);
  out.put(static_cast<std::uint32_t>(answer.storages.size()));
  for (const auto& node : answer.storages)
    write(out, node);
  out.put(answer.more);
}

void read(reader& in, summary& answer) {
  answer.cluster_id = in.get_string(limits::cluster_id_bytes_max);
  for (auto* field : {&answer.applied, &answer.gc_watermark_us, &answer.latest_us, &answer.files,
                      &answer.directories, &answer.chunks, &answer.bytes, &answer.sessions,
                      &answer.pending_removals})
    *field = in.get<std::uint64_t>();
  auto count = in.get_count(storage_bytes_min);
  for (std::uint32_t i = 0; i < count && in.ok(); ++i)
    read(in, answer.storages.emplace_back());
  answer.more = in.get<bool>();
}

void write(writer& out, const chunk_page& answer) {
  write_chunks(out, answer.chunks);
  out.put(answer.more);
}

void read(reader& in, chunk_page& answer) {
  read_chunks(in, answer.chunks);
  answer.more = in.get<bool>();
}

void write(writer& out, const known_chunks& answer) {
  out.put(answer.examined);
  write_chunks(out, answer.chunks);
}

void read(reader& in, known_chunks& answer) {
  answer.examined = in.get<std::uint32_t>();
  read_chunks(in, answer.chunks);
}

} // namespace responses

} // namespace dfs
