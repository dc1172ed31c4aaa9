#include "altered_bytes.hpp"
#include "common/master_protocol.hpp"
#include "common/scrub_protocol.hpp"

#include <doctest/doctest.h>

/// What masters order to keep data alive, and what storage nodes answer.
using namespace dfs;
using namespace dfs::protocol;
using dfs::test::check_altered_bytes;

namespace {

repair_task some_task(std::uint64_t id, task_kind kind) {
  repair_task task;
  task.id = id;
  task.kind = kind;
  task.chunk = {5, 6};
  task.fragment = 2;
  task.fragment_bytes = 4096;
  if (kind != task_kind::verify)
    task.sources = {{0, {"10.0.0.1", 7000}, 3}, {1, {"::1", 7001}, 4}};
  task.policy = 9;
  task.how = durability::replicated;
  task.chunk_bytes = 8192;
  task.chunk_crc = 0xdeadbeef;
  if (kind == task_kind::rebuild) {
    policy how;
    how.recovery = "xor_stripe";
    how.encoding = std::string(1, '1');
    how.recovery_options = atl::spi::options{{{"min_write", std::int64_t{3}}}};
    how.fragments = 3;
    task.scheme = how;
  }
  return task;
}

storage_commands some_commands() {
  storage_commands orders;
  orders.group = "group";
  orders.id = 1;
  orders.term = 5;
  orders.remove = {{{1, 2}, 3, 4, 11}};
  orders.tasks = {some_task(12, task_kind::copy), some_task(13, task_kind::rebuild),
                  some_task(14, task_kind::verify), some_task(16, task_kind::copy)};
  orders.tasks[3].scheme = some_task(13, task_kind::rebuild).scheme;
  orders.slice_from = slice_request{15, {1, 2}, 3};
  return orders;
}

storage_heartbeat some_heartbeat() {
  storage_heartbeat report;
  report.name = "storage-1";
  report.done = {{12, 5, task_outcome::ok, 77, 3, "node 3: damaged"},
                 {13, 5, task_outcome::source_failed, 0, 4, "no answer"}};
  report.slice = fragment_slice{15, 5, {1, 2}, 3, {{{1, 2}, 3, 1}, {{1, 2}, 4, 2}}, true};
  report.scrub = {1, 2, 3, 4, 5, "block 7 of it"};
  return report;
}

} // namespace

TEST_CASE("tasks, their results and slices are decoded as they were encoded") {
  auto orders = decode_storage_commands(encode(some_commands()));
  REQUIRE(orders);
  CHECK(orders->tasks == some_commands().tasks);
  CHECK(orders->remove == some_commands().remove);
  CHECK(orders->slice_from == some_commands().slice_from);
  auto report = decode_storage_heartbeat(encode(some_heartbeat()));
  REQUIRE(report);
  CHECK(report->done == some_heartbeat().done);
  CHECK(report->slice == some_heartbeat().slice);
  CHECK(report->scrub == some_heartbeat().scrub);
  check_altered_bytes(encode(some_commands()), decode_storage_commands);
  check_altered_bytes(encode(some_heartbeat()), decode_storage_heartbeat);
}

TEST_CASE("orders beyond the limits are refused") {
  auto orders = some_commands();
  SUBCASE("too many tasks") {
    orders.tasks.assign(tasks_max + 1, some_task(1, task_kind::verify));
  }
  SUBCASE("too many sources of one task") {
    orders.tasks[0].sources.assign(task_sources_max + 1, {});
  }
  SUBCASE("a task to rebuild that doesn't name its scheme") {
    orders.tasks[1].scheme.reset();
  }
  SUBCASE("a scheme that a task doesn't need") {
    orders.tasks[2].scheme = policy{};
  }
  SUBCASE("an unknown kind of task") {
    orders.tasks[0].kind = static_cast<task_kind>(3);
  }
  CHECK_FALSE(decode_storage_commands(encode(orders)));
}

TEST_CASE("results beyond the limits are refused, and long texts are shortened") {
  auto report = some_heartbeat();
  report.done[0].why.assign(result_text_bytes_max - 1, 'x');
  report.done[0].why.append("\xc3\xa9"); // é
  report.scrub.last_finding.assign(finding_bytes_max + 1, 'y');
  auto shortened = decode_storage_heartbeat(encode(report));
  REQUIRE(shortened);
  CHECK(shortened->done[0].why == std::string(result_text_bytes_max - 1, 'x'));
  CHECK(shortened->scrub.last_finding == std::string(finding_bytes_max, 'y'));
  SUBCASE("too many results") {
    report.done.assign(tasks_max + 1, {});
  }
  SUBCASE("too many fragments in a slice") {
    report.slice->held.clear();
    for (std::uint64_t i = 0; i <= slice_fragments_max; ++i)
      report.slice->held.push_back({{9, i}, 0, 1});
  }
  CHECK_FALSE(decode_storage_heartbeat(encode(report)));
}

TEST_CASE("a slice that could make fragments seem gone is refused") {
  auto report = some_heartbeat();
  SUBCASE("out of order") {
    std::swap(report.slice->held[0], report.slice->held[1]);
  }
  SUBCASE("the same fragment twice") {
    report.slice->held[1] = report.slice->held[0];
  }
  SUBCASE("a fragment from before its beginning") {
    report.slice->from_fragment = 4;
  }
  SUBCASE("empty, and not the last one") {
    report.slice->held.clear();
    report.slice->last = false;
  }
  CHECK_FALSE(decode_storage_heartbeat(encode(report)));
}

TEST_CASE("the order to scrub and its answer are decoded as they were encoded") {
  scrub_state state;
  state.phase = scrub_phase::replaced;
  state.status = {1, 2, 3, 4, 5, "a finding"};
  auto decoded = decode_scrub_state(encode(state));
  REQUIRE(decoded);
  CHECK(decoded->phase == state.phase);
  CHECK(decoded->status == state.status);
  check_altered_bytes(encode(state), decode_scrub_state);
  check_altered_bytes(encode(scrub_request{7, true}), decode_scrub_request);
  CHECK_FALSE(decode_scrub_request(encode(scrub_request{0, true}))); // no run has this number
}
