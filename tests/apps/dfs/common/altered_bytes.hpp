#pragma once

#include <atoll/core/error.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <string>

namespace dfs::test {

/// Decodes every prefix of the bytes and many altered copies: each is refused, or decodes to a
/// message that is encoded to the same bytes.
template <class Decode>
void check_altered_bytes(const std::string& whole, Decode decode) {
  auto good = decode(whole);
  REQUIRE(good.has_value());
  CHECK(encode(*good) == whole);
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(decode(whole.substr(0, size)).has_value());
  auto longer = whole;
  longer.push_back('x');
  CHECK_FALSE(decode(longer).has_value());
  atl::spi::random_source random{1};
  for (int round = 0; round < 5000; ++round) {
    auto bytes = whole;
    bytes[random.below(bytes.size())] = static_cast<char>(random.next());
    auto decoded = decode(bytes);
    if (decoded)
      CHECK(encode(*decoded).size() <= 4 * bytes.size());
    else
      CHECK(decoded.error().code == atl::errc::corrupt);
  }
}

} // namespace dfs::test
