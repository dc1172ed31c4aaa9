#include "namespace/records.hpp"

#include "namespace/namespace_limits.hpp"
#include "namespace/shared_encoding.hpp"

namespace dfs::state {

using atl::spi::reader;
using atl::spi::writer;

std::string encode(const meta& value) {
  writer out;
  out.put(value.storages);
  for (auto field : {value.next_inode, value.files, value.directories, value.chunks, value.bytes,
                     value.orphans, value.gc_watermark_us})
    out.put(field);
  return out.take();
}

bool decode(std::string_view bytes, meta& value) {
  reader in{bytes};
  value.storages = in.get<storage_id>();
  for (auto* field : {&value.next_inode, &value.files, &value.directories, &value.chunks,
                      &value.bytes, &value.orphans, &value.gc_watermark_us})
    *field = in.get<std::uint64_t>();
  return in.done();
}

std::string encode(const dirent& value) {
  writer out;
  out.put(value.id).put(value.type);
  return out.take();
}

bool decode(std::string_view bytes, dirent& value) {
  reader in{bytes};
  value.id = in.get<inode_id>();
  value.type = in.get_enum(inode_type_last);
  return in.done();
}

std::string encode(const inode& value) {
  writer out;
  out.put(value.type).put(value.size_bytes).put(value.mtime_us).put(value.version);
  out.put(value.entries).put(value.extents);
  return out.take();
}

bool decode(std::string_view bytes, inode& value) {
  reader in{bytes};
  value.type = in.get_enum(inode_type_last);
  value.size_bytes = in.get<std::uint64_t>();
  value.mtime_us = in.get<std::int64_t>();
  value.version = in.get<std::uint64_t>();
  value.entries = in.get<std::uint64_t>();
  value.extents = in.get<std::uint32_t>();
  return in.done();
}

std::string encode(const extent& value) {
  writer out;
  wire::write(out, value.chunk);
  out.put(value.length_bytes);
  return out.take();
}

bool decode(std::string_view bytes, extent& value) {
  reader in{bytes};
  wire::read(in, value.chunk);
  value.length_bytes = in.get<std::uint64_t>();
  return in.done();
}

std::string encode(const stored_chunk& value) {
  writer out;
  out.put(value.size_bytes).put(value.references).put(value.crc);
  out.put(static_cast<std::uint8_t>(value.nodes.size()));
  for (auto node : value.nodes)
    out.put(node);
  return out.take();
}

bool decode(std::string_view bytes, stored_chunk& value) {
  reader in{bytes};
  value.size_bytes = in.get<std::uint64_t>();
  value.references = in.get<std::uint64_t>();
  value.crc = in.get<std::uint32_t>();
  value.nodes.resize(in.get<std::uint8_t>());
  for (auto& node : value.nodes)
    node = in.get<storage_id>();
  return in.done();
}

std::string encode(const storage_record& value) {
  writer out;
  out.put(value.name).put(value.uuid).put(value.retired);
  return out.take();
}

bool decode(std::string_view bytes, storage_record& value) {
  reader in{bytes};
  value.name = in.get_string(limits::storage_name_bytes_max);
  value.uuid = in.get_string(limits::storage_uuid_bytes_max);
  value.retired = in.get<bool>();
  return in.done();
}

std::string encode_storage_id(storage_id id) {
  writer out;
  out.put(id);
  return out.take();
}

bool decode(std::string_view bytes, storage_id& id) {
  reader in{bytes};
  id = in.get<storage_id>();
  return in.done();
}

} // namespace dfs::state
