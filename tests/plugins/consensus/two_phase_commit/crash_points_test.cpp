#include "../crash_points.hpp"
#include "scenario.hpp"

using namespace two_phase_commit;
using under_test::crash_everywhere;

TEST_CASE("the counter stays exact when one replica crashes before any effect of a run") {
  crash_everywhere<group>(3, false);
}
TEST_CASE("the counter stays exact when all replicas crash before any effect of a run") {
  crash_everywhere<group>(3, true);
}
TEST_CASE("the counter stays exact when a group of one crashes before any effect of a run") {
  crash_everywhere<group>(1, true);
}

namespace {

using voters = std::vector<atl::spi::replica_id>;

/// Alternates membership changes and increments of a counter, and retries each until it is
/// answered. @returns the number of effects of the run.
std::uint64_t count_during_changes(std::uint64_t crash_at, bool all_replicas) {
  group it{3};
  if (crash_at != 0)
    it.crash_at_effect(crash_at, all_replicas);
  const std::vector<std::pair<voters, voters>> steps = {
      {{1, 2, 3}, {4}}, {{2, 4}, {1}}, {{1, 2, 4}, {}}};
  std::uint64_t tags = 0;
  std::int64_t count = 0;
  for (auto& [wanted, learners] : steps) {
    for (auto is_change : {true, false}) {
      count += is_change ? 0 : 1;
      auto done = false;
      for (int attempt = 0; attempt < 300 && !done; ++attempt) {
        if (auto leader = it.leader(); leader != 0) {
          auto sequence = static_cast<std::uint64_t>(count);
          auto ticket =
              is_change
                  ? it.reconfigure(leader, wanted, learners)
                  : it.propose(leader, register_command{
                                           ++tags, 1, sequence, 1, operation_kind::add, 1, {}});
          done = it.await(ticket, seconds{3}).kind == answer_kind::applied;
        }
        if (!done)
          it.run_for(milliseconds{50});
      }
      CHECK(done);
    }
  }
  it.run_for(seconds{1});
  it.must_agree_on({1, 2, 4});
  auto effects = it.stats().effects;
  for (atl::spi::replica_id id : {1U, 2U, 4U})
    CHECK(it.must_read(id) == count);
  it.must_refuse(it.read(3, 1));
  return effects;
}

} // namespace

TEST_CASE("nothing is lost when one replica crashes before any effect of membership changes") {
  auto last = count_during_changes(0, false);
  for (std::uint64_t effect = 1; effect <= last; ++effect) {
    CAPTURE(effect);
    count_during_changes(effect, false);
  }
}

TEST_CASE("nothing is lost when all replicas crash before any effect of membership changes") {
  auto last = count_during_changes(0, true);
  for (std::uint64_t effect = 1; effect <= last; ++effect) {
    CAPTURE(effect);
    count_during_changes(effect, true);
  }
}
