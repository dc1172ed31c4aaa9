#include "reed_solomon_under_test.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace atl::spi;

namespace {

/// A chunk with a good fragment `i` on the node 100 + i.
chunk_report whole_chunk(std::uint64_t number = 0) {
  chunk_report chunk{number, {}};
  for (std::uint32_t i = 0; i < 6; ++i)
    chunk.fragments.push_back({i, 100 + i, fragment_state::ok});
  return chunk;
}

std::set<std::uint32_t> read_by(const repair_step& step) {
  return {step.source_fragments.begin(), step.source_fragments.end()};
}

} // namespace

TEST_CASE("each lost fragment takes one loss away, down to none") {
  auto scheme = subject::scheme();
  auto chunk = whole_chunk();
  CHECK(scheme->judge(chunk).health == chunk_health::healthy);
  CHECK(scheme->judge(chunk).spare == 2);
  chunk.fragments[0].state = fragment_state::missing;
  CHECK(scheme->judge(chunk).health == chunk_health::degraded);
  CHECK(scheme->judge(chunk).spare == 1);
  chunk.fragments[4].state = fragment_state::corrupt;
  CHECK(scheme->judge(chunk).health == chunk_health::critical);
  chunk.fragments[5].state = fragment_state::unreachable;
  CHECK(scheme->judge(chunk).health == chunk_health::lost);
  CHECK(scheme->plan({&chunk, 1}).empty());
}

TEST_CASE("a rebuild reads four fragments, and rebuilds of one chunk read different ones") {
  auto scheme = subject::scheme();
  auto chunk = whole_chunk();
  chunk.fragments[1].state = chunk.fragments[4].state = fragment_state::missing;
  auto steps = scheme->plan({&chunk, 1});
  REQUIRE(steps.size() == 2);
  for (auto& step : steps) {
    CHECK(step.action == repair_action::rebuild);
    CHECK(step.sources.size() == 4);
    for (std::size_t i = 0; i < step.sources.size(); ++i)
      CHECK(step.sources[i] == 100 + step.source_fragments[i]);
    CHECK(read_by(step) == std::set<std::uint32_t>{0, 2, 3, 5});
  }
  CHECK(steps[0].sources.front() != steps[1].sources.front());
}

TEST_CASE("chunks that survive no more losses come before all others") {
  auto scheme = subject::scheme();
  std::vector<chunk_report> chunks{whole_chunk(0), whole_chunk(1), whole_chunk(2)};
  chunks[0].fragments[0].state = fragment_state::missing;
  chunks[1].fragments[0].state = chunks[1].fragments[1].state = fragment_state::missing;
  auto steps = scheme->plan(chunks);
  REQUIRE(steps.size() == 3);
  CHECK(steps[0].chunk == 1);
  CHECK(steps[1].chunk == 1); // which is endangered until its first fragment is made
  CHECK(steps[2].chunk == 0);
}

TEST_CASE("what is damaged or one too many is dropped once nothing is missing") {
  auto scheme = subject::scheme();
  auto chunk = whole_chunk();
  chunk.fragments.push_back({2, 200, fragment_state::ok});
  chunk.fragments.push_back({3, 201, fragment_state::corrupt});
  chunk.fragments[0].state = fragment_state::missing;
  auto steps = scheme->plan({&chunk, 1});
  CHECK(std::ranges::all_of(steps, [](auto& it) { return it.action == repair_action::rebuild; }));
  chunk.fragments[0].state = fragment_state::ok;
  steps = scheme->plan({&chunk, 1});
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].action == repair_action::drop);
  CHECK(steps[0].sources == std::vector<std::uint64_t>{200});
  CHECK(steps[1].sources == std::vector<std::uint64_t>{201});
}
