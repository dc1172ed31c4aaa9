#include "namespace/query.hpp"

#include "namespace/namespace_limits.hpp"
#include "namespace/shared_encoding.hpp"

#include <fmt/format.h>

namespace dfs {

using atl::errc;
using atl::fail;
using atl::spi::reader;
using atl::spi::writer;

namespace {

constexpr std::uint8_t query_version = 2;

void write(writer& out, const queries::stat& q) {
  wire::write(out, q.where);
}
void read(reader& in, queries::stat& q) {
  wire::read(in, q.where);
}

void write(writer& out, const queries::list& q) {
  wire::write(out, q.where);
  out.put(q.after).put(q.limit);
}
void read(reader& in, queries::list& q) {
  wire::read(in, q.where);
  q.after = in.get_string(limits::name_bytes_max);
  q.limit = in.get<std::uint32_t>();
}

void write(writer& out, const queries::open& q) {
  wire::write(out, q.where);
  out.put(q.from_offset);
}
void read(reader& in, queries::open& q) {
  wire::read(in, q.where);
  q.from_offset = in.get<std::uint64_t>();
}

void write(writer& out, const queries::get_xattr& q) {
  wire::write(out, q.where);
  out.put(q.name);
}
void read(reader& in, queries::get_xattr& q) {
  wire::read(in, q.where);
  q.name = in.get_string(limits::xattr_name_bytes_max);
}

void write(writer& out, const queries::list_xattrs& q) {
  wire::write(out, q.where);
  out.put(q.after);
}
void read(reader& in, queries::list_xattrs& q) {
  wire::read(in, q.where);
  q.after = in.get_string(limits::xattr_name_bytes_max);
}

void write(writer& out, const queries::policy_of& q) {
  wire::write(out, q.where);
  out.put(q.for_new_file);
}
void read(reader& in, queries::policy_of& q) {
  wire::read(in, q.where);
  q.for_new_file = in.get<bool>();
}

void write(writer& out, const queries::policies& q) {
  out.put(q.after);
}
void read(reader& in, queries::policies& q) {
  q.after = in.get<policy_id>();
}

void write(writer& out, const queries::settings& q) {
  out.put(q.after);
}
void read(reader& in, queries::settings& q) {
  q.after = in.get_string(limits::setting_key_bytes_max);
}

void write(writer& out, const queries::mounts& q) {
  out.put(q.after);
}
void read(reader& in, queries::mounts& q) {
  q.after = in.get<mount_id>();
}

void write(writer& out, const queries::summary& q) {
  out.put(q.after);
}
void read(reader& in, queries::summary& q) {
  q.after = in.get<storage_id>();
}

void write(writer& out, const queries::chunks_on& q) {
  out.put(q.node);
  wire::write(out, q.after);
  out.put(q.limit);
}
void read(reader& in, queries::chunks_on& q) {
  q.node = in.get<storage_id>();
  wire::read(in, q.after);
  q.limit = in.get<std::uint32_t>();
}

void write(writer& out, const queries::known& q) {
  out.put(static_cast<std::uint32_t>(q.ids.size()));
  for (const auto& id : q.ids)
    wire::write(out, id);
}
void read(reader& in, queries::known& q) {
  auto count = in.get_count(wire::id_bytes);
  if (count > limits::known_ids_max)
    in.fail();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i)
    wire::read(in, q.ids.emplace_back());
}

void write(writer& out, const queries::all_chunks& q) {
  wire::write(out, q.after);
  out.put(q.limit);
}
void read(reader& in, queries::all_chunks& q) {
  wire::read(in, q.after);
  q.limit = in.get<std::uint32_t>();
}

void write(writer& out, const queries::incomplete& q) {
  out.put(q.after_spare);
  wire::write(out, q.after);
  out.put(q.limit);
}
void read(reader& in, queries::incomplete& q) {
  q.after_spare = in.get<std::uint8_t>();
  wire::read(in, q.after);
  q.limit = in.get<std::uint32_t>();
}

void write(writer& out, const queries::trash& q) {
  wire::write(out, q.under);
  out.put(q.after_expires_us).put(q.after_inode).put(q.limit);
}
void read(reader& in, queries::trash& q) {
  wire::read(in, q.under);
  q.after_expires_us = in.get<std::uint64_t>();
  q.after_inode = in.get<inode_id>();
  q.limit = in.get<std::uint32_t>();
}

void write(writer& out, const queries::unconverted& q) {
  wire::write(out, q.under);
  responses::write(out, q.after);
  out.put(q.from_offset);
}
void read(reader& in, queries::unconverted& q) {
  wire::read(in, q.under);
  responses::read(in, q.after);
  q.from_offset = in.get<std::uint64_t>();
}

} // namespace

std::string encode(const query_message& query) {
  writer out;
  out.put(query_version).put(static_cast<std::uint8_t>(query.index()));
  std::visit([&](const auto& asked) { write(out, asked); }, query);
  return out.take();
}

bool is_about_one_entry(std::string_view bytes) {
  reader in{bytes};
  in.get<std::uint8_t>();
  query_message decoded;
  return wire::emplace_alternative(decoded, in.get<std::uint8_t>()) &&
         (std::holds_alternative<queries::stat>(decoded) ||
          std::holds_alternative<queries::open>(decoded) ||
          std::holds_alternative<queries::get_xattr>(decoded) ||
          std::holds_alternative<queries::policy_of>(decoded));
}

atl::result<query_message> decode_query(std::string_view bytes) {
  reader in{bytes};
  auto version = in.get<std::uint8_t>();
  auto type = in.get<std::uint8_t>();
  query_message decoded;
  if (in.ok() && (version != query_version || !wire::emplace_alternative(decoded, type)))
    return fail(errc::invalid,
                fmt::format("a query of version {}, type {} is unknown here; bring client and "
                            "masters to the same release",
                            version, type));
  std::visit([&](auto& asked) { read(in, asked); }, decoded);
  if (!in.done())
    return fail(errc::invalid, "the bytes are no query: they end early, go on too long, or ask "
                               "for too much at once");
  return decoded;
}

} // namespace dfs
