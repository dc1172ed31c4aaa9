#include "namespace/command.hpp"

#include "namespace/namespace_limits.hpp"
#include "namespace/shared_encoding.hpp"

#include <fmt/format.h>

#include <utility>

namespace dfs {

using atl::errc;
using atl::fail;
using atl::spi::reader;
using atl::spi::writer;

namespace {

template <class T>
void put(writer& out, const std::optional<T>& value) {
  out.put(value.has_value());
  if (value)
    out.put(*value);
}

template <class T>
void get(reader& in, std::optional<T>& value) {
  value.reset();
  if (in.get<bool>())
    value = in.get<T>();
}

template <class T>
void put(writer& out, const std::vector<T>& ids) {
  out.put(static_cast<std::uint32_t>(ids.size()));
  for (auto id : ids)
    out.put(id);
}

template <class T>
void get(reader& in, std::vector<T>& ids) {
  auto count = in.get_count(sizeof(T));
  for (std::uint32_t i = 0; i < count && in.ok(); ++i)
    ids.push_back(in.get<T>());
}

void write(writer& out, const commands::make& c) {
  wire::write(out, c.where);
  const auto& inode = c.inode;
  out.put(inode.type).put(inode.mode).put(inode.uid).put(inode.gid).put(inode.device);
  put(out, inode.atime_ns);
  put(out, inode.mtime_ns);
  out.put(c.existing).put(c.parents).put(c.parents_mode).put(c.size_bytes);
  wire::write(out, c.content);
}

void read(reader& in, commands::make& c) {
  wire::read(in, c.where);
  auto& inode = c.inode;
  inode.type = in.get_enum(inode_type_last);
  inode.mode = in.get<std::uint16_t>();
  inode.uid = in.get<std::uint32_t>();
  inode.gid = in.get<std::uint32_t>();
  inode.device = in.get<std::uint64_t>();
  get(in, inode.atime_ns);
  get(in, inode.mtime_ns);
  c.existing = in.get_enum(commands::make::if_exists_last);
  c.parents = in.get<bool>();
  c.parents_mode = in.get<std::uint16_t>();
  c.size_bytes = in.get<std::uint64_t>();
  wire::read(in, c.content);
}

void write(writer& out, const commands::link& c) {
  wire::write(out, c.from);
  wire::write(out, c.to);
}

void read(reader& in, commands::link& c) {
  wire::read(in, c.from);
  wire::read(in, c.to);
}

void write(writer& out, const commands::unlink& c) {
  wire::write(out, c.where);
  out.put(c.expected).put(c.recursive);
  put(out, c.keep_for);
}

void read(reader& in, commands::unlink& c) {
  wire::read(in, c.where);
  c.expected = in.get_enum(commands::unlink::expect_last);
  c.recursive = in.get<bool>();
  get(in, c.keep_for);
}

void write(writer& out, const commands::rename& c) {
  wire::write(out, c.from);
  wire::write(out, c.to);
  out.put(c.mode);
  put(out, c.keep_for);
}

void read(reader& in, commands::rename& c) {
  wire::read(in, c.from);
  wire::read(in, c.to);
  c.mode = in.get_enum(commands::rename::how_last);
  get(in, c.keep_for);
}

void write(writer& out, const commands::set_attributes& c) {
  wire::write(out, c.where);
  put(out, c.mode);
  put(out, c.uid);
  put(out, c.gid);
  put(out, c.size_bytes);
  put(out, c.atime_ns);
  put(out, c.mtime_ns);
  out.put(c.now_atime).put(c.now_mtime).put(c.drop_privileges);
}

void read(reader& in, commands::set_attributes& c) {
  wire::read(in, c.where);
  get(in, c.mode);
  get(in, c.uid);
  get(in, c.gid);
  get(in, c.size_bytes);
  get(in, c.atime_ns);
  get(in, c.mtime_ns);
  c.now_atime = in.get<bool>();
  c.now_mtime = in.get<bool>();
  c.drop_privileges = in.get<bool>();
}

void write(writer& out, const commands::write& c) {
  wire::write(out, c.where);
  put(out, c.expected_data_version);
  out.put(c.append).put(c.drop_privileges);
  put(out, c.mtime_ns);
  wire::write(out, c.pieces);
}

void read(reader& in, commands::write& c) {
  wire::read(in, c.where);
  get(in, c.expected_data_version);
  c.append = in.get<bool>();
  c.drop_privileges = in.get<bool>();
  get(in, c.mtime_ns);
  wire::read(in, c.pieces);
}

void write(writer& out, const commands::clone_range& c) {
  wire::write(out, c.from);
  wire::write(out, c.to);
  out.put(c.from_offset).put(c.to_offset).put(c.length_bytes);
}

void read(reader& in, commands::clone_range& c) {
  wire::read(in, c.from);
  wire::read(in, c.to);
  c.from_offset = in.get<std::uint64_t>();
  c.to_offset = in.get<std::uint64_t>();
  c.length_bytes = in.get<std::uint64_t>();
}

void write(writer& out, const commands::set_xattr& c) {
  wire::write(out, c.where);
  out.put(c.name).put(c.value).put(c.mode);
}

void read(reader& in, commands::set_xattr& c) {
  wire::read(in, c.where);
  c.name = in.get_string();
  c.value = in.get_string();
  c.mode = in.get_enum(commands::set_xattr::how_last);
}

void write(writer& out, const commands::remove_xattr& c) {
  wire::write(out, c.where);
  out.put(c.name);
}

void read(reader& in, commands::remove_xattr& c) {
  wire::read(in, c.where);
  c.name = in.get_string();
}

void write(writer& out, const commands::define_policy& c) {
  dfs::write(out, c.policy);
}

void read(reader& in, commands::define_policy& c) {
  dfs::read(in, c.policy);
}

void write(writer& out, const commands::set_policy& c) {
  wire::write(out, c.where);
  out.put(c.policy).put(c.only_first);
}

void read(reader& in, commands::set_policy& c) {
  wire::read(in, c.where);
  c.policy = in.get<policy_id>();
  c.only_first = in.get<bool>();
}

void write(writer& out, const commands::register_storage& c) {
  out.put(c.name).put(c.uuid).put(c.replaces);
}

void read(reader& in, commands::register_storage& c) {
  c.name = in.get_string();
  c.uuid = in.get_string();
  c.replaces = in.get<bool>();
}

void write(writer& out, const commands::set_storage& c) {
  out.put(c.id).put(c.to);
}

void read(reader& in, commands::set_storage& c) {
  c.id = in.get<storage_id>();
  c.to = in.get_enum(storage_state_last);
}

void write(writer& out, const commands::relocate& c) {
  out.put(c.term).put(static_cast<std::uint32_t>(c.moves.size()));
  for (const auto& move : c.moves) {
    wire::write(out, move.chunk);
    out.put(move.fragment).put(move.from).put(move.to);
  }
}

void read(reader& in, commands::relocate& c) {
  c.term = in.get<std::uint64_t>();
  auto count = in.get_count(wire::id_bytes + 3 * sizeof(std::uint32_t));
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    auto& move = c.moves.emplace_back();
    wire::read(in, move.chunk);
    move.fragment = in.get<std::uint32_t>();
    move.from = in.get<storage_id>();
    move.to = in.get<storage_id>();
  }
}

void write(writer& out, const commands::configure& c) {
  out.put(c.key).put(c.value);
  put(out, c.expected_version);
}

void read(reader& in, commands::configure& c) {
  c.key = in.get_string();
  c.value = in.get_string();
  get(in, c.expected_version);
}

void write(writer& out, const commands::begin_mount& c) {
  out.put(c.name);
}

void read(reader& in, commands::begin_mount& c) {
  c.name = in.get_string();
}

void write(writer& out, const commands::end_mount& c) {
  out.put(c.mount);
}

void read(reader& in, commands::end_mount& c) {
  c.mount = in.get<mount_id>();
}

void write(writer& out, const commands::release& c) {
  out.put(c.mount);
  put(out, c.inodes);
}

void read(reader& in, commands::release& c) {
  c.mount = in.get<mount_id>();
  get(in, c.inodes);
}

void write(writer& out, const commands::collect_garbage& c) {
  out.put(c.gc_watermark_us)
      .put(c.reclaimed_inodes_max)
      .put(c.session_expiry_us)
      .put(c.discarded_trash_bytes);
}

void read(reader& in, commands::collect_garbage& c) {
  c.gc_watermark_us = in.get<std::uint64_t>();
  c.reclaimed_inodes_max = in.get<std::uint32_t>();
  c.session_expiry_us = in.get<std::uint64_t>();
  c.discarded_trash_bytes = in.get<std::uint64_t>();
}

void write(writer& out, const commands::restore& c) {
  out.put(c.inode).put(c.to.has_value());
  if (c.to)
    wire::write(out, *c.to);
  out.put(c.parents_mode).put(c.uid).put(c.gid);
}

void read(reader& in, commands::restore& c) {
  c.inode = in.get<inode_id>();
  c.to.reset();
  if (in.get<bool>())
    wire::read(in, c.to.emplace());
  c.parents_mode = in.get<std::uint16_t>();
  c.uid = in.get<std::uint32_t>();
  c.gid = in.get<std::uint32_t>();
}

void write(writer& out, const commands::discard& c) {
  put(out, c.inodes);
}

void read(reader& in, commands::discard& c) {
  get(in, c.inodes);
}

void write(writer& out, const commands::replace_chunk& c) {
  out.put(c.inode).put(c.offset_bytes).put(c.length_bytes);
  wire::write(out, c.from);
  out.put(static_cast<std::uint32_t>(c.to.size()));
  for (const auto& chunk : c.to)
    wire::write(out, chunk);
  out.put(c.policy);
}

void read(reader& in, commands::replace_chunk& c) {
  c.inode = in.get<inode_id>();
  c.offset_bytes = in.get<std::uint64_t>();
  c.length_bytes = in.get<std::uint64_t>();
  wire::read(in, c.from);
  auto count = in.get_count(wire::chunk_bytes_min);
  if (count > limits::replacing_chunks_max)
    in.fail();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i)
    wire::read(in, c.to.emplace_back());
  c.policy = in.get<policy_id>();
}

