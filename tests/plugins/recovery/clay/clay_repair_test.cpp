#include "clay_under_test.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace atl::spi;
using subject::content;
using subject::layer_piece;

TEST_CASE("a lost fragment is made again out of an m-th of each of all others") {
  for (auto [k, m, stripes, layers] : {std::tuple{4u, 2u, 2u, 8u}, {3u, 2u, 1u, 8u}}) {
    CAPTURE(k);
    auto scheme = subject::scheme(k, m);
    auto total = k + m;
    auto chunk = content(std::size_t{k} * layers * layer_piece * stripes, 1);
    auto fragments = subject::encoded(*scheme, chunk);
    auto bytes = fragments[0].size();
    for (std::uint32_t lost = 0; lost < total; ++lost) {
      auto sources = subject::sources_without(total, 1u << lost);
      auto reads = scheme->reads_to_rebuild(chunk.size(), {lost, 0, bytes}, sources);
      REQUIRE(reads);
      std::vector<std::size_t> read_of(total);
      for (auto& each : *reads) {
        read_of[each.fragment] += each.length;
        CHECK(each.offset % layer_piece ==
              0); // reads are of whole pieces, and these as long as blocks
        CHECK(each.length % layer_piece == 0);
      }
      for (std::uint32_t helper = 0; helper < total; ++helper)
        CHECK(read_of[helper] == (helper == lost ? 0 : bytes / m));
      CHECK(subject::bytes_in(*reads) < k * bytes); // which Reed-Solomon would read
      CHECK((subject::rebuilt(*scheme, chunk.size(), fragments, {lost, 0, bytes}, sources) ==
             fragments[lost]));
    }
  }
}

TEST_CASE("chunks smaller than a stripe are mended by the same share, in shorter pieces") {
  for (auto [k, m] : {std::pair{4u, 2u}, {6u, 3u}, {8u, 4u}, {10u, 4u}}) {
    CAPTURE(k);
    auto scheme = subject::scheme(k, m);
    auto total = k + m;
    auto chunk = content(std::size_t{k} * 256 * 27 * 8, 2); // so that pieces come out even
    auto fragments = subject::encoded(*scheme, chunk);
    for (std::uint32_t lost = 0; lost < total; ++lost) {
      fragment_range wanted{lost, 0, fragments[lost].size()};
      auto sources = subject::sources_without(total, std::uint64_t{1} << lost);
      auto reads = scheme->reads_to_rebuild(chunk.size(), wanted, sources);
      REQUIRE(reads);
      CHECK(subject::bytes_in(*reads) == wanted.length * (total - 1) / m);
      CHECK(
          (subject::rebuilt(*scheme, chunk.size(), fragments, wanted, sources) == fragments[lost]));
    }
  }
}

TEST_CASE("any part of a fragment is made out of what is named for it") {
  auto scheme = subject::scheme(6, 3);
  auto chunk = content(1'234'567, 3);
  auto fragments = subject::encoded(*scheme, chunk);
  for (std::uint32_t lost = 0; lost < 9; ++lost)
    for (auto others : {0u, 1u << (lost + 1) % 9, 1u << (lost + 1) % 9 | 1u << (lost + 4) % 9}) {
      auto sources = subject::sources_without(9, 1u << lost | others);
      for (auto [begin, end] : {std::pair{0.0, 0.01}, {0.3, 0.3001}, {0.5, 1.0}, {0.99, 1.0}}) {
        auto bytes = static_cast<double>(fragments[lost].size());
        auto offset = static_cast<std::size_t>(begin * bytes);
        fragment_range part{lost, offset, static_cast<std::size_t>(end * bytes) - offset};
        CHECK((subject::rebuilt(*scheme, chunk.size(), fragments, part, sources) ==
               fragments[lost].substr(part.offset, part.length)));
      }
    }
}

TEST_CASE("with a helper away, all layers of the cheapest k others are read") {
  auto scheme = subject::scheme();
  auto chunk = content(std::size_t{4} * 8 * layer_piece, 4);
  auto fragments = subject::encoded(*scheme, chunk);
  auto bytes = fragments[0].size();
  auto reads =
      scheme->reads_to_rebuild(chunk.size(), {0, 0, bytes}, subject::sources_without(6, 0b000011));
  REQUIRE(reads);
  CHECK(subject::bytes_in(*reads) == 4 * bytes);
  // A helper may also be too dear.
  auto sources = subject::sources_without(6, 1);
  sources.front().cost = 1'000;
  reads = scheme->reads_to_rebuild(chunk.size(), {0, 0, bytes}, sources);
  REQUIRE(reads);
  CHECK(std::ranges::find(*reads, 1u, &fragment_range::fragment) == reads->end());
  CHECK_FALSE(
      scheme->reads_to_rebuild(chunk.size(), {0, 0, bytes}, subject::sources_without(6, 0b000111)));
}

TEST_CASE("a range of a chunk is read from its fragments, or from a few layers of others") {
  auto scheme = subject::scheme();
  auto chunk = content(std::size_t{4} * 8 * layer_piece, 5);
  auto fragments = subject::encoded(*scheme, chunk);
  auto offset = 3 * layer_piece + 100;
  auto reads = scheme->reads_for(chunk.size(), offset, 4096, subject::sources_without(6, 0b10));
  REQUIRE(reads);
  CHECK(*reads == std::vector<fragment_range>{{0, offset, 4096}});
  for (auto lost : {0b1u, 0b11u}) {
    reads = scheme->reads_for(chunk.size(), offset, 4096, subject::sources_without(6, lost));
    REQUIRE(reads);
    CHECK(subject::bytes_in(*reads) <= (lost == 1 ? 9u : 32u) * 4096);
    std::string made(4096, '\0');
    REQUIRE(scheme->assemble(chunk.size(), offset, subject::pieces_of(fragments, *reads), made));
    CHECK((made == chunk.substr(offset, 4096)));
  }
}

TEST_CASE("a rebuild names all other fragments as sources, each of which gives a part") {
  auto scheme = subject::scheme();
  auto chunk = subject::whole_chunk(6);
  chunk.fragments[2].state = fragment_state::missing;
  CHECK(scheme->judge(chunk).spare == 1);
  auto steps = scheme->plan({&chunk, 1});
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].source_fragments == std::vector<std::uint32_t>{3, 4, 5, 0, 1});
}
