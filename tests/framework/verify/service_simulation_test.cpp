#include "broken_protocols.hpp"
#include "contains.hpp"
#include "counting_service.hpp"
#include "plugins/consensus/plugin_under_test.hpp"
#include "verify/applied_history.hpp"

#include <atoll/sim/shrink.hpp>
#include <atoll/verify/service_simulation.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);
extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0);
extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);

using namespace counting_service;

namespace {

const spi::descriptor& raft = ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);
const spi::descriptor& paxos = ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0);
const spi::descriptor& two_phase_commit = ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);

sim::simulation_options group_of(const spi::descriptor& protocol) {
  auto group = under_test::simulation_of(protocol, 1, 3);
  group.spares = 2;
  group.workload.clients = 8;
  return group;
}

std::optional<service_finding> simulate_under(const spi::descriptor& protocol,
                                              const service_under_test& service) {
  return simulate_service(service, under_test::factory_of(protocol), group_of(protocol));
}

/// The first finding, which the same seed alone must find again.
std::string found_under(const spi::descriptor& protocol, service_under_test service) {
  auto finding = simulate_under(protocol, service);
  if (!finding)
    return "nothing";
  service.first_seed = finding->seed;
  service.seeds = 1;
  auto again = simulate_under(protocol, service);
  REQUIRE(again.has_value());
  CHECK(again->what == finding->what);
  return finding->what;
}

spi::descriptor broken(const std::vector<broken_protocols::specimen>& all,
                       std::string_view mistake) {
  auto it = std::ranges::find(all, mistake, &broken_protocols::specimen::name);
  REQUIRE(it != all.end());
  return it->plugin;
}

/// All that happens in one run.
std::vector<std::string> trace_of(std::uint64_t seed, const service_under_test& service,
                                  sim::simulation_report& report) {
  std::vector<std::string> lines;
  auto run = group_of(raft);
  run.seed = seed;
  run.protocol_options = under_test::make_options(raft, {{"keep_entries", "5"}});
  run.service = replicas_of(service);
  run.trace = [&](std::string_view line) { lines.emplace_back(line); };
  report = sim::simulate(run, under_test::factory_of(raft));
  return lines;
}

} // namespace

TEST_CASE("a correct service passes under each protocol, whatever fails") {
  auto service = with(flaw::none);
  service.seeds = 10;
  for (auto* protocol : {&raft, &paxos, &two_phase_commit}) {
    CAPTURE(protocol->name);
    auto finding = simulate_under(*protocol, service);
    CHECK_MESSAGE(!finding.has_value(), finding.value_or(service_finding{}).what);
  }
}

TEST_CASE("a run of a service comes out the same each time, and much happens in it") {
  auto service = with(flaw::none);
  sim::simulation_report first, again;
  auto lines = trace_of(3, service, first);
  CHECK(lines == trace_of(3, service, again));
  CHECK(first.hash == again.hash);
  sim::simulation_stats all;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    sim::simulation_report report;
    trace_of(seed, service, report);
    all.answered += report.stats.answered;
    all.crashes += report.stats.crashes;
    all.snapshots += report.stats.snapshots;
    all.member_changes += report.stats.member_changes;
  }
  CHECK(all.answered > 500);
  CHECK(all.crashes > 20);
  CHECK(all.snapshots > 0);
  CHECK(all.member_changes > 0);
}

TEST_CASE("a mistake of a service is found under a protocol, and again with its seed alone") {
  struct {
    flaw what;
    const char* says;
  } flaws[] = {{flaw::forgets, "the sum is"},
               {flaw::counts_starts, "otherwise than replica"},
               {flaw::leaks, "has other rows"},
               {flaw::miscounts, "the sum is"},
               {flaw::throws, "out of luck"},
               {flaw::reads_clock, "has other rows"},
               {flaw::ends_sessions, "that its session is unknown"}};
  for (auto& it : flaws) {
    CAPTURE(it.says);
    auto what = found_under(raft, with(it.what));
    CHECK_MESSAGE(what.starts_with("service_broken: "), what);
    CHECK_MESSAGE(contains(what, it.says), what);
  }
}

TEST_CASE("a query whose answer depends on the replica is found") {
  auto service = with(flaw::none);
  service.query = [](auto&) { return "asked"; };
  auto found = found_under(raft, service);
  CHECK_MESSAGE(contains(found, "answers a query otherwise than replica"), found);
}

TEST_CASE("commands are stamped by the replica that proposes them") {
  auto service = with(flaw::none);
  service.seeds = 20;
  service.invariant = [](const service_under_test::ask& ask) -> std::optional<std::string> {
    constexpr std::uint64_t year_2023_us = 1'672'531'200'000'000;
    auto counted = number(decode_answer(ask("all")).value());
    auto time_us = number(decode_answer(ask("time")).value());
    if (counted == 0 || time_us > year_2023_us)
      return std::nullopt;
    return fmt::format("the time is {}", time_us);
  };
  auto finding = simulate_under(raft, service);
  CHECK_MESSAGE(!finding.has_value(), finding.value_or(service_finding{}).what);
}

