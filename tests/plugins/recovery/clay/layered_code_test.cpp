#include "../common/encoded_chunks.hpp"
#include "layered_code.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <set>
#include <utility>

using atl::clay::layer_set;
using atl::clay::layered_code;

namespace {

constexpr std::size_t symbol_bytes = 5;

/// All symbols of a codeword, with data that is drawn.
class codeword {
 public:
  codeword(const layered_code& code, std::uint64_t seed) : code_{code} {
    symbols_.resize(std::size_t{code.total()} * code.layers());
    for (std::size_t i = 0; i < symbols_.size(); ++i)
      symbols_[i] = subject::content(symbol_bytes, seed * 1'000 + i);
    std::vector<std::uint32_t> parity;
    for (auto i = code.data(); i < code.total(); ++i)
      parity.push_back(i);
    auto made = decoded(parity);
    for (auto& [which, bytes] : made)
      symbols_[which] = bytes;
  }

  using made_symbols = std::map<std::size_t, std::string>;

  made_symbols decoded(const std::vector<std::uint32_t>& lost) const {
    made_symbols made;
    layered_code::workspace room{code_, symbol_bytes};
    code_.decode(lost, symbol_bytes, access({lost.begin(), lost.end()}, {}, made), room);
    return made;
  }

  made_symbols repaired(std::uint32_t lost, const layer_set& wanted) const {
    made_symbols made;
    auto needed = code_.needed(lost, wanted);
    layered_code::workspace room{code_, symbol_bytes};
    code_.repair(lost, wanted, symbol_bytes, access({lost}, needed, made), room);
    return made;
  }

  const std::string& symbol(std::uint32_t fragment, std::uint32_t layer) const {
    return symbols_[std::size_t{fragment} * code_.layers() + layer];
  }
  bool holds(const made_symbols& made) const {
    return std::ranges::all_of(made,
                               [&](auto& each) { return symbols_[each.first] == each.second; });
  }

 private:
  /// Gives what isn't lost, and of that only what is needed, if that is said.
  layered_code::symbols access(std::set<std::uint32_t> lost, std::vector<layer_set> needed,
                               made_symbols& made) const {
    layered_code::symbols at;
    at.known = [this, lost, needed](std::uint32_t fragment, std::uint32_t layer) {
      REQUIRE_FALSE(lost.contains(fragment));
      if (!needed.empty())
        REQUIRE(needed[fragment][layer]);
      return reinterpret_cast<const unsigned char*>(symbol(fragment, layer).data());
    };
    at.take = [this, &made](std::uint32_t fragment, std::uint32_t layer,
                            const unsigned char* bytes) {
      made[std::size_t{fragment} * code_.layers() + layer].assign(
          reinterpret_cast<const char*>(bytes), symbol_bytes);
    };
    return at;
  }

  const layered_code& code_;
  std::vector<std::string> symbols_;
};

std::vector<std::uint32_t> members(std::uint64_t set) {
  std::vector<std::uint32_t> all;
  for (std::uint32_t i = 0; i < 64; ++i)
    if ((set >> i & 1) != 0)
      all.push_back(i);
  return all;
}

} // namespace

TEST_CASE("the layers are q to the power of the rows of the grid") {
  CHECK(layered_code::layers_of(4, 2) == 8);
  CHECK(layered_code::layers_of(6, 3) == 27);
  CHECK(layered_code::layers_of(8, 4) == 64);
  CHECK(layered_code::layers_of(10, 4) == 256); // 14 in a grid of 16
  CHECK(layered_code::layers_of(24, 2) > layered_code::layers_max);
}

TEST_CASE("the symbols of all sets of lost fragments are made again, also in a grid with gaps") {
  for (auto [data, parity] :
       {std::pair{4u, 2u}, {6u, 3u}, {3u, 2u}, {5u, 3u}, {1u, 2u}, {2u, 4u}}) {
    CAPTURE(data);
    CAPTURE(parity);
    layered_code code{data, parity};
    codeword word{code, data};
    for (std::uint64_t lost = 1; lost < std::uint64_t{1} << code.total(); ++lost) {
      auto count = static_cast<std::uint32_t>(std::popcount(lost));
      if (count > parity)
        continue;
      auto made = word.decoded(members(lost));
      REQUIRE(made.size() == std::size_t{count} * code.layers());
      REQUIRE(word.holds(made));
    }
  }
}

TEST_CASE("the symbols of sets of lost fragments of larger codes are made again") {
  for (auto [data, parity] : {std::pair{8u, 4u}, {10u, 4u}, {12u, 2u}}) {
    layered_code code{data, parity};
    codeword word{code, 7};
    std::uint64_t state = 1;
    for (int i = 0; i < 60; ++i) {
      std::uint64_t lost = 0;
      while (static_cast<std::uint32_t>(std::popcount(lost)) < parity) {
        state = state * 6364136223846793005 + 1442695040888963407;
        lost |= std::uint64_t{1} << (state >> 40) % code.total();
      }
      REQUIRE(word.holds(word.decoded(members(lost))));
    }
  }
}

TEST_CASE("one fragment's symbols are made out of a q-th of each other, and of no more") {
  for (auto [data, parity] :
       {std::pair{4u, 2u}, {6u, 3u}, {8u, 4u}, {5u, 3u}, {10u, 4u}, {3u, 2u}}) {
    layered_code code{data, parity};
    codeword word{code, 3};
    layer_set all(code.layers(), true);
    for (std::uint32_t lost = 0; lost < code.total(); ++lost) {
      auto made = word.repaired(lost, all);
      CHECK(made.size() == code.layers());
      CHECK(word.holds(made));
      auto needed = code.needed(lost, all);
      for (std::uint32_t helper = 0; helper < code.total(); ++helper)
        CHECK(static_cast<std::uint32_t>(std::ranges::count(needed[helper], true)) ==
              (helper == lost ? 0 : code.layers() / parity));
    }
  }
}

TEST_CASE("one layer of a fragment is made out of a few symbols of the others") {
  layered_code code{8, 4};
  codeword word{code, 9};
  for (std::uint32_t lost = 0; lost < code.total(); ++lost)
    for (std::uint32_t layer = 0; layer < code.layers(); ++layer) {
      layer_set wanted(code.layers());
      wanted[layer] = true;
      auto made = word.repaired(lost, wanted);
      REQUIRE(made.size() == 1);
      REQUIRE(word.holds(made));
      std::size_t symbols = 0;
      for (auto& layers : code.needed(lost, wanted))
        symbols += static_cast<std::size_t>(std::ranges::count(layers, true));
      CHECK(symbols <= 2 * 8 + 1);
    }
}
