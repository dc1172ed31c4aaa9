#include "reed_solomon_under_test.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <stdexcept>
#include <utility>
#include <vector>

using namespace atl::spi;
using subject::cell;
using subject::content;

namespace {

/// The sizes at which stripes, cells and fragments begin and end.
std::vector<std::size_t> sizes_of_interest(std::size_t k) {
  auto stripe = k * cell;
  return {0,
          1,
          2,
          cell - 1,
          cell,
          cell + 1,
          2 * cell + 7,
          stripe - 1,
          stripe,
          stripe + 1,
          stripe + cell,
          2 * stripe - 1,
          2 * stripe + 3 * cell / 2};
}

std::vector<std::optional<std::string_view>> without(const std::vector<std::string_view>& fragments,
                                                     unsigned lost) {
  std::vector<std::optional<std::string_view>> left(fragments.begin(), fragments.end());
  for (std::size_t i = 0; i < left.size(); ++i)
    if ((lost >> i & 1) != 0)
      left[i].reset();
  return left;
}

} // namespace

TEST_CASE("the descriptor states kind, name and claims") {
  auto& plugin = subject::plugin();
  CHECK(plugin.kind == plugin_kind::recovery);
  CHECK(std::string{plugin.name} == "reed_solomon");
  auto scheme = subject::scheme();
  CHECK(scheme->layout().total == 6);
  CHECK(scheme->layout().needed == 4);
  CHECK(scheme->layout().min_write == 5);
  CHECK_FALSE(scheme->layout().identical);
  CHECK(scheme->promised().survives_losses == 2);
  CHECK(scheme->promised().storage_cost == 150);
  CHECK(subject::scheme(10, 4)->promised().storage_cost == 140);
}

TEST_CASE("a write can't be acknowledged with fewer fragments than a read needs") {
  CHECK_THROWS_AS(subject::scheme(4, 2, 3), std::invalid_argument);
  CHECK_THROWS_AS(subject::scheme(4, 2, 7), std::invalid_argument);
  CHECK(subject::scheme(4, 2, 4)->layout().min_write == 4);
  CHECK(subject::scheme(4, 2, 6)->layout().min_write == 6);
}

TEST_CASE(
    "a zone may hold as many fragments as may be lost, or fewer if so chosen, and never more") {
  CHECK(subject::scheme()->per_domain_max() == 2);
  CHECK(subject::scheme(8, 3)->per_domain_max() == 3);
  CHECK(subject::scheme(8, 3, 0, 1)->per_domain_max() == 1);
  CHECK_THROWS_AS(subject::scheme(4, 2, 0, 3), std::invalid_argument);
}

TEST_CASE("a chunk's bytes go round the data fragments in cells, as they are") {
  auto scheme = subject::scheme();
  auto chunk = content(4 * cell + 2 * cell + 5, 1);
  std::string scratch;
  auto fragments = scheme->encode(chunk, scratch);
  std::string_view text{chunk};
  CHECK(fragments[0] ==
        std::string{text.substr(0, cell)} + std::string{text.substr(4 * cell, cell)});
  CHECK(fragments[1] ==
        std::string{text.substr(cell, cell)} + std::string{text.substr(5 * cell, cell)});
  CHECK(fragments[2] ==
        std::string{text.substr(2 * cell, cell)} + std::string{text.substr(6 * cell)});
  CHECK(fragments[3] == text.substr(3 * cell, cell));
  CHECK(fragments[4].size() == 2 * cell);
  CHECK(fragments[5].size() == 2 * cell);
}

TEST_CASE("a chunk is decoded after any losses that are promised, and never after more") {
  for (auto [k, m] : {std::pair{4, 2}, {2, 1}, {1, 2}, {3, 3}, {8, 3}}) {
    auto scheme = subject::scheme(k, m);
    auto total = static_cast<unsigned>(k + m);
    for (auto size : sizes_of_interest(static_cast<std::size_t>(k))) {
      CAPTURE(k);
      CAPTURE(size);
      auto chunk = content(size, size);
      std::string scratch;
      auto fragments = scheme->encode(chunk, scratch);
      std::size_t stored = 0;
      for (std::uint32_t i = 0; i < total; ++i) {
        CHECK(fragments[i].size() == scheme->fragment_size(size, i));
        stored += i < static_cast<unsigned>(k) ? fragments[i].size() : 0;
      }
      CHECK(stored == size); // nothing is padded
      for (unsigned lost = 0; lost < 1u << total; ++lost) {
        auto losses = std::popcount(lost);
        if (losses > m + 1 || (total > 8 && losses != m && losses != m + 1))
          continue;
        std::string made;
        auto decoded = scheme->decode(size, without(fragments, lost), made);
        REQUIRE(decoded.has_value() == (losses <= m));
        if (decoded)
          REQUIRE((*decoded == chunk));
      }
    }
  }
}

TEST_CASE("the parity of a stripe alone is that of the stripe in its chunk") {
  auto scheme = subject::scheme();
  CHECK(scheme->stripes().cell_bytes == cell);
  CHECK(scheme->stripes().data == 4);
  auto chunk = content(4 * cell + cell + 5, 7); // the second stripe has a cell, five bytes, nothing
  std::string scratch;
  auto fragments = scheme->encode(chunk, scratch);
  auto second = std::string_view{chunk}.substr(4 * cell);
  const std::string_view data[] = {second.substr(0, cell), second.substr(cell), {}, {}};
  std::string first(cell, 'x'), other(cell, 'y');
  const std::span<char> parity[] = {first, other};
  scheme->encode_stripe(data, parity);
  CHECK((first == fragments[4].substr(cell)));
  CHECK((other == fragments[5].substr(cell)));
}

TEST_CASE("a fragment of another length counts as lost") {
  auto scheme = subject::scheme();
  auto chunk = content(5 * cell, 3);
  std::string scratch, made;
  auto fragments = scheme->encode(chunk, scratch);
  auto some = without(fragments, 0b100000);
  some[0] = fragments[0].substr(1);
  auto decoded = scheme->decode(chunk.size(), some, made);
  REQUIRE(decoded);
  CHECK((*decoded == chunk));
  some[1] = std::string_view{};
  CHECK_FALSE(scheme->decode(chunk.size(), some, made));
  CHECK_FALSE(scheme->decode(~std::size_t{0}, without(fragments, 0), made));
}
