#pragma once

#include "common/chunk_id.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/spi/codec.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// For the sources that encode and decode the messages of `protocol`. Every `read` takes hostile
/// bytes.
namespace dfs::protocol {

using atl::spi::reader;
using atl::spi::writer;

inline constexpr std::size_t name_bytes_max = 256;
inline constexpr std::size_t text_bytes_max = 4096;

inline void write(writer& out, double value) {
  out.put(std::bit_cast<std::uint64_t>(value));
}
inline void read(reader& in, double& value) {
  value = std::bit_cast<double>(in.get<std::uint64_t>());
}

inline void write(writer& out, const atl::endpoint& where) {
  out.put(where.host).put(where.port);
}
inline void read(reader& in, atl::endpoint& where) {
  where.host = in.get_string(name_bytes_max);
  where.port = in.get<std::uint16_t>();
}

inline void write(writer& out, const chunk_id& id) {
  out.put(id.made_us).put(id.random);
}
inline void read(reader& in, chunk_id& id) {
  id.made_us = in.get<std::uint64_t>();
  id.random = in.get<std::uint64_t>();
}

/// @param write_item called with the writer and an item
template <class T, class Write>
void write_list(writer& out, const std::vector<T>& items, Write write_item) {
  out.put(static_cast<std::uint32_t>(items.size()));
  for (const auto& item : items)
    write_item(out, item);
}

/// The same for integers, and for items whose `write` is declared beside them.
template <class T>
void write_list(writer& out, const std::vector<T>& items) {
  write_list(out, items, [](writer& to, const T& item) {
    if constexpr (std::is_integral_v<T>)
      to.put(item);
    else
      write(to, item);
  });
}

/// A list of more than `most` items makes the reader fail.
/// @param read_item called with the reader and a fresh item
template <class T, class Read>
void read_list(reader& in, std::vector<T>& items, std::size_t most, Read read_item) {
  auto count = in.get_count();
  if (count > most)
    in.fail();
  while (in.ok() && items.size() < count)
    read_item(in, items.emplace_back());
}

/// The same for integers, and for items whose `read` is declared beside them.
template <class T>
void read_list(reader& in, std::vector<T>& items, std::size_t most) {
  read_list(in, items, most, [](reader& from, T& item) {
    if constexpr (std::is_integral_v<T>)
      item = from.get<T>();
    else
      read(from, item);
  });
}

template <class T>
void write_optional(writer& out, const std::optional<T>& value) {
  out.put(value.has_value());
  if (value)
    write(out, *value);
}
template <class T>
void read_optional(reader& in, std::optional<T>& value) {
  if (in.get<bool>())
    read(in, value.emplace());
}

template <class T>
atl::result<T> finished(reader& in, T value, std::string_view what) {
  if (in.done())
    return value;
  return atl::fail(atl::errc::corrupt, std::string{what} + " that can't be read");
}

} // namespace dfs::protocol
