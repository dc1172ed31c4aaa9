#include "namespace/records.hpp"

#include "namespace/namespace_limits.hpp"
#include "namespace/shared_encoding.hpp"

#include <optional>

namespace dfs::state {

using atl::spi::reader;
using atl::spi::writer;

namespace {

constexpr std::uint8_t row_version = 1;

writer begin_row() {
  writer out;
  out.put(row_version);
  return out;
}

/// A reader behind the version, which fails for another version.
reader open_row(std::string_view bytes) {
  reader in{bytes};
  if (in.get<std::uint8_t>() != row_version)
    in.fail();
  return in;
}

} // namespace

std::string encode(const meta& value) {
  auto out = begin_row();
  out.put(value.storages).put(value.mounts).put(value.policies);
  for (auto field : {value.next_inode,
                     value.files,
                     value.directories,
                     value.others,
                     value.chunks,
                     value.incomplete_chunks,
                     value.bytes,
                     value.inline_bytes,
                     value.orphans,
                     value.settings,
                     value.live_mounts,
                     value.ended_mounts,
                     value.gc_watermark_us,
                     value.trash_entries,
                     value.trash_bytes,
                     value.trash_uncounted,
                     value.trash_expired_us,
                     value.trash_policies,
                     value.index_base,
                     value.relocation_term})
    out.put(field);
  return out.take();
}

bool decode(std::string_view bytes, meta& value) {
  auto in = open_row(bytes);
  value.storages = in.get<storage_id>();
  value.mounts = in.get<mount_id>();
  value.policies = in.get<policy_id>();
  for (auto* field : {&value.next_inode,
                      &value.files,
                      &value.directories,
                      &value.others,
                      &value.chunks,
                      &value.incomplete_chunks,
                      &value.bytes,
                      &value.inline_bytes,
                      &value.orphans,
                      &value.settings,
                      &value.live_mounts,
                      &value.ended_mounts,
                      &value.gc_watermark_us,
                      &value.trash_entries,
                      &value.trash_bytes,
                      &value.trash_uncounted,
                      &value.trash_expired_us,
                      &value.trash_policies,
                      &value.index_base,
                      &value.relocation_term})
    *field = in.get<std::uint64_t>();
  return in.done();
}

std::string encode(const dirent& value) {
  auto out = begin_row();
  out.put(value.id).put(value.type);
  return out.take();
}

bool decode(std::string_view bytes, dirent& value) {
  auto in = open_row(bytes);
  value.id = in.get<inode_id>();
  value.type = in.get_enum(inode_type_last);
  return in.done();
}

std::string encode(const inode& value) {
  auto out = begin_row();
  wire::write(out, static_cast<const inode_attributes&>(value));
  out.put(value.subdirectories).put(value.holders).put(value.xattr_bytes);
  out.put(value.inline_bytes).put(value.trash_expires_us);
  return out.take();
}

bool decode(std::string_view bytes, inode& value) {
  auto in = open_row(bytes);
  wire::read(in, static_cast<inode_attributes&>(value));
  value.subdirectories = in.get<std::uint32_t>();
  value.holders = in.get<std::uint32_t>();
  value.xattr_bytes = in.get<std::uint32_t>();
  value.inline_bytes = in.get<std::uint64_t>();
  value.trash_expires_us = in.get<std::uint64_t>();
  return in.done();
}

std::string encode(const extent& value) {
  auto out = begin_row();
  auto* part = std::get_if<extent::part>(&value.content);
  out.put(value.begin).put(part != nullptr);
  if (part) {
    wire::write(out, part->chunk);
    out.put(part->offset_bytes);
  } else {
    out.put(std::get<std::string>(value.content));
  }
  return out.take();
}

bool decode(std::string_view bytes, extent& value) {
  auto in = open_row(bytes);
  value.begin = in.get<std::uint64_t>();
  if (in.get<bool>()) {
    extent::part part;
    wire::read(in, part.chunk);
    part.offset_bytes = in.get<std::uint64_t>();
    value.content = part;
  } else {
    value.content = in.get_string(limits::inline_bytes_max);
  }
  return in.done();
}

std::string encode(const stored_chunk& value) {
  auto out = begin_row();
  out.put(value.size_bytes).put(value.references).put(value.live_bytes);
  out.put(value.crc).put(value.policy);
  out.put(static_cast<std::uint8_t>(value.nodes.size()));
  for (auto node : value.nodes)
    out.put(node);
  return out.take();
}

bool decode(std::string_view bytes, stored_chunk& value) {
  auto in = open_row(bytes);
  value.size_bytes = in.get<std::uint64_t>();
  value.references = in.get<std::uint64_t>();
  value.live_bytes = in.get<std::uint64_t>();
  value.crc = in.get<std::uint32_t>();
  value.policy = in.get<policy_id>();
  value.nodes.resize(in.get<std::uint8_t>());
  for (auto& node : value.nodes)
    node = in.get<storage_id>();
  return in.done();
}

std::string encode(const storage_record& value) {
  auto out = begin_row();
  out.put(value.name).put(value.uuid).put(value.state);
  return out.take();
}

bool decode(std::string_view bytes, storage_record& value) {
  auto in = open_row(bytes);
  value.name = in.get_string(limits::storage_name_bytes_max);
  value.uuid = in.get_string(limits::storage_uuid_bytes_max);
  value.state = in.get_enum(storage_state_last);
  return in.done();
}

std::string encode(const mount_record& value) {
  auto out = begin_row();
  out.put(value.name).put(value.begun_us).put(value.ended);
  return out.take();
}

bool decode(std::string_view bytes, mount_record& value) {
  auto in = open_row(bytes);
  value.name = in.get_string(limits::mount_name_bytes_max);
  value.begun_us = in.get<std::uint64_t>();
  value.ended = in.get<bool>();
  return in.done();
}

std::string encode(const setting_record& value) {
  auto out = begin_row();
  out.put(value.version).put(value.value);
  return out.take();
}

bool decode(std::string_view bytes, setting_record& value) {
  auto in = open_row(bytes);
  value.version = in.get<std::uint64_t>();
  value.value = in.get_string(limits::setting_value_bytes_max);
  return in.done();
}

std::string encode(const policy& value) {
  auto out = begin_row();
  write(out, value);
  return out.take();
}

bool decode(std::string_view bytes, policy& value) {
  auto in = open_row(bytes);
  read(in, value);
  return in.done();
}

std::string encode(const trash_record& value) {
  auto out = begin_row();
  out.put(value.removed_us);
  wire::write(out, value.from);
  out.put(value.bytes).put(value.inodes).put(value.is_counted);
  return out.take();
}

bool decode(std::string_view bytes, trash_record& value) {
  auto in = open_row(bytes);
  value.removed_us = in.get<std::uint64_t>();
  wire::read(in, value.from);
  value.bytes = in.get<std::uint64_t>();
  value.inodes = in.get<std::uint64_t>();
  value.is_counted = in.get<bool>();
  return in.done();
}

std::string encode(const trash_walk& value) {
  auto out = begin_row();
  out.put(static_cast<std::uint32_t>(value.steps.size()));
  for (const auto& step : value.steps)
    out.put(step.directory).put(step.after);
  return out.take();
}

bool decode(std::string_view bytes, trash_walk& value) {
  auto in = open_row(bytes);
  auto count = in.get_count(sizeof(inode_id) + sizeof(std::uint32_t));
  value.steps.clear();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    auto& step = value.steps.emplace_back();
    step.directory = in.get<inode_id>();
    step.after = in.get_string(limits::name_bytes_max);
  }
  return in.done();
}

std::string encode_mark() {
  return begin_row().take();
}

std::string encode_id(std::uint32_t id) {
  auto out = begin_row();
  out.put(id);
  return out.take();
}

bool decode_id(std::string_view bytes, std::uint32_t& id) {
  auto in = open_row(bytes);
  id = in.get<std::uint32_t>();
  return in.done();
}

std::string encode_bytes(std::string_view bytes) {
  auto out = begin_row();
  out.put(bytes);
  return out.take();
}

bool decode_bytes(std::string_view bytes, std::string& value) {
  auto in = open_row(bytes);
  value = in.get_string();
  return in.done();
}

} // namespace dfs::state
