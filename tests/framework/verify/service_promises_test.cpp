#include "contains.hpp"
#include "simulated_counts.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

// What services and protocols promise to clients, and mistakes that break it.
using namespace simulated_counts;

namespace {

service_under_test with_expiry(flaw what, std::chrono::microseconds expiry) {
  auto service = with(what);
  service.logic = [=] { return std::make_unique<counts>(what, expiry); };
  return service;
}

} // namespace

TEST_CASE("a command that was refused for certain and takes effect is found") {
  auto protocol = broken(broken_protocols::of_raft(), "refuses_possibly_proposed");
  auto service = with(flaw::none);
  service.seeds = 40;
  auto group = group_of(protocol);
  group.workload.give_up = std::chrono::milliseconds{400};
  auto finding = simulate_service(service, under_test::factory_of(protocol), group);
  REQUIRE(finding.has_value());
  CHECK_MESSAGE(contains(finding->what, "was refused as certainly not proposed"), finding->what);
}

TEST_CASE("sessions that end during a run are held to the time that they last") {
  for (auto seconds : {1, 5, 60}) {
    CAPTURE(seconds);
    auto expiry = std::chrono::seconds{seconds};
    auto right = with_expiry(flaw::none, expiry);
    auto finding = simulate_under(raft, right);
    CHECK_MESSAGE(!finding.has_value(), finding.value_or(service_finding{}).what);
    auto found = found_under(raft, with_expiry(flaw::ends_sessions, expiry));
    CHECK_MESSAGE(contains(found, "session"), found);
  }
}

TEST_CASE("a query whose answer depends on the replica is found, though no two are alike") {
  auto service = with(flaw::none);
  service.query = [](auto& random) { return fmt::format("asked {}", random.next()); };
  service.seeds = 1;
  auto group = group_of(raft);
  group.faults = sim::fault_set::none(); // otherwise clients repeat some queries
  auto finding = simulate_service(service, under_test::factory_of(raft), group);
  REQUIRE(finding.has_value());
  CHECK_MESSAGE(contains(finding->what, "answers a query otherwise than"), finding->what);
}

TEST_CASE("clients accept that every replica objects to a command") {
  auto service = with(flaw::none);
  service.command = [](spi::random_source& random) {
    auto body = random.chance(0.5) ? "refused" : std::to_string(random.below(5));
    return service_under_test::generated_command{1, body};
  };
  service.seeds = 100;
  auto group = group_of(two_phase_commit);
  group.duration = std::chrono::seconds{2};
  auto finding = simulate_service(service, under_test::factory_of(two_phase_commit), group);
  CHECK_MESSAGE(!finding.has_value(), finding.value_or(service_finding{}).what);
}

TEST_CASE("a function of the author that throws is a finding with its seed") {
  CHECK(contains(found_under(raft, with(flaw::throws_at_birth)), "still born"));
  CHECK(contains(found_under(two_phase_commit, with(flaw::throws_at_admission)), "not admitted"));
  auto service = with(flaw::none);
  service.logic = []() -> std::unique_ptr<service_logic> { throw std::runtime_error("no logic"); };
  CHECK(contains(found_under(raft, service), "no logic"));
  service.logic = [] { return nullptr; };
  CHECK(contains(found_under(raft, service), "made nothing"));
  service = with(flaw::none);
  service.command = [](auto&) -> service_under_test::generated_command {
    throw std::runtime_error("no command");
  };
  CHECK(contains(found_under(raft, service), "no command"));
  service = with(flaw::none);
  service.query = [](auto&) -> std::string { throw std::runtime_error("no query"); };
  CHECK(contains(found_under(raft, service), "no query"));
}

TEST_CASE("a command that is answered with an error and has changed rows is found") {
  auto service = with(flaw::fails_late);
  service.invariant = {};
  auto found = found_under(raft, service);
  CHECK_MESSAGE(contains(found, "is answered with the error 'too many', and has changed rows"),
                found);
}

TEST_CASE("an insertion of a row that exists is found") {
  auto found = found_under(raft, with(flaw::inserts_again));
  CHECK_MESSAGE(contains(found, "inserted the row 'last', which exists already"), found);
}

TEST_CASE("a simulated service knows its group") {
  auto service = with(flaw::none);
  service.seeds = 1;
  service.invariant = [](const service_under_test::ask& ask) -> std::optional<std::string> {
    auto group = decode_answer(ask("group")).value();
    return group == "simulation 3 with a certificate" ? std::nullopt : std::optional{group};
  };
  auto finding = simulate_under(raft, service);
  CHECK_MESSAGE(!finding.has_value(), finding.value_or(service_finding{}).what);
}
