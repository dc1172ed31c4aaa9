#include "local_reconstruction_under_test.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace atl::spi;
using subject::cell;
using subject::content;

namespace {

std::set<std::uint32_t> read_of(const std::vector<fragment_range>& reads) {
  std::set<std::uint32_t> fragments;
  for (auto& each : reads)
    fragments.insert(each.fragment);
  return fragments;
}

} // namespace

TEST_CASE("a lost fragment of a group is made again out of the others of its group") {
  auto scheme = subject::scheme();
  auto chunk = content(24 * cell, 1);
  auto fragments = subject::encoded(*scheme, chunk);
  for (std::uint32_t lost = 0; lost < 16; ++lost) {
    CAPTURE(lost);
    auto sources = subject::sources_without(16, 1u << lost);
    fragment_range wanted{lost, 0, fragments[lost].size()};
    auto reads = scheme->reads_to_rebuild(chunk.size(), wanted, sources);
    REQUIRE(reads);
    auto is_global = lost >= 14;
    CHECK(reads->size() == (is_global ? 12 : 6));
    CHECK(subject::bytes_in(*reads) == reads->size() * fragments[lost].size());
    if (!is_global) {
      auto group = lost < 12 ? lost / 6 : lost - 12;
      for (auto index : read_of(*reads))
        CHECK((index < 12 ? index / 6 : index - 12) == group);
    }
    CHECK((subject::rebuilt(*scheme, chunk.size(), fragments, wanted, sources) == fragments[lost]));
    fragment_range part{lost, cell - 10, 33};
    CHECK(subject::rebuilt(*scheme, chunk.size(), fragments, part, sources) ==
          fragments[lost].substr(part.offset, part.length));
  }
}

TEST_CASE("a range of a lost fragment is read from the same rows of its group") {
  auto scheme = subject::scheme();
  auto chunk = content(24 * cell, 2);
  auto fragments = subject::encoded(*scheme, chunk);
  auto offset = 3 * cell + 100; // in fragment 3
  auto reads = scheme->reads_for(chunk.size(), offset, 4096, subject::sources_without(16, 1u << 3));
  REQUIRE(reads);
  CHECK(read_of(*reads) == std::set<std::uint32_t>{0, 1, 2, 4, 5, 12});
  for (auto& each : *reads) {
    CHECK(each.offset == 100);
    CHECK(each.length == 4096);
  }
  std::string made(4096, '\0');
  REQUIRE(scheme->assemble(chunk.size(), offset, subject::pieces_of(fragments, *reads), made));
  CHECK((made == chunk.substr(offset, 4096)));
  // What is there is read as it is.
  reads = scheme->reads_for(chunk.size(), offset, 4096, subject::sources_without(16, 1u << 4));
  REQUIRE(reads);
  CHECK(*reads == std::vector<fragment_range>{{3, 100, 4096}});
}

TEST_CASE("several losses are made again by the cheapest way that is left") {
  auto scheme = subject::scheme();
  auto chunk = content(12 * cell, 3);
  auto fragments = subject::encoded(*scheme, chunk);
  auto reads_of = [&](std::uint32_t wanted, std::uint64_t lost) {
    auto sources = subject::sources_without(16, lost);
    CHECK((subject::rebuilt(*scheme, chunk.size(), fragments, {wanted, 0, cell}, sources) ==
           fragments[wanted]));
    auto reads = scheme->reads_to_rebuild(chunk.size(), {wanted, 0, cell}, sources);
    return reads ? reads->size() : 0;
  };
  CHECK(reads_of(0, 1u << 0 | 1u << 6) == 6);             // one of each group
  CHECK(reads_of(0, 1u << 0 | 1u << 14 | 1u << 15) == 6); // the group is whole
  CHECK(reads_of(0, 1u << 0 | 1u << 1) == 12);
  CHECK(reads_of(0, 1u << 0 | 1u << 1 | 1u << 2) == 12);
  CHECK(reads_of(0, 1u << 0 | 1u << 1 | 1u << 2 | 1u << 7) == 12);
  CHECK(reads_of(14, 1u << 14 | 1u << 15) == 12);
  CHECK_FALSE(
      scheme->reads_to_rebuild(chunk.size(), {0, 0, cell}, subject::sources_without(16, 0b1111)));
}

