#pragma once

#include <atoll/net/handshake.hpp>

#include <cstring>
#include <string>
#include <string_view>

/// What the two halves of the handshake share.
namespace atl::net {

/// The bytes of an array.
template <class Bytes>
std::string_view text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Fills the array from the front of the bytes. @returns false if there are too few bytes.
template <class Bytes>
bool take(std::string_view& from, Bytes& into) {
  if (from.size() < into.size())
    return false;
  std::memcpy(into.data(), from.data(), into.size());
  from.remove_prefix(into.size());
  return true;
}

/// For messages.
std::string describe(const identity& who);

} // namespace atl::net
