#include "master/names_check.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <future>
#include <new>
#include <thread>

/// The check of a copy of the name space, on request.
using namespace dfs;
using protocol::check_phase;
namespace fs = std::filesystem;

namespace {

/// An audit that goes on until the test ends it, and calls the progress function meanwhile.
struct held_audit {
  std::promise<audit_report> end;
  std::shared_future<audit_report> ended{end.get_future()};

  names_check::audit_function function() {
    return [ended = ended](const fs::path&, const audit_options& how) -> atl::result<audit_report> {
      while (ended.wait_for(std::chrono::milliseconds{1}) != std::future_status::ready)
        if (!how.progress(7, 70))
          return atl::fail(atl::errc::unavailable, "the audit was stopped");
      return ended.get();
    };
  }
};

names_check::settings settings_with(names_check::audit_function audit,
                                    std::chrono::milliseconds abandoned_after = std::chrono::hours{
                                        1}) {
  names_check::settings how;
  how.master = "master-1";
  how.audit = std::move(audit);
  how.abandoned_after = abandoned_after;
  return how;
}

audit_report report_with(std::uint64_t findings) {
  audit_report it;
  it.inodes = 5;
  it.entries = 4;
  it.chunks = 3;
  it.total = findings;
  for (std::uint64_t i = 0; i < findings; ++i)
    it.findings.push_back(fmt::format("finding {}", i));
  return it;
}

/// An audit with this outcome.
names_check::audit_function at_once(atl::result<audit_report> outcome) {
  return [outcome](const fs::path&, const audit_options&) { return outcome; };
}

/// Asks until the check is in the phase.
protocol::check_state wait_for(names_check& subject, std::uint64_t run, check_phase phase) {
  for (;;) {
    CHECK_FALSE(subject.request(run));
    auto state = subject.state(run);
    if (state.phase == phase)
      return state;
    std::this_thread::yield();
  }
}

} // namespace

TEST_CASE("a check goes from the copy to its outcome, and removes the copy") {
  temporary_folder folder;
  auto copy = folder / "copy";
  fs::create_directories(copy);
  held_audit audit;
  names_check subject{settings_with(audit.function())};
  CHECK(subject.request(1));
  CHECK(subject.state(1).phase == check_phase::copying);
  CHECK(subject.state(1).master == "master-1");
  CHECK_FALSE(subject.request(1)); // asked again, before there is a copy
  subject.begin(copy, 42);
  auto state = wait_for(subject, 1, check_phase::reading);
  CHECK(state.rows_read == 7);
  CHECK(state.rows_total == 70);
  CHECK(fs::exists(copy));
  audit.end.set_value(report_with(0));
  state = wait_for(subject, 1, check_phase::done);
  CHECK(state.log_index == 42);
  CHECK(state.inodes == 5);
  CHECK(state.entries == 4);
  CHECK(state.chunks == 3);
  CHECK(state.findings_total == 0);
  CHECK_FALSE(fs::exists(copy));
}

TEST_CASE("a bounded number of findings is told, and all are counted") {
  names_check subject{settings_with(at_once(report_with(500)))};
  REQUIRE(subject.request(1));
  subject.begin("no copy", 1);
  auto state = wait_for(subject, 1, check_phase::done);
  CHECK(state.findings_total == 500);
  CHECK(state.findings.size() == protocol::findings_max);
  CHECK(state.findings.front() == "finding 0");
}

TEST_CASE("a row that can't be read is a finding, and what else fails is a failure") {
  {
    names_check subject{settings_with(at_once(atl::fail(atl::errc::corrupt, "a block is bad")))};
    REQUIRE(subject.request(1));
    subject.begin("no copy", 1);
    auto state = wait_for(subject, 1, check_phase::done);
    CHECK(state.findings_total == 1);
    CHECK(state.findings.front() == "a block is bad");
  }
  {
    names_check subject{settings_with(at_once(atl::fail(atl::errc::io, "the disk is gone")))};
    REQUIRE(subject.request(1));
    subject.begin("no copy", 1);
    CHECK(wait_for(subject, 1, check_phase::failed).failure == "the disk is gone");
  }
  names_check subject{
      settings_with([](const fs::path&, const audit_options&) -> atl::result<audit_report> {
        throw std::bad_alloc{};
      })};
  REQUIRE(subject.request(1));
  subject.begin("no copy", 1);
  CHECK(wait_for(subject, 1, check_phase::failed).failure.starts_with("the check was ended"));
}

TEST_CASE("a check for which no copy can be made fails with the reason") {
  names_check subject{settings_with(at_once(report_with(0)))};
  REQUIRE(subject.request(1));
  subject.fail("no space");
  auto state = subject.state(1);
  CHECK(state.phase == check_phase::failed);
  CHECK(state.failure == "no space");
  CHECK(subject.request(2)); // it was told
}

TEST_CASE("another check waits until the outcome of the first one was told") {
  held_audit audit;
  names_check subject{settings_with(audit.function())};
  REQUIRE(subject.request(1));
  subject.begin("no copy", 1);
  CHECK_FALSE(subject.request(2));
  CHECK(subject.state(2).phase == check_phase::waiting);
  audit.end.set_value(report_with(1));
  wait_for(subject, 1, check_phase::done);
  CHECK(subject.request(2));
  CHECK(subject.state(2).phase == check_phase::copying);
  CHECK(subject.state(2).findings.empty());
  subject.begin("no copy", 2);
  CHECK(wait_for(subject, 2, check_phase::done).log_index == 2);
}

TEST_CASE("a check that nobody asks for any more ends, and gives way") {
  held_audit audit; // never ends by itself
  names_check subject{settings_with(audit.function(), std::chrono::milliseconds{0})};
  REQUIRE(subject.request(1));
  subject.begin("no copy", 1);
  while (!subject.request(2)) // until the first one has ended
    std::this_thread::yield();
  CHECK(subject.state(2).phase == check_phase::copying);
}

TEST_CASE("the end of a master ends its check") {
  held_audit audit; // never ends by itself
  names_check subject{settings_with(audit.function())};
  REQUIRE(subject.request(1));
  subject.begin("no copy", 1);
}
