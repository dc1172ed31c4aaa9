#pragma once

#include "plugin_under_test.hpp"

#include <atoll/sim/scripted_simulation.hpp>

#include <doctest/doctest.h>

#include <chrono>

namespace under_test {

/// A leader's disk is so slow that the others commit its entries, elect another leader, and send a
/// snapshot that replaces the entries: the proposals are answered nevertheless.
inline void answer_proposal_that_a_snapshot_replaces(const atl::spi::descriptor& plugin) {
  using namespace atl::sim;
  using std::chrono::seconds;
  scripted_simulation it{simulation_of(plugin, 7, 3, {{"keep_entries", "0"}}), factory_of(plugin)};
  auto leader = [&]() -> atl::spi::replica_id {
    for (atl::spi::replica_id id = 1; id <= 3; ++id)
      if (it.status(id).role == atl::spi::replica_role::leader && it.status(id).blocked.empty())
        return id;
    return 0;
  };
  std::uint64_t tags = 0;
  auto write = [&](atl::spi::replica_id at) {
    ++tags;
    return it.propose(at, {tags, tags, 1, 1, operation_kind::write, 1, {}});
  };
  REQUIRE(it.run_until([&] { return leader() != 0; }));
  auto first = leader();
  it.run_for(seconds{1});
  it.stall_disk(first, seconds{10});
  auto asked = write(first);
  auto next = first % 3 + 1;
  REQUIRE(it.run_until([&] { return it.status(first).committed > it.applied(first); }));
  it.isolate(first);
  REQUIRE(it.run_until([&] { return leader() != 0 && leader() != first; }));
  REQUIRE(it.await(write(leader())).kind == answer_kind::applied);
  REQUIRE(it.run_until([&] { return it.status(next).first > 2; }));
  CHECK(it.outcome(asked).kind == answer_kind::pending);
  it.heal_network();
  REQUIRE(it.run_until([&] { return it.stats().snapshots > 0; }));
  CHECK(it.run_until([&] { return it.outcome(asked).kind != answer_kind::pending; }));
  CHECK(it.violation() == "");
}

} // namespace under_test
