#include "../common/corpus.hpp"
#include "clay_under_test.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <stdexcept>

using namespace atl::spi;
using subject::content;
using subject::layer_piece;

namespace {

/// The sizes at which stripes, cells and pieces begin and end.
std::vector<std::size_t> sizes_of_interest(std::size_t data, std::size_t layers) {
  auto stripe = data * layers * layer_piece;
  return {0,
          1,
          2,
          data * layers - 1,
          data * layers,
          data * layers + 1,
          layer_piece - 1,
          layer_piece + 1,
          layers * layer_piece + 7,
          stripe - 1,
          stripe,
          stripe + 1,
          stripe + layer_piece};
}

} // namespace

TEST_CASE("the descriptor states kind, name and claims, and the layout follows the options") {
  auto& plugin = subject::plugin();
  CHECK(plugin.kind == plugin_kind::recovery);
  CHECK(std::string{plugin.name} == "clay");
  auto scheme = subject::scheme();
  CHECK(scheme->layout().total == 6);
  CHECK(scheme->layout().needed == 4);
  CHECK(scheme->layout().min_write == 5);
  CHECK_FALSE(scheme->layout().identical);
  CHECK(scheme->promised().survives_losses == 2);
  CHECK(scheme->promised().storage_cost == 150);
  CHECK(subject::scheme(10, 4)->promised().storage_cost == 140);
}

TEST_CASE("options that don't fit each other are refused with what would fit") {
  CHECK_THROWS_WITH_AS(subject::scheme(24, 2),
                       "k = 24 and m = 2 cut each fragment into more than 256 layers, m to the "
                       "power of (k + m) / m: choose a smaller k, or another m",
                       std::invalid_argument);
  CHECK_THROWS_AS(subject::scheme(4, 2, 3), std::invalid_argument);
  CHECK_THROWS_AS(subject::scheme(4, 2, 7), std::invalid_argument);
  CHECK_THROWS_AS(subject::scheme(4, 2, 0, 3), std::invalid_argument);
  CHECK(subject::scheme()->per_domain_max() == 2);
  CHECK(subject::scheme(4, 2, 0, 1)->per_domain_max() == 1);
  CHECK(subject::scheme(4, 2, 4)->layout().min_write == 4);
  CHECK(subject::scheme(14, 2)->layout().total == 16);
}

TEST_CASE("the data fragments have the chunk's bytes as they are, stripe by stripe") {
  auto scheme = subject::scheme();
  auto cell = 8 * layer_piece;
  auto chunk = content(4 * cell + 320, 1);
  auto fragments = subject::encoded(*scheme, chunk);
  for (std::size_t i = 0; i < 4; ++i)
    CHECK((fragments[i] == chunk.substr(i * cell, cell) + chunk.substr(4 * cell + i * 80, 80)));
  CHECK(fragments[4].size() == cell + 80);
  CHECK(fragments[5].size() == cell + 80);
}

TEST_CASE("a chunk is decoded after any losses that are promised, and never after more") {
  for (auto [k, m, layers] : {std::tuple{4u, 2u, 8u}, {3u, 2u, 8u}, {6u, 3u, 27u}}) {
    auto scheme = subject::scheme(k, m);
    for (auto size : sizes_of_interest(k, layers)) {
      if (size > std::size_t{3} << 20)
        continue; // of 6 + 3 the whole stripes are tried below
      CAPTURE(k);
      CAPTURE(size);
      auto chunk = content(size, size);
      auto fragments = subject::encoded(*scheme, chunk);
      std::size_t stored = 0;
      for (std::uint32_t i = 0; i < k + m; ++i) {
        CHECK(fragments[i].size() == scheme->fragment_size(size, i));
        stored += i < k ? fragments[i].size() : 0;
      }
      CHECK(stored == size); // nothing is padded
      for (std::uint64_t lost = 0; lost < std::uint64_t{1} << (k + m); ++lost) {
        auto losses = static_cast<std::uint32_t>(std::popcount(lost));
        if (losses > m + 1 || (size > 100'000 && losses < m))
          continue;
        auto decoded = subject::decoded_without(*scheme, size, fragments, lost);
        REQUIRE(decoded.has_value() == (losses <= m));
        if (decoded)
          REQUIRE((*decoded == chunk));
      }
    }
  }
}

TEST_CASE("chunks of several stripes, and of odd sizes, are decoded by larger codes") {
  for (auto [k, m, size] : {std::tuple{6u, 3u, std::size_t{11} << 20},
                            {8u, 4u, (std::size_t{8} << 20) + 1'001},
                            {10u, 4u, (std::size_t{1} << 20) - 3},
                            {14u, 2u, std::size_t{700'000}}}) {
    CAPTURE(k);
    auto scheme = subject::scheme(k, m);
    auto chunk = content(size, 5);
    auto fragments = subject::encoded(*scheme, chunk);
    for (std::uint64_t first = 0; first < k + m; first += 3) {
      std::uint64_t lost = 0;
      for (std::uint64_t i = 0; i < m; ++i)
        lost |= std::uint64_t{1} << (first + i * 5) % (k + m);
      auto decoded = subject::decoded_without(*scheme, size, fragments, lost);
      REQUIRE(decoded);
      REQUIRE((*decoded == chunk));
    }
  }
}

TEST_CASE("a fragment of another length counts as lost") {
  auto scheme = subject::scheme();
  auto chunk = content(100'000, 3);
  auto fragments = subject::encoded(*scheme, chunk);
  fragments[0].resize(fragments[0].size() - 1);
  auto decoded = subject::decoded_without(*scheme, chunk.size(), fragments, 0b100000);
  REQUIRE(decoded);
  CHECK((*decoded == chunk));
  CHECK_FALSE(subject::decoded_without(*scheme, chunk.size(), fragments, 0b110000));
  CHECK_FALSE(subject::decoded_without(*scheme, ~std::size_t{0}, fragments, 0));
}

TEST_CASE("chunks are encoded to the bytes in the corpus, in every release") {
  for (auto [k, m] : {std::pair{4, 2}, {6, 3}, {8, 4}})
    corpus::check(*subject::scheme(k, m), fmt::format("clay-clay-cauchy-1-k{}-m{}.txt", k, m));
}