void write(writer& out, const single_action& action) {
  std::visit([&](const auto& wanted) { write(out, wanted); }, action);
}

void read(reader& in, single_action& action) {
  std::visit([&](auto& wanted) { read(in, wanted); }, action);
}

void write(writer& out, const commands::batch& c) {
  out.put(static_cast<std::uint32_t>(c.actions.size()));
  for (const auto& action : c.actions) {
    out.put(static_cast<std::uint8_t>(action.index()));
    write(out, action);
  }
}

void read(reader& in, commands::batch& c) {
  auto count = in.get_count();
  if (count > limits::actions_per_batch_max)
    in.fail();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    if (!wire::emplace_alternative(c.actions.emplace_back(), in.get<std::uint8_t>()))
      in.fail();
    read(in, c.actions.back());
  }
}

} // namespace

std::uint8_t type_of(const action& action) {
  if (auto* single = std::get_if<single_action>(&action))
    return static_cast<std::uint8_t>(single->index());
  return batch_type;
}

std::string encode_body(const action& action) {
  writer out;
  std::visit([&](const auto& wanted) { write(out, wanted); }, action);
  return out.take();
}

std::string encode(const command& command) {
  auto body = encode_body(command.action);
  return atl::encode(atl::session_command{
      command.session, command.sequence, command.time_us, {type_of(command.action), body}});
}

std::optional<action> action_of_type(std::uint8_t type) {
  if (type == batch_type)
    return commands::batch{};
  single_action found;
  return wire::emplace_alternative(found, type) ? std::optional<action>{std::move(found)}
                                                : std::nullopt;
}

atl::result<action> decode_action(const atl::service_command& command) {
  auto decoded = action_of_type(command.type);
  if (!decoded)
    return fail(errc::invalid, fmt::format("a command of type {} is unknown here; bring all "
                                           "masters to the same release",
                                           command.type));
  reader in{command.body};
  std::visit([&](auto& action) { read(in, action); }, *decoded);
  if (!in.done())
    return fail(errc::invalid, "the bytes are no command: they end early or go on too long");
  return std::move(*decoded);
}

atl::result<command> decode_command(std::string_view bytes) {
  auto envelope = atl::decode_session_command(bytes);
  if (!envelope)
    return tl::unexpected{envelope.error()};
  auto action = decode_action(envelope->command);
  if (!action)
    return tl::unexpected{action.error()};
  return command{envelope->session, envelope->sequence, envelope->time_us, std::move(*action)};
}

} // namespace dfs
