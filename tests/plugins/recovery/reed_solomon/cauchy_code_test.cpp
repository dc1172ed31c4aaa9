#include "cauchy_code.hpp"
#include "reed_solomon_under_test.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

using atl::reed_solomon::cauchy_code;

namespace {

using block = std::vector<unsigned char>;

/// The product in GF(2⁸) with the polynomial 0x11d, bit by bit.
unsigned char product(unsigned a, unsigned b) {
  unsigned sum = 0;
  for (; b != 0; b >>= 1, a = (a << 1) ^ ((a & 0x80) != 0 ? 0x11du : 0u))
    sum ^= (b & 1) != 0 ? a : 0;
  return static_cast<unsigned char>(sum);
}

unsigned char inverse(unsigned char of) {
  for (unsigned candidate = 1; candidate < 256; ++candidate)
    if (product(of, candidate) == 1)
      return static_cast<unsigned char>(candidate);
  return 0;
}

} // namespace

TEST_CASE("the parity is the data times the Cauchy matrix, computed bit by bit") {
  constexpr std::uint32_t data = 5, parity = 3;
  constexpr std::size_t bytes = 100;
  cauchy_code code{data, parity};
  std::vector<block> from(data), to(parity, block(bytes));
  std::vector<const unsigned char*> sources;
  std::vector<unsigned char*> targets;
  for (std::uint32_t i = 0; i < data; ++i) {
    auto text = subject::content(bytes, i);
    from[i].assign(text.begin(), text.end());
    sources.push_back(from[i].data());
  }
  for (auto& each : to)
    targets.push_back(each.data());
  code.encode(bytes, sources, targets);
  for (std::uint32_t row = 0; row < parity; ++row)
    for (std::size_t at = 0; at < bytes; ++at) {
      unsigned char sum = 0;
      for (std::uint32_t column = 0; column < data; ++column)
        sum ^=
            product(inverse(static_cast<unsigned char>((data + row) ^ column)), from[column][at]);
      REQUIRE(to[row][at] == sum);
    }
}

TEST_CASE("all sets of fragments of a code of 4 and 4 give all data back") {
  constexpr std::uint32_t data = 4, parity = 4;
  constexpr std::size_t bytes = 37;
  cauchy_code code{data, parity};
  std::vector<block> all(data + parity, block(bytes));
  std::vector<const unsigned char*> sources;
  std::vector<unsigned char*> targets;
  for (std::uint32_t i = 0; i < data; ++i) {
    auto text = subject::content(bytes, i);
    all[i].assign(text.begin(), text.end());
    sources.push_back(all[i].data());
  }
  for (auto i = data; i < data + parity; ++i)
    targets.push_back(all[i].data());
  code.encode(bytes, sources, targets);
  int sets = 0;
  for (unsigned set = 0; set < 256; ++set) {
    std::vector<std::uint32_t> present;
    for (std::uint32_t i = 0; i < data + parity; ++i)
      if ((set >> i & 1) != 0)
        present.push_back(i);
    if (present.size() != data)
      continue;
    ++sets;
    std::vector<std::uint32_t> wanted{0, 1, 2, 3};
    std::vector<block> made(data, block(bytes));
    std::vector<unsigned char*> to;
    for (auto& each : made)
      to.push_back(each.data());
    auto decoder = code.make_decoder(present, wanted);
    REQUIRE(decoder);
    std::vector<const unsigned char*> from;
    for (auto i : decoder->sources())
      from.push_back(all[i].data());
    decoder->run(bytes, from, to);
    for (std::uint32_t i = 0; i < data; ++i)
      REQUIRE(made[i] == all[i]);
  }
  CHECK(sets == 70);
}
