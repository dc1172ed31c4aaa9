#include "dispatcher_world.hpp"
#include "seed_count.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

using test::dispatcher_world;

TEST_CASE("a dispatcher keeps its promises whatever workers, requesters and balancers do") {
  atl::dispatch_counters all;
  std::size_t ejected = 0;
  auto seeds = seed_count(800);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    dispatcher_world world{{.seed = seed}};
    auto violated = world.run();
    REQUIRE_MESSAGE(violated.empty(), violated);
    auto& count = world.counters();
    all.answered += count.answered;
    all.timed_out += count.timed_out;
    all.rejected += count.rejected;
    all.cancelled += count.cancelled;
    all.retries += count.retries;
    all.hedges_won += count.hedges_won;
    all.budget_denied += count.budget_denied;
    all.late_answers += count.late_answers;
    ejected += world.ejected_max();
  }
  MESSAGE(fmt::format("{} answered, {} timed out, {} rejected, {} cancelled, {} retries, {} hedges "
                      "won, {} denied, {} late, {} ejected",
                      all.answered, all.timed_out, all.rejected, all.cancelled, all.retries,
                      all.hedges_won, all.budget_denied, all.late_answers, ejected));
  for (auto seen : {all.answered, all.timed_out, all.rejected, all.cancelled, all.retries,
                    all.hedges_won, all.budget_denied, all.late_answers})
    CHECK(seen > seeds / 20); // otherwise the runs say little
  CHECK(ejected > seeds / 20);
}

TEST_CASE("a dispatcher keeps its promises to requests for some of its workers") {
  atl::dispatch_counters all;
  auto seeds = seed_count(400);
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    dispatcher_world world{{.seed = seed, .has_restricted_requests = true}};
    auto violated = world.run();
    REQUIRE_MESSAGE(violated.empty(), violated);
    all.answered += world.counters().answered;
    all.hedges_won += world.counters().hedges_won;
  }
  CHECK(all.answered > 3 * seeds); // otherwise the runs say little
  CHECK(all.hedges_won > seeds / 8);
}

TEST_CASE("a seed of the dispatcher's simulation replays") {
  auto digest = [](std::uint64_t seed) {
    dispatcher_world world{{.seed = seed}};
    CHECK(world.run().empty());
    return world.digest();
  };
  CHECK(digest(7) == digest(7));
  CHECK(digest(7) != digest(8));
}

TEST_CASE("a dispatcher over ten thousand workers keeps its promises") {
  dispatcher_world world{{.seed = 3, .workers = 10'000, .requests = 3000}};
  auto violated = world.run();
  CHECK_MESSAGE(violated.empty(), violated);
  CHECK(world.counters().answered > 1000);
}
