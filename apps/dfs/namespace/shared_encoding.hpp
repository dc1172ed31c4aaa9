#pragma once

#include "common/types.hpp"

#include <atoll/spi/codec.hpp>

#include <string_view>
#include <variant>

/// Pieces that commands, queries and answers share; for the name space's own sources.
namespace dfs::wire {

inline constexpr std::size_t id_bytes = 16;
inline constexpr std::size_t chunk_bytes_min = id_bytes + 8 + 4 + 2;

inline void write(atl::spi::writer& out, const chunk_id& id) {
  out.put(id.made_us).put(id.random);
}

inline void read(atl::spi::reader& in, chunk_id& id) {
  id.made_us = in.get<std::uint64_t>();
  id.random = in.get<std::uint64_t>();
}

void write(atl::spi::writer& out, const chunk_record& chunk);
void read(atl::spi::reader& in, chunk_record& chunk);
std::size_t encoded_bytes(const chunk_record& chunk);

/// Makes `value` the default of its `index`-th alternative. @returns false if there is none.
template <class... Ts>
bool emplace_alternative(std::variant<Ts...>& value, std::size_t index) {
  std::size_t i = 0;
  return ((i++ == index ? (value = Ts{}, true) : false) || ...);
}

} // namespace dfs::wire
