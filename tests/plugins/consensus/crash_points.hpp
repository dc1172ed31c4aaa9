#pragma once

#include <atoll/sim/scripted_simulation.hpp>

#include <doctest/doctest.h>

/// Crashes of one replica, or of all at once, right before each effect that a run of a protocol
/// emits: every acknowledged command survives, and is applied once.
///
/// `Group` is a `scripted_simulation` made from a number of replicas, with the replica that accepts
/// proposals (`leader()`, 0: none), and checks that all replicas agree (`must_agree()`) and read
/// the same
/// (`must_read()`).
namespace under_test {

inline constexpr std::uint64_t counted_commands = 4;

/// Increments a counter repeatedly, and repeats each command until it is answered, as a client
/// does.
template <class Group>
void count_up(Group& it, std::uint64_t& tags) {
  using namespace atl::sim;
  for (std::uint64_t sequence = 1; sequence <= counted_commands; ++sequence) {
    auto done = false;
    for (int attempt = 0; attempt < 300 && !done; ++attempt) {
      if (auto leader = it.leader(); leader != 0) {
        auto ticket = it.propose(
            leader, register_command{++tags, 1, sequence, 1, operation_kind::add, 1, {}});
        auto& got = it.await(ticket, std::chrono::seconds{3});
        done = got.kind == answer_kind::applied;
        if (done)
          CHECK(got.result.result == static_cast<std::int64_t>(sequence));
      }
      if (!done)
        it.run_for(std::chrono::milliseconds{50});
    }
    CHECK(done);
  }
}

template <class Group>
std::uint64_t effects_of_a_run(std::uint32_t replicas) {
  Group it{replicas};
  std::uint64_t tags = 0;
  count_up(it, tags);
  it.must_agree();
  return it.stats().effects;
}

template <class Group>
void crash_everywhere(std::uint32_t replicas, bool everybody) {
  auto last = effects_of_a_run<Group>(replicas);
  REQUIRE(last > counted_commands);
  for (std::uint64_t effect = 1; effect <= last; ++effect) {
    CAPTURE(effect);
    Group it{replicas};
    it.crash_at_effect(effect, everybody);
    std::uint64_t tags = 0;
    count_up(it, tags);
    it.run_for(std::chrono::seconds{1});
    it.must_agree();
    CHECK(it.stats().crashes >= 1);
    for (atl::spi::replica_id id = 1; id <= replicas; ++id)
      CHECK(it.must_read(id) == static_cast<std::int64_t>(counted_commands));
  }
}

} // namespace under_test
