#include "apps/dfs/bulk/bulk_fixture.hpp"
#include "apps/dfs/client/answer_losing_proxy.hpp"
#include "node/repair_worker.hpp"

#include <chrono>
#include <future>
#include <memory>

/// How often the source of a repair is read that doesn't answer.
using namespace dfs;
using namespace dfs::test;
using protocol::task_outcome;

namespace {

/// Copies a fragment from a node whose first answers are lost.
protocol::task_result copy_with(std::uint32_t sends, int lost_answers) {
  bulk_cluster sources{1};
  auto key = key_of(1);
  auto data = pattern(3 * block_size);
  REQUIRE(put(*sources[0].at.store, key, data));
  answer_losing_proxy proxy{sources[0].endpoint(), lost_answers, 0};

  store_fixture repaired;
  repair_worker::settings settings;
  settings.store = {repaired.store.get(), [](chunk_store*) {}};
  settings.reading = [] { return caller_options(); };
  settings.transfers.sends = sends;
  settings.transfers.deadline = std::chrono::minutes{1};
  repair_worker worker{settings};

  protocol::repair_task task;
  task.chunk = key.chunk;
  task.fragment_bytes = task.chunk_bytes = data.size();
  task.sources = {{0, proxy.endpoint(), 4}};
  std::promise<protocol::task_result> ended;
  worker.run(1, task, [&](protocol::task_result result) { ended.set_value(std::move(result)); });
  auto result = ended.get_future().get();
  CHECK(get(*repaired.store, key) == (result.outcome == task_outcome::ok ? data : "not_found"));
  return result;
}

} // namespace

TEST_CASE("a source is read again as often as the policy says") {
  CHECK(copy_with(3, 2).outcome == task_outcome::ok);
  auto failed = copy_with(2, 2);
  CHECK(failed.outcome == task_outcome::source_failed);
  CHECK(failed.failed_source == 4);
}

TEST_CASE("by default a source is read once") {
  CHECK(copy_with(1, 1).outcome == task_outcome::source_failed);
  CHECK(copy_with(1, 0).outcome == task_outcome::ok);
}
