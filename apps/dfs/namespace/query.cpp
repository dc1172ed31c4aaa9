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

constexpr std::uint8_t query_version = 1;

void write(writer& out, const queries::stat& q) {
  out.put(q.path);
}
void write(writer& out, const queries::list& q) {
  out.put(q.path).put(q.after).put(q.limit);
}
void write(writer& out, const queries::open& q) {
  out.put(q.path).put(q.from_extent);
}
void write(writer& out, const queries::summary& q) {
  out.put(q.after);
}

void write(writer& out, const queries::chunks_on& q) {
  out.put(q.node);
  wire::write(out, q.after);
  out.put(q.limit);
}

void write(writer& out, const queries::known& q) {
  out.put(static_cast<std::uint32_t>(q.ids.size()));
  for (const auto& id : q.ids)
    wire::write(out, id);
}

void write(writer& out, const queries::all_chunks& q) {
  wire::write(out, q.after);
  out.put(q.limit);
}

void read(reader& in, queries::stat& q) {
  q.path = in.get_string();
}

void read(reader& in, queries::list& q) {
  q.path = in.get_string();
  q.after = in.get_string(limits::name_bytes_max);
  q.limit = in.get<std::uint32_t>();
}

void read(reader& in, queries::open& q) {
  q.path = in.get_string();
  q.from_extent = in.get<std::uint32_t>();
}

void read(reader& in, queries::summary& q) {
  q.after = in.get<storage_id>();
}

void read(reader& in, queries::chunks_on& q) {
  q.node = in.get<storage_id>();
  wire::read(in, q.after);
  q.limit = in.get<std::uint32_t>();
}

void read(reader& in, queries::known& q) {
  auto count = in.get_count(wire::id_bytes);
  if (count > limits::known_ids_max)
    in.fail();
  for (std::uint32_t i = 0; i < count && in.ok(); ++i)
    wire::read(in, q.ids.emplace_back());
}

void read(reader& in, queries::all_chunks& q) {
  wire::read(in, q.after);
  q.limit = in.get<std::uint32_t>();
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
          std::holds_alternative<queries::open>(decoded));
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
