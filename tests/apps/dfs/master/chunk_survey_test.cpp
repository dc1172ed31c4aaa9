#include "master/chunk_survey.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

/// How the leading master counts the chunks that are short of copies.
using namespace dfs;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const steady_time begin{seconds{1000}};
constexpr auto delay = seconds{1};

chunk_id id_of(std::uint64_t number) {
  return {number, 0};
}

chunk_record chunk(std::uint64_t number, std::vector<storage_id> nodes) {
  return {id_of(number), 100, std::move(nodes), 0, 1};
}

bool is_any_present(policy_id, const std::vector<bool>& present) {
  return std::ranges::count(present, true) > 0;
}

/// Three storage nodes, of the ids 1, 2 and 3, whose lists of fragments are whole.
struct fixture {
  storage_registry registry{seconds{2}};
  chunk_survey survey{is_any_present, delay};
  std::vector<chunk_record> chunks;
  std::uint64_t applied = 7;
  steady_time now = begin;
  std::size_t page_chunks = 2;
  int queries = 0;

  fixture() {
    for (storage_id id : {1, 2, 3})
      report(id, true);
  }

  storage_registry::node& report(storage_id id, bool from_scratch = false,
                                 std::vector<protocol::fragment_change> changes = {}) {
    protocol::storage_heartbeat it;
    it.group = "group";
    it.name = "storage-" + std::to_string(id);
    it.uuid = it.name;
    it.from_scratch = from_scratch;
    it.changes = std::move(changes);
    auto known = registry.find(it.name);
    it.told = known && !from_scratch ? known->told : 0;
    it.told_digest = known && !from_scratch ? known->told_digest : 0;
    for (auto& change : it.changes) {
      ++it.told;
      it.told_digest = protocol::add_to_digest(it.told_digest, change);
    }
    auto& node = registry.update(it, now);
    node.id = id;
    return node;
  }

  /// A chunk of which each node has its fragment.
  void store(std::uint64_t number, const std::vector<storage_id>& nodes) {
    chunks.push_back(chunk(number, nodes));
    for (std::uint32_t index = 0; index < nodes.size(); ++index)
      if (nodes[index] != no_storage)
        report(nodes[index], false, {{id_of(number), index, true}});
  }
  void lose(storage_id id, std::uint64_t number, std::uint32_t index) {
    report(id, false, {{id_of(number), index, false}});
  }

  responses::chunk_page page_after(const chunk_id& after) const {
    responses::chunk_page page;
    for (auto& record : chunks) {
      if (record.id <= after)
        continue;
      page.more = page.chunks.size() == page_chunks;
      if (page.more)
        break;
      page.chunks.push_back(record);
    }
    return page;
  }
  responses::known_chunks known(const std::vector<chunk_id>& ids) const {
    responses::known_chunks answer;
    for (auto& id : ids) {
      ++answer.examined;
      auto found = std::ranges::find(chunks, id, &chunk_record::id);
      if (found != chunks.end())
        answer.chunks.push_back(*found);
    }
    return answer;
  }

  /// One tick of the master. @returns whether the survey sent a query.
  bool look() {
    auto query = survey.next(registry, applied, now);
    if (!query)
      return false;
    ++queries;
    if (auto* page = std::get_if<queries::all_chunks>(&*query))
      survey.on_page(page_after(page->after), registry, now);
    else
      survey.on_known(known(std::get<queries::known>(*query).ids), now);
    return true;
  }
  /// Ticks until a pass is complete, while the nodes in `reporting` report.
  survey_counts count(const std::vector<storage_id>& reporting = {1, 2, 3}) {
    for (int i = 0; i < 200; ++i) {
      now += milliseconds{200};
      for (auto id : reporting)
        report(id);
      look();
    }
    REQUIRE(survey.counts().has_value());
    return *survey.counts();
  }
};

} // namespace

TEST_CASE("a survey starts only once the storage nodes had time to report") {
  fixture f;
  CHECK_FALSE(f.look());
  f.now += delay - milliseconds{1};
  CHECK_FALSE(f.look());
  CHECK_FALSE(f.survey.counts().has_value());
  f.now += milliseconds{1};
  CHECK(f.look());
  CHECK(f.survey.counts().has_value());
}

TEST_CASE("a survey pages through all chunks, and finds none short of copies when every node "
          "has its fragments") {
  fixture f;
  for (std::uint64_t number = 1; number <= 7; ++number)
    f.store(number, {1, 2, 3});
  auto counts = f.count();
  CHECK(counts.chunks == 7);
  CHECK(counts.short_of_copies == 0);
  CHECK(counts.unreadable == 0);
}

TEST_CASE("a chunk is short of copies when a node is down or a fragment was never written") {
  fixture f;
  f.store(1, {1, 2});
  f.store(2, {2, 3});
  f.store(3, {1, no_storage});
  f.store(4, {1, 2});
  f.count();
  auto counts = f.count({1, 2});
  CHECK(counts.chunks == 4);
  CHECK(counts.short_of_copies == 2); // 2 and 3
  CHECK(counts.unreadable == 0);
}

TEST_CASE("a chunk that no reporting node has is counted as unreadable, as the scheme judges") {
  fixture f;
  f.store(1, {1, 3});
  f.store(2, {3});
  CHECK(f.count().short_of_copies == 0);
  auto counts = f.count({1, 2});
  CHECK(counts.short_of_copies == 2);
  CHECK(counts.unreadable == 1);
}

