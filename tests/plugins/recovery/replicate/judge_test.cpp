#include "replicate_under_test.hpp"
#include "verify/recovery_properties.hpp"

#include <doctest/doctest.h>

#include <rapidcheck.h>

using namespace atl::spi;
namespace properties = atl::properties;
using subject::corrupt;
using subject::missing;
using subject::ok;
using subject::unreachable;

namespace {

verdict judged(std::vector<fragment_report> fragments, std::int64_t copies = 3) {
  return subject::scheme(copies)->judge({7, std::move(fragments)});
}

} // namespace

TEST_CASE("three good copies on three nodes are healthy and two of them can go") {
  auto found = judged({{0, 10, ok}, {1, 11, ok}, {2, 12, ok}});
  CHECK(found.health == chunk_health::healthy);
  CHECK(found.spare == 2);
}

TEST_CASE("a copy that is missing, damaged, out of reach or unheard of degrades the chunk") {
  for (auto state : {missing, corrupt, unreachable}) {
    auto found = judged({{0, 10, ok}, {1, 11, ok}, {2, 12, state}});
    CHECK(found.health == chunk_health::degraded);
    CHECK(found.spare == 1);
  }
  CHECK(judged({{0, 10, ok}, {2, 12, ok}}).health == chunk_health::degraded);
}

TEST_CASE("a chunk with one good copy is critical, whatever the state of the others") {
  auto found = judged({{0, 10, unreachable}, {1, 11, ok}, {2, 12, corrupt}});
  CHECK(found.health == chunk_health::critical);
  CHECK(found.spare == 0);
}

TEST_CASE("a chunk without a good copy is lost, even if nodes that are down may have one") {
  CHECK(judged({{0, 10, unreachable}, {1, 11, corrupt}, {2, 12, missing}}).health ==
        chunk_health::lost);
  CHECK(judged({}).health == chunk_health::lost);
}

TEST_CASE("a chunk that is stored once is healthy with one copy") {
  auto found = judged({{0, 10, ok}}, 1);
  CHECK(found.health == chunk_health::healthy);
  CHECK(found.spare == 0);
}

TEST_CASE("a chunk with a surplus copy is not healthy until the copy is removed") {
  auto found = judged({{0, 10, ok}, {1, 11, ok}, {2, 12, ok}, {1, 13, ok}});
  CHECK(found.health == chunk_health::degraded);
  CHECK(found.spare == 3);
}

TEST_CASE("a copy on a node that is down is no fault once it was replaced") {
  auto found = judged({{0, 10, ok}, {1, 11, unreachable}, {1, 13, ok}, {2, 12, ok}});
  CHECK(found.health == chunk_health::healthy);
  CHECK(found.spare == 2);
}

TEST_CASE("copies that share a node are lost together") {
  auto found = judged({{0, 10, ok}, {1, 10, ok}, {2, 10, ok}});
  CHECK(found.health == chunk_health::critical);
  CHECK(found.spare == 0);
}

TEST_CASE("of two reports that contradict each other the worse one counts") {
  CHECK(judged({{0, 10, ok}, {0, 10, corrupt}}, 1).health == chunk_health::lost);
  CHECK(judged({{0, 10, unreachable}, {0, 10, ok}}, 1).health == chunk_health::lost);
}

TEST_CASE("a copy with a number that is no longer in use still counts as one") {
  auto found = judged({{4'000'000'000, 10, ok}, {0, 11, ok}, {1, 12, missing}});
  CHECK(found.health == chunk_health::degraded);
  CHECK(found.spare == 1);
}

TEST_CASE("verdicts on random damage equal those of a direct count") {
  CHECK(rc::check([](std::uint64_t seed) {
    random_source chance{seed};
    auto scheme = subject::scheme(1 + static_cast<std::int64_t>(chance.below(6)));
    properties::fragment_model model{*scheme};
    properties::damage(model, *scheme, chance, 1 + chance.below(8));
    auto wrong = properties::judges_rightly(*scheme, model);
    RC_LOG() << wrong.value_or("") << '\n';
    RC_ASSERT(!wrong);
  }));
}