TEST_CASE("a group with a dear fragment is passed by when all others cost less") {
  auto scheme = subject::scheme(6, 2, 2);
  auto chunk = content(6 * cell, 4);
  auto fragments = subject::encoded(*scheme, chunk);
  auto sources = subject::sources_without(10, 1);
  for (auto& each : sources)
    each.cost = each.fragment == 1 ? 1'000 : 1;
  auto reads = scheme->reads_to_rebuild(chunk.size(), {0, 0, cell}, sources);
  REQUIRE(reads);
  CHECK_FALSE(read_of(*reads).contains(1));
  CHECK(
      (subject::rebuilt(*scheme, chunk.size(), fragments, {0, 0, cell}, sources) == fragments[0]));
}

TEST_CASE("verdicts count what can still be lost, which depends on where losses are") {
  auto scheme = subject::scheme();
  auto after = [&](std::initializer_list<std::uint32_t> lost) {
    auto chunk = subject::whole_chunk(16);
    for (auto index : lost)
      chunk.fragments[index].state = fragment_state::missing;
    return scheme->judge(chunk);
  };
  CHECK(after({}).health == chunk_health::healthy);
  CHECK(after({}).spare == 3);
  CHECK(after({0}).spare == 2);
  CHECK(after({0, 1}).spare == 1);
  CHECK(after({0, 6}).spare == 2); // each group makes up for one
  CHECK(after({0, 6}).health == chunk_health::degraded);
  CHECK(after({0, 1, 2}).health == chunk_health::critical);
  CHECK(after({0, 1, 6, 7}).health == chunk_health::critical); // four, and nothing is lost
  CHECK(after({0, 1, 2, 3}).health == chunk_health::lost);
  CHECK(after({0, 12, 14, 15}).health == chunk_health::lost);
}

TEST_CASE("a rebuild reads the fragment's group first, and names enough to decode the chunk") {
  auto scheme = subject::scheme();
  auto chunk = subject::whole_chunk(16);
  chunk.fragments[2].state = fragment_state::missing;
  auto steps = scheme->plan({&chunk, 1});
  REQUIRE(steps.size() == 1);
  CHECK(steps[0].action == repair_action::rebuild);
  CHECK(steps[0].fragment == 2);
  REQUIRE(steps[0].source_fragments.size() == 15);
  auto& order = steps[0].source_fragments;
  CHECK(std::set<std::uint32_t>(order.begin(), order.begin() + 6) ==
        std::set<std::uint32_t>{0, 1, 3, 4, 5, 12});
  for (std::size_t i = 0; i < order.size(); ++i)
    CHECK(steps[0].sources[i] == 100 + order[i]);
}

TEST_CASE("chunks in more danger are mended first, though they lost fewer fragments") {
  auto scheme = subject::scheme(8, 4, 2);
  std::vector<chunk_report> chunks{subject::whole_chunk(14, 0), subject::whole_chunk(14, 1)};
  for (auto index : {0, 2, 4, 6}) // one of each group
    chunks[0].fragments[static_cast<std::size_t>(index)].state = fragment_state::missing;
  for (auto index : {0, 1}) // both of one group
    chunks[1].fragments[static_cast<std::size_t>(index)].state = fragment_state::missing;
  CHECK(scheme->judge(chunks[0]).spare == 2);
  CHECK(scheme->judge(chunks[1]).spare == 1);
  auto steps = scheme->plan(chunks);
  REQUIRE(steps.size() == 6);
  CHECK(steps[0].chunk == 1);
}
