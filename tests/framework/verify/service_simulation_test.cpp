#include "contains.hpp"
#include "simulated_counts.hpp"

#include <atoll/verify/service_simulation.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace simulated_counts;

namespace {

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
  CHECK_MESSAGE(contains(found, "answers a query otherwise than"), found);
}

TEST_CASE("commands are stamped with the clock of the replica that proposes them") {
  constexpr std::uint64_t begin_us = 1'700'000'000'000'000; // of a simulated clock without faults
  constexpr std::uint64_t second_us = 1'000'000;
  auto service = with(flaw::none);
  std::uint64_t first_us = 0, last_us = 0;
  service.invariant = [&](const service_under_test::ask& ask) -> std::optional<std::string> {
    auto counted = number(decode_answer(ask("all")).value());
    auto time_us = number(decode_answer(ask("time")).value());
    if (counted == 0)
      return std::nullopt;
    first_us = first_us == 0 ? time_us : first_us;
    last_us = std::max(last_us, time_us);
    return time_us >= begin_us ? std::nullopt : std::optional{fmt::format("it is {}", time_us)};
  };
  service.seeds = 1;
  auto group = group_of(raft);
  group.faults = sim::fault_set::none();
  auto finding = simulate_service(service, under_test::factory_of(raft), group);
  CHECK_MESSAGE(!finding.has_value(), finding.value_or(service_finding{}).what);
  CHECK(first_us < begin_us + 5 * second_us);
  CHECK(last_us > begin_us + 9 * second_us); // a run takes ten seconds, and then some more
  CHECK(last_us < begin_us + 20 * second_us);

  auto calm_us = last_us;
  group.faults.clock_drift = true; // now clocks are up to five seconds off, too
  service.seeds = 10;
  service.invariant = [&](const service_under_test::ask& ask) -> std::optional<std::string> {
    last_us = std::max(last_us, number(decode_answer(ask("time")).value()));
    return std::nullopt;
  };
  CHECK_FALSE(simulate_service(service, under_test::factory_of(raft), group).has_value());
  CHECK(last_us > calm_us + second_us);
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
