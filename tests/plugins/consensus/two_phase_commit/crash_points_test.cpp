#include "scenario.hpp"

/// A crash right before each effect that a run of the protocol gives out, of one replica or of all
/// at once: whatever was answered survives, and is applied once.
using namespace two_phase_commit;

namespace {

constexpr std::uint64_t commands = 4;

/// Adds one again and again, each time until it is answered, as a client does.
void count_up(group& it, std::uint64_t& tags) {
  for (std::uint64_t sequence = 1; sequence <= commands; ++sequence) {
    auto done = false;
    for (int attempt = 0; attempt < 200 && !done; ++attempt) {
      auto ticket =
          it.propose(1, register_command{++tags, 1, sequence, 1, operation_kind::add, 1, {}});
      auto got = it.await(ticket, seconds{3});
      done = got.kind == answer_kind::applied;
      if (done)
        CHECK(got.result.result == static_cast<std::int64_t>(sequence));
      else
        it.run_for(milliseconds{50});
    }
    CHECK(done);
  }
}

std::uint64_t effects_of_a_run(std::uint32_t replicas) {
  group it{replicas};
  std::uint64_t tags = 0;
  count_up(it, tags);
  it.must_agree();
  return it.stats().effects;
}

void crash_everywhere(std::uint32_t replicas, bool everybody) {
  auto last = effects_of_a_run(replicas);
  REQUIRE(last > commands);
  for (std::uint64_t effect = 1; effect <= last; ++effect) {
    CAPTURE(effect);
    group it{replicas};
    it.crash_at_effect(effect, everybody);
    std::uint64_t tags = 0;
    count_up(it, tags);
    it.run_for(seconds{1});
    it.must_agree();
    CHECK(it.stats().crashes >= 1);
    for (atl::spi::replica_id id = 1; id <= replicas; ++id)
      CHECK(it.must_read(id) == static_cast<std::int64_t>(commands));
  }
}

} // namespace

TEST_CASE("one replica crashes before any effect of a run, and the counter stays exact") {
  crash_everywhere(3, false);
}
TEST_CASE("all replicas crash before any effect of a run, and the counter stays exact") {
  crash_everywhere(3, true);
}
TEST_CASE("a group of one crashes before any effect of a run, and the counter stays exact") {
  crash_everywhere(1, true);
}
