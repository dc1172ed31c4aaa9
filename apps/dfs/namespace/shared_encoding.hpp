#pragma once

#include "common/types.hpp"

#include <atoll/spi/codec.hpp>

#include <string_view>
#include <variant>
#include <vector>

/// Parts that commands, queries, answers and rows share; for the name space's own sources. The
/// readers take hostile bytes.
namespace dfs::wire {

inline constexpr std::size_t id_bytes = 16;
inline constexpr std::size_t chunk_bytes_min = id_bytes + 8 + 4 + 4 + 2;
/// An offset, a length and a kind.
inline constexpr std::size_t piece_bytes_min = 8 + 8 + 1;
inline constexpr std::size_t attributes_bytes =
    1 + 2 + 3 * 4 + 2 * 8 + 4 * 8 + 2 * 8 + 2 * 8 + 2 * 4 + 8;

inline void write(atl::spi::writer& out, const chunk_id& id) {
  out.put(id.made_us).put(id.random);
}

inline void read(atl::spi::reader& in, chunk_id& id) {
  id.made_us = in.get<std::uint64_t>();
  id.random = in.get<std::uint64_t>();
}

void write(atl::spi::writer& out, const place& where);
void read(atl::spi::reader& in, place& where);
void write(atl::spi::writer& out, const inode_attributes& attributes);
void read(atl::spi::reader& in, inode_attributes& attributes);
void write(atl::spi::writer& out, const chunk_record& chunk);
void read(atl::spi::reader& in, chunk_record& chunk);
void write(atl::spi::writer& out, const piece& part);
void read(atl::spi::reader& in, piece& part);
void write(atl::spi::writer& out, const std::vector<piece>& pieces);
void read(atl::spi::reader& in, std::vector<piece>& pieces);

std::size_t encoded_bytes(const chunk_record& chunk);
std::size_t encoded_bytes(const piece& part);

/// Makes `value` the default of its `index`-th alternative. @returns false if there is none.
template <class... Ts>
bool emplace_alternative(std::variant<Ts...>& value, std::size_t index) {
  std::size_t i = 0;
  return ((i++ == index ? (value = Ts{}, true) : false) || ...);
}

} // namespace dfs::wire