TEST_CASE("a fragment that a reporting node doesn't list makes its chunk short of copies") {
  fixture f;
  f.store(1, {1, 2, 3});
  f.store(2, {1, 2, 3});
  f.lose(2, 2, 1);
  auto counts = f.count();
  CHECK(counts.chunks == 2);
  CHECK(counts.short_of_copies == 1);
}

TEST_CASE("a node whose list of fragments is incomplete is assumed to have the recorded "
          "fragments") {
  fixture f;
  f.store(1, {1, 2});
  auto& node = f.report(2);
  node.complete = false;
  node.has.clear();
  CHECK(f.count().short_of_copies == 0);
}

TEST_CASE("a new chunk is not short of copies before the report of its nodes is due") {
  fixture f;
  f.chunks.push_back(chunk(1, {1, 2})); // the reports are under way
  f.now += delay;
  f.look();
  f.now += delay;
  for (storage_id id : {1, 2, 3})
    f.report(id);
  REQUIRE(f.look());
  CHECK_FALSE(f.survey.counts().has_value());
  f.report(1, false, {{id_of(1), 0, true}});
  for (storage_id id : {2, 3})
    f.report(id); // was on its way when the page was read
  CHECK_FALSE(f.look());
  f.report(1);
  f.report(2, false, {{id_of(1), 1, true}});
  f.report(3);
  f.look();
  REQUIRE(f.survey.counts().has_value());
  CHECK(f.survey.counts()->chunks == 1);
  CHECK(f.survey.counts()->short_of_copies == 0);
}

TEST_CASE("a chunk that is removed during the survey is not short of copies") {
  fixture f;
  f.store(1, {1, 2});
  f.store(2, {1, 2});
  f.lose(1, 1, 0);
  f.now += delay;
  f.look();
  f.now += delay;
  for (storage_id id : {1, 2, 3})
    f.report(id);
  REQUIRE(f.look()); // the page
  f.chunks.erase(f.chunks.begin());
  auto counts = f.count();
  CHECK(counts.chunks == 1);
  CHECK(counts.short_of_copies == 0);
}

TEST_CASE("a survey reads an unchanged cluster once, and its counts stay current") {
  fixture f;
  f.store(1, {1, 2, 3});
  f.count();
  auto before = f.queries;
  f.count();
  CHECK(f.queries == before);
  CHECK(f.survey.counted_at() == f.now);
}

TEST_CASE("changes are counted after a pause, which ends early when a node goes down") {
  fixture f;
  f.store(1, {1, 2, 3});
  f.count();
  f.store(2, {1, 2, 3});
  ++f.applied;
  f.now += milliseconds{200};
  CHECK_FALSE(f.look());
  CHECK_FALSE(f.survey.is_outdated());
  f.now += milliseconds{1700};
  for (storage_id id : {1, 2})
    f.report(id);
  f.now += milliseconds{200}; // 2.1 s after the last report of storage-3
  CHECK(f.look());
  REQUIRE(f.survey.counts().has_value());
  CHECK(f.survey.counts()->short_of_copies == 2);
  CHECK_FALSE(f.survey.is_outdated());
}

TEST_CASE("counts from before the loss of a node are marked as outdated until the next survey") {
  fixture f;
  for (std::uint64_t number = 1; number <= 4; ++number)
    f.store(number, {1, 2, 3});
  f.count();
  f.now += seconds{3};
  f.report(1);
  f.report(2);
  CHECK(f.look()); // the first page of two
  CHECK(f.survey.is_outdated());
  CHECK(f.survey.counts()->short_of_copies == 0);
  CHECK(f.look());
  CHECK_FALSE(f.survey.is_outdated());
  CHECK(f.survey.counts()->short_of_copies == 4);
}

TEST_CASE("a change of leader restarts the survey under another generation") {
  fixture f;
  f.store(1, {1, 2, 3});
  f.count();
  auto before = f.survey.generation();
  f.survey.restart();
  CHECK(f.survey.generation() != before);
  CHECK_FALSE(f.survey.counts().has_value());
  CHECK(f.count().chunks == 1);
}

TEST_CASE("a failed query is repeated from the same position") {
  fixture f;
  f.store(1, {1, 2, 3});
  CHECK_FALSE(f.look());
  f.now += delay;
  for (storage_id id : {1, 2, 3})
    f.report(id);
  REQUIRE(f.survey.next(f.registry, f.applied, f.now).has_value());
  CHECK_FALSE(f.look()); // the response is pending
  f.survey.on_failure();
  CHECK(f.look());
  CHECK(f.survey.counts()->chunks == 1);
}

TEST_CASE("a scheme that throws ends the survey with the reason, not the master") {
  fixture f;
  f.store(1, {1, 2});
  f.survey = chunk_survey{
      [](policy_id, const std::vector<bool>&) -> bool { throw std::runtime_error{"no idea"}; },
      delay};
  for (int i = 0; i < 20; ++i) {
    f.now += seconds{1};
    f.report(1);
    f.look();
  }
  CHECK(f.survey.problem().find("no idea") != std::string::npos);
  CHECK_FALSE(f.survey.counts().has_value());
}