TEST_CASE("what the logic refuses is refused where the protocol asks it") {
  auto service = with(flaw::none);
  service.command = [](spi::random_source& random) {
    auto body = random.chance(0.1) ? "refused" : std::to_string(random.below(5));
    return service_under_test::generated_command{1, body};
  };
  service.invariant = [](const service_under_test::ask& ask) -> std::optional<std::string> {
    auto counted = decode_answer(ask("refused")).value();
    return counted == "not counted" ? std::nullopt : std::optional{counted};
  };
  auto finding = simulate_under(two_phase_commit, service);
  CHECK_MESSAGE(!finding.has_value(), finding.value_or(service_finding{}).what);
  CHECK(contains(found_under(raft, service), "counted")); // raft doesn't ask
}

TEST_CASE("a command that takes effect twice is found") {
  auto service = with(flaw::ends_sessions);
  service.seeds = 1;
  std::string found;
  for (; service.first_seed <= 50 && !contains(found, "and again at entry"); ++service.first_seed)
    if (auto finding = simulate_under(raft, service))
      found = finding->what;
  CHECK_MESSAGE(contains(found, "and again at entry"), found);
  service.sessions_last = false; // now that is what the service's author wants
  service.invariant = {};
  service.first_seed = 1;
  service.seeds = 20;
  auto finding = simulate_under(raft, service);
  CHECK_MESSAGE(!finding.has_value(), finding.value_or(service_finding{}).what);
}

TEST_CASE("a protocol that breaks a promise to a service is found, and again with its seed alone") {
  auto service = with(flaw::none);
  service.seeds = 100;
  auto lost = found_under(broken(broken_protocols::of_raft(), "forgets_on_restart"), service);
  CHECK_MESSAGE(lost.starts_with("divergence: "), lost);
  auto stale = found_under(broken(broken_protocols::of_raft(), "stale_reads"), service);
  CHECK_MESSAGE(contains(stale, "a query is answered from the state after entry"), stale);
  auto early = found_under(broken(broken_protocols::of_raft(), "committed_too_early"), service);
  CHECK_MESSAGE(contains(early, "clients had answers that show"), early);
  auto forgotten = found_under(
      broken(broken_protocols::of_two_phase_commit(), "forgets_prepared_entries"), service);
  CHECK_MESSAGE(contains(forgotten, "clients had answers that show"), forgotten);
}

TEST_CASE("replicas that make different things of one entry are told apart") {
  applied_history history;
  auto bytes = encode(session_command{{1, 2}, 1, 0, {7, "body"}});
  spi::committed_entry first{1, 0, false, bytes};
  spi::committed_entry again{2, 0, false, bytes};
  CHECK_FALSE(history.took_effect({1, 2}, 1));
  CHECK_FALSE(history.add_entry(1, first, "done", true).has_value());
  CHECK_FALSE(history.repeated_effect(first).has_value());
  CHECK(history.took_effect({1, 2}, 1));
  CHECK_FALSE(history.add_entry(2, first, "done", true).has_value());
  CHECK(history.add_entry(3, first, "other", true) ==
        "replica 3 answers entry 1 otherwise than replica 1");
  CHECK(history.add_entry(3, first, "done", false) ==
        "replica 3 did not carry out the command of entry 1, and replica 1 did");
  CHECK_FALSE(history.add_entry(1, again, "done", true).has_value());
  CHECK(contains(history.repeated_effect(again).value_or(""),
                 "took effect at entry 1, and again at entry 2"));
  CHECK_FALSE(history.add_entry(1, {3, 0, true, {}}, "", false).has_value());
  CHECK_FALSE(history.add_digest(1, 3, 7).has_value());
  CHECK_FALSE(history.add_query(1, 3, 0, "all").has_value());
  auto next = encode(session_command{{1, 2}, 2, 0, {7, "body"}});
  INFO("a no-op that was lost with a disk is no entry");
  CHECK_FALSE(history.add_entry(2, {3, 0, false, next}, "done", true).has_value());
  CHECK_FALSE(history.add_digest(2, 3, 8).has_value());
  CHECK_FALSE(history.add_query(2, 3, 0, "none").has_value());
  CHECK(history.effects_up_to(3) == 3);
  CHECK(history.effects_up_to(1) == 1);
  CHECK(history.effects_up_to(2) == 2);
  CHECK_FALSE(history.add_digest(1, 2, 5).has_value());
  CHECK_FALSE(history.add_digest(2, 2, 5).has_value());
  CHECK(history.add_digest(2, 2, 6) == "replica 2 has other rows than replica 1 after entry 2");
  CHECK(history.add_digest(1, 2, 6) ==
        "replica 1 has other rows after entry 2 than it had before a restart");
  CHECK_FALSE(history.add_query(1, 2, 0, "all").has_value());
  CHECK_FALSE(history.add_query(2, 2, 1, "none").has_value());
  CHECK(history.add_query(2, 2, 0, "none") ==
        "replica 2 answers a query otherwise than replica 1 did, both after entry 2");
}
