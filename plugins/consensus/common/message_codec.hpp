#pragma once

#include <atoll/spi/codec.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

/// A message is its type, the sender's term (or ballot), and a body, one alternative of a variant.
/// An alternative lists its members in `fields`, in the order on the wire, or has its own
/// `put(writer&, const T&)` and `get(reader&, T&)`.
namespace atl::leader_based {

template <class T>
concept has_fields = requires {
  T::fields;
};

template <has_fields T>
void put(spi::writer& out, const T& it);
template <has_fields T>
void get(spi::reader& in, T& it);

template <class T>
requires std::is_integral_v<T>
void put(spi::writer& out, const T& it) {
  out.put(it);
}
template <class T>
requires std::is_integral_v<T>
void get(spi::reader& in, T& it) {
  it = in.get<T>();
}
inline void put(spi::writer& out, const spi::timestamp& it) {
  out.put(it.count());
}
inline void get(spi::reader& in, spi::timestamp& it) {
  it = spi::timestamp{in.get<std::int64_t>()};
}

/// Some members of a message, for one that has a list as well.
template <class T, class Fields>
void put_fields(spi::writer& out, const T& it, const Fields& fields) {
  std::apply([&](auto... field) { (put(out, it.*field), ...); }, fields);
}
template <class T, class Fields>
void get_fields(spi::reader& in, T& it, const Fields& fields) {
  std::apply([&](auto... field) { (get(in, it.*field), ...); }, fields);
}

template <has_fields T>
void put(spi::writer& out, const T& it) {
  put_fields(out, it, T::fields);
}
template <has_fields T>
void get(spi::reader& in, T& it) {
  get_fields(in, it, T::fields);
}

/// The receiver should campaign at once: its leader hands over to it.
struct timeout_now {
  static constexpr auto fields = std::tuple{};
};

template <class Body>
void put_header(spi::writer& out, std::size_t type, std::uint64_t term) {
  static_assert(std::variant_size_v<Body> <= UINT8_MAX);
  out.put(static_cast<std::uint8_t>(type)).put(term);
}

template <class Body>
std::string encode_message(std::uint64_t term, const Body& body) {
  spi::writer out;
  put_header<Body>(out, body.index(), term);
  std::visit([&](auto& it) { put(out, it); }, body);
  return out.take();
}

/// The alternative with this number, from the reader.
template <class Body, std::size_t Index = 0>
std::optional<Body> get_body(spi::reader& in, std::size_t type) {
  if constexpr (Index < std::variant_size_v<Body>) {
    if (type != Index)
      return get_body<Body, Index + 1>(in, type);
    std::variant_alternative_t<Index, Body> it;
    get(in, it);
    return Body{std::move(it)};
  } else {
    return std::nullopt;
  }
}

/// @returns none for bytes that aren't a message.
template <class Body>
std::optional<std::pair<std::uint64_t, Body>> decode_message(std::string_view bytes) {
  spi::reader in{bytes};
  auto type = in.get<std::uint8_t>();
  auto term = in.get<std::uint64_t>();
  auto body = get_body<Body>(in, type);
  if (!body || !in.done())
    return std::nullopt;
  return std::pair{term, std::move(*body)};
}

} // namespace atl::leader_based
