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

/// An extent takes at least its chunk's id and size, a count of nodes, and its length.
constexpr std::size_t extent_bytes_min = wire::chunk_bytes_min + sizeof(std::uint64_t);

void write(writer& out, const commands::mkdir& c) {
  out.put(c.path).put(c.parents);
}

void write(writer& out, const commands::put_file& c) {
  out.put(c.path).put(c.mtime_us.has_value());
  if (c.mtime_us)
    out.put(*c.mtime_us);
  out.put(c.overwrite).put(c.parents);
  auto extents = std::get_if<commands::put_file::extent_list>(&c.content);
  out.put(extents != nullptr);
  if (!extents) {
    out.put(std::get<commands::put_file::inline_bytes>(c.content));
    return;
  }
  out.put(static_cast<std::uint32_t>(extents->size()));
  for (const auto& extent : *extents) {
    wire::write(out, extent.chunk);
    out.put(extent.length_bytes);
  }
}

void write(writer& out, const commands::rename& c) {
  out.put(c.from).put(c.to).put(c.overwrite);
}

void write(writer& out, const commands::remove& c) {
  out.put(c.path).put(c.recursive);
}

void write(writer& out, const commands::register_storage& c) {
  out.put(c.name).put(c.uuid).put(c.replaces);
}

void write(writer& out, const commands::relocate_chunk& c) {
  wire::write(out, c.chunk);
  out.put(c.fragment).put(c.from).put(c.to);
}

void write(writer& out, const commands::collect_garbage& c) {
  out.put(c.gc_watermark_us).put(c.reclaimed_inodes_max).put(c.session_expiry_us);
}

void read(reader& in, commands::mkdir& c) {
  c.path = in.get_string();
  c.parents = in.get<bool>();
}

void read(reader& in, commands::put_file& c) {
  c.path = in.get_string();
  if (in.get<bool>())
    c.mtime_us = in.get<std::int64_t>();
  c.overwrite = in.get<bool>();
  c.parents = in.get<bool>();
  if (!in.get<bool>()) {
    c.content = in.get_string();
    return;
  }
  auto count = in.get_count(extent_bytes_min);
  commands::put_file::extent_list extents;
  // The list grows while it is read: a hostile count must not cause a large allocation.
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    placed_extent extent;
    wire::read(in, extent.chunk);
    extent.length_bytes = in.get<std::uint64_t>();
    extents.push_back(std::move(extent));
  }
  c.content = std::move(extents);
}

void read(reader& in, commands::rename& c) {
  c.from = in.get_string();
  c.to = in.get_string();
  c.overwrite = in.get<bool>();
}

void read(reader& in, commands::remove& c) {
  c.path = in.get_string();
  c.recursive = in.get<bool>();
}

void read(reader& in, commands::register_storage& c) {
  c.name = in.get_string();
  c.uuid = in.get_string();
  c.replaces = in.get<bool>();
}

void read(reader& in, commands::relocate_chunk& c) {
  wire::read(in, c.chunk);
  c.fragment = in.get<std::uint32_t>();
  c.from = in.get<storage_id>();
  c.to = in.get<storage_id>();
}

void read(reader& in, commands::collect_garbage& c) {
  c.gc_watermark_us = in.get<std::uint64_t>();
  c.reclaimed_inodes_max = in.get<std::uint32_t>();
  c.session_expiry_us = in.get<std::uint64_t>();
}

} // namespace

std::uint8_t type_of(const action& action) {
  return static_cast<std::uint8_t>(action.index());
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
  action found;
  return wire::emplace_alternative(found, type) ? std::optional{std::move(found)} : std::nullopt;
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
