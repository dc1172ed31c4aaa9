#include "../common/corpus.hpp"
#include "local_reconstruction_under_test.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cstring>
#include <stdexcept>

using namespace atl::spi;
using subject::cell;
using subject::content;

TEST_CASE("the descriptor states kind, name and claims, and the layout follows the options") {
  auto& plugin = subject::plugin();
  CHECK(plugin.kind == plugin_kind::recovery);
  CHECK(std::string{plugin.name} == "local_reconstruction");
  auto scheme = subject::scheme();
  CHECK(scheme->layout().total == 16);
  CHECK(scheme->layout().needed == 12);
  CHECK(scheme->layout().min_write == 14);
  CHECK_FALSE(scheme->layout().identical);
  CHECK(scheme->promised().survives_losses == 3);
  CHECK(scheme->promised().storage_cost == 134);
  CHECK(subject::scheme(6, 2, 2)->promised().storage_cost == 167);
  CHECK(subject::scheme(24, 4, 3)->promised().survives_losses == 4);
}

TEST_CASE("options that don't fit each other are refused with what would fit") {
  CHECK_THROWS_WITH_AS(
      subject::scheme(7, 2, 2),
      "k is 7, and can't be cut into 2 groups of one size: choose a multiple of groups",
      std::invalid_argument);
  CHECK_THROWS_AS(subject::scheme(2, 4, 2), std::invalid_argument);
  CHECK_THROWS_AS(subject::scheme(12, 2, 2, 12), std::invalid_argument);
  CHECK_THROWS_AS(subject::scheme(12, 2, 2, 17), std::invalid_argument);
  CHECK_THROWS_AS(subject::scheme(12, 2, 2, 0, 4), std::invalid_argument);
  CHECK(subject::scheme()->per_domain_max() == 3);
  CHECK(subject::scheme(12, 2, 2, 0, 1)->per_domain_max() == 1);
  CHECK(subject::scheme(12, 2, 2, 13)->layout().min_write == 13);
  CHECK(subject::scheme(12, 2, 2, 16)->layout().min_write == 16);
}

TEST_CASE("a group's parity is the exclusive or of its data") {
  auto scheme = subject::scheme(4, 2, 1);
  auto fragments = subject::encoded(*scheme, content(4 * cell, 1));
  for (std::size_t group = 0; group < 2; ++group)
    for (std::size_t at = 0; at < cell; ++at)
      REQUIRE(fragments[4 + group][at] ==
              static_cast<char>(fragments[2 * group][at] ^ fragments[2 * group + 1][at]));
}

TEST_CASE("a chunk is decoded after exactly the losses that the scheme says") {
  auto scheme = subject::scheme(6, 2, 2);
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, cell - 1, cell + 1, 6 * cell - 1,
                           6 * cell, 6 * cell + 1, 15 * cell + 7}) {
    CAPTURE(size);
    auto chunk = content(size, size);
    auto fragments = subject::encoded(*scheme, chunk);
    std::size_t decodable = 0;
    for (std::uint64_t lost = 0; lost < 1u << 10; ++lost) {
      if (std::popcount(lost) > 5)
        continue;
      std::vector<bool> present(10);
      for (std::size_t i = 0; i < 10; ++i)
        present[i] = (lost >> i & 1) == 0;
      auto decoded = subject::decoded_without(*scheme, size, fragments, lost);
      REQUIRE(decoded.has_value() == scheme->enough(present));
      decodable += decoded ? 1 : 0;
      if (decoded)
        REQUIRE((*decoded == chunk));
    }
    CHECK(decodable == 1 + 10 + 45 + 120 + 180); // of 210 sets of four, 30 lose too much
  }
}

TEST_CASE("after all four losses of 12 + 2 + 2 that any code survives the chunk is decoded") {
  auto scheme = subject::scheme();
  auto chunk = content(12 * 64 + 5, 3); // small, so that all sets can be tried
  auto fragments = subject::encoded(*scheme, chunk);
  std::size_t decodable = 0, tried = 0;
  for (std::uint64_t lost = 0; lost < 1u << 16; ++lost) {
    if (std::popcount(lost) != 4)
      continue;
    ++tried;
    std::vector<bool> present(16);
    for (std::size_t i = 0; i < 16; ++i)
      present[i] = (lost >> i & 1) == 0;
    auto decoded = subject::decoded_without(*scheme, chunk.size(), fragments, lost);
    REQUIRE(decoded.has_value() == scheme->enough(present));
    if (decoded)
      REQUIRE((*decoded == chunk));
    decodable += decoded ? 1 : 0;
  }
  CHECK(tried == 1820);
  CHECK(decodable == 1568); // 86 %, as in the paper
}

TEST_CASE("a fragment of another length counts as lost") {
  auto scheme = subject::scheme(6, 2, 2);
  auto chunk = content(7 * cell, 3);
  auto fragments = subject::encoded(*scheme, chunk);
  fragments[0].resize(fragments[0].size() - 1);
  auto decoded = subject::decoded_without(*scheme, chunk.size(), fragments, 0b100);
  REQUIRE(decoded);
  CHECK((*decoded == chunk));
  for (auto& each : fragments)
    each.clear();
  CHECK_FALSE(subject::decoded_without(*scheme, ~std::size_t{0}, fragments, 0));
}

TEST_CASE("chunks are encoded to the bytes in the corpus, in every release") {
  corpus::check(*subject::scheme(), "local_reconstruction-lrc-xor-cauchy-1-k12-l2-g2.txt");
  corpus::check(*subject::scheme(6, 2, 2), "local_reconstruction-lrc-xor-cauchy-1-k6-l2-g2.txt");
  corpus::check(*subject::scheme(12, 3, 3), "local_reconstruction-lrc-xor-cauchy-1-k12-l3-g3.txt");
}
