#include "node/order_results.hpp"

#include <doctest/doctest.h>

using namespace dfs;

namespace {

protocol::task_result result_of(std::uint64_t id) {
  protocol::task_result result;
  result.id = id;
  return result;
}

protocol::fragment_slice slice_of(std::uint64_t id) {
  protocol::fragment_slice slice;
  slice.id = id;
  return slice;
}

std::vector<std::uint64_t> told_ids(order_results& results) {
  protocol::storage_heartbeat report;
  results.tell(report);
  std::vector<std::uint64_t> ids;
  for (auto& each : report.done)
    ids.push_back(each.id);
  return ids;
}

using ids = std::vector<std::uint64_t>;

} // namespace

TEST_CASE("a result is told until a heartbeat that told it is answered") {
  order_results results;
  results.add(result_of(1));
  CHECK(told_ids(results) == ids{1});
  results.add(result_of(2));
  CHECK(told_ids(results) == ids{1, 2}); // the first heartbeat may be lost
  results.add(result_of(3));             // after the heartbeat that is answered now
  results.on_answered();
  CHECK(told_ids(results) == ids{3});
  results.on_answered();
  CHECK(results.is_empty());
  results.on_answered();
  CHECK(told_ids(results).empty());
}

TEST_CASE("a heartbeat tells as many results as fit, and the next one the others") {
  order_results results;
  for (std::uint64_t id = 0; id <= protocol::tasks_max; ++id)
    results.add(result_of(id));
  CHECK(told_ids(results).size() == protocol::tasks_max);
  results.on_answered();
  CHECK(told_ids(results) == ids{protocol::tasks_max});
}

TEST_CASE("beyond its bound the oldest results are dropped, and none that is new with them") {
  order_results results;
  for (std::uint64_t id = 0; id < order_results::kept_max; ++id)
    results.add(result_of(id));
  CHECK(told_ids(results).front() == 0);
  results.add(result_of(order_results::kept_max)); // instead of the first one, which was told
  results.on_answered();
  CHECK(told_ids(results).front() == protocol::tasks_max);
}

TEST_CASE("a slice is told until it is answered, and a later one replaces it") {
  order_results results;
  protocol::storage_heartbeat report;
  results.set_slice(slice_of(1));
  results.tell(report);
  REQUIRE(report.slice);
  CHECK(report.slice->id == 1);
  results.set_slice(slice_of(2)); // before the answer, which is about the first one
  results.on_answered();
  results.tell(report);
  REQUIRE(report.slice);
  CHECK(report.slice->id == 2);
  results.on_answered();
  results.tell(report);
  CHECK_FALSE(report.slice);
  CHECK(results.is_empty());
}
