#include "apps/dfs/bulk/bulk_fixture.hpp"
#include "apps/dfs/common/grouped_scheme.hpp"
#include "free_port.hpp"
#include "node/repair_worker.hpp"
#include "plugins/recovery/reed_solomon/reed_solomon_under_test.hpp"

#include <atoll/core/crc32c.hpp>

#include <future>

/// How a storage node makes a fragment anew, part by part, with real files and sockets.
using namespace dfs;
using namespace dfs::test;
using protocol::repair_task;
using protocol::task_outcome;
using protocol::task_result;

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(recovery, clay, 1, 0, 0);

namespace {

constexpr std::size_t stripe = 4 * grouped::cell;

/// A chunk whose fragments are on nodes of their own, and a node that makes one of them anew.
struct coded_chunk {
  std::shared_ptr<const atl::spi::recovery> recovery;
  std::string data;
  chunk_id id = key_of(9).chunk;
  std::vector<std::string> fragments;
  bulk_cluster nodes{6};
  store_fixture repaired;
  std::unique_ptr<repair_worker> worker;

  coded_chunk(std::shared_ptr<const atl::spi::recovery> by, std::size_t size)
      : recovery{std::move(by)}, data{pattern(size)} {
    std::string scratch;
    for (auto each : recovery->encode(data, scratch))
      fragments.emplace_back(each);
    for (std::uint32_t i = 0; i < fragments.size(); ++i)
      REQUIRE(put(*nodes[i].at.store, {id, i}, fragments[i]));
    repair_worker::settings settings;
    settings.store = {repaired.store.get(), [](chunk_store*) {}};
    settings.find_scheme = [this](policy_id, const policy&) {
      auto made = std::make_shared<scheme>();
      made->policy.fragments = 6;
      made->recovery = recovery;
      return atl::result<std::shared_ptr<const scheme>>{made};
    };
    settings.reading = [] { return caller_options(); };
    worker = std::make_unique<repair_worker>(std::move(settings));
  }

  /// Names all other fragments as sources.
  repair_task rebuild(std::uint32_t fragment) {
    repair_task task;
    task.id = 1;
    task.kind = protocol::task_kind::rebuild;
    task.chunk = id;
    task.fragment = fragment;
    task.fragment_bytes = fragments[fragment].size();
    task.policy = 1;
    task.scheme = policy{};
    task.chunk_bytes = data.size();
    task.chunk_crc = atl::crc32c(data);
    for (std::uint32_t i = 0; i < fragments.size(); ++i)
      if (i != fragment)
        task.sources.push_back({i, nodes[i].endpoint(), storage_id{10 + i}});
    return task;
  }
  task_result run(const repair_task& task) {
    std::promise<task_result> ended;
    worker->run(1, task, [&](task_result result) { ended.set_value(std::move(result)); });
    return ended.get_future().get();
  }
  std::string made(std::uint32_t fragment) { return get(*repaired.store, {id, fragment}); }
  /// Stores other bytes as the fragment, with the checksums of those.
  void replace(std::uint32_t fragment, char flipped) {
    auto wrong = fragments[fragment];
    wrong[wrong.size() / 2] = static_cast<char>(wrong[wrong.size() / 2] ^ flipped);
    auto& store = *nodes[fragment].at.store;
    REQUIRE(store.remove({id, fragment}));
    REQUIRE(put(store, {id, fragment}, wrong));
  }
};

coded_chunk reed_solomon_chunk(std::size_t size) {
  return {subject::scheme(), size};
}

/// Names many small ranges for what it reads.
struct shredded final : grouped {
  std::optional<std::vector<atl::spi::fragment_range>>
  reads_to_rebuild(std::size_t size, const atl::spi::fragment_range& wanted,
                   std::span<const atl::spi::source> sources) const override {
    constexpr std::size_t slice = 16;
    auto whole = grouped::reads_to_rebuild(size, wanted, sources).value();
    std::vector<atl::spi::fragment_range> slices;
    for (auto& range : whole)
      for (std::size_t at = 0; at < range.length; at += slice)
        slices.push_back({range.fragment, range.offset + at, std::min(slice, range.length - at)});
    return slices;
  }
};

/// Four fragments of data and two of parity.
std::shared_ptr<const atl::spi::recovery> coupled_layers() {
  atl::spi::options options{{{"k", std::int64_t{4}},
                             {"m", std::int64_t{2}},
                             {"min_write", std::int64_t{0}},
                             {"per_zone", std::int64_t{0}}}};
  return std::shared_ptr<const atl::spi::recovery>{
      ATOLL_PLUGIN_SYMBOL(recovery, clay, 1, 0, 0).create.recovery({options})};
}

} // namespace

TEST_CASE("a fragment that is made in windows has the bytes that it was stored with") {
  for (std::size_t size : {std::size_t{100}, std::size_t{grouped::cell} + 5, stripe,
                           9 * stripe + 3 * grouped::cell / 2, 40 * stripe + 1}) {
    auto chunk = reed_solomon_chunk(size);
    for (std::uint32_t lost = 0; lost < 6; ++lost) {
      CAPTURE(size);
      CAPTURE(lost);
      auto result = chunk.run(chunk.rebuild(lost));
      CHECK_MESSAGE(result.outcome == task_outcome::ok, result.why);
      CHECK((chunk.made(lost) == chunk.fragments[lost]));
    }
  }
}

TEST_CASE("a rebuild reads as many fragments as the code needs, and counts their bytes") {
  auto chunk = reed_solomon_chunk(40 * stripe);
  CHECK(chunk.run(chunk.rebuild(2)).outcome == task_outcome::ok);
  auto bytes = chunk.fragments[2].size();
  CHECK(chunk.worker->counters().rebuilt_bytes.load() == bytes);
  CHECK(chunk.worker->counters().read_bytes.load() == 4 * bytes);
}

TEST_CASE("a rebuild of coupled layers reads a part of each other fragment, and all of some where "
          "one of them is gone") {
  coded_chunk chunk{coupled_layers(), (8 << 20) + 12'345};
  for (auto without : {false, true}) {
    CAPTURE(without);
    auto task = chunk.rebuild(1);
    if (without)
      task.sources.front().bulk = {"127.0.0.1", free_port()}; // no node is there
    auto before = chunk.worker->counters().read_bytes.load();
    auto result = chunk.run(task);
    CHECK_MESSAGE(result.outcome == task_outcome::ok, result.why);
    CHECK((chunk.made(1) == chunk.fragments[1]));
    auto read = chunk.worker->counters().read_bytes.load() - before;
    if (!without) // five halves; where stripes are cut short, a little more
      CHECK(read < chunk.fragments[1].size() * 27 / 10);
    REQUIRE(chunk.repaired.store->remove({chunk.id, 1}));
  }
}

TEST_CASE("a rebuild of a scheme with groups reads of the fragment's group alone") {
  coded_chunk chunk{std::make_shared<grouped>(), 24 * stripe};
  auto task = chunk.rebuild(1);
  for (auto& source : task.sources)
    if (!grouped::is_beside(source.fragment, 1))
      source.bulk = {"127.0.0.1", free_port()}; // no node is there
  auto result = chunk.run(task);
  CHECK_MESSAGE(result.outcome == task_outcome::ok, result.why);
  CHECK(result.failed_source == no_storage);
  CHECK((chunk.made(1) == chunk.fragments[1]));
  auto bytes = chunk.fragments[1].size();
  CHECK(chunk.worker->counters().read_bytes.load() == 2 * bytes);
}

TEST_CASE("a source that fails amid a rebuild is replaced by another one") {
  auto chunk = reed_solomon_chunk(40 * stripe);
  auto expected = task_outcome::ok;
  SUBCASE("and what was read before is kept") {}
  SUBCASE("unless there are too few") {
    REQUIRE(chunk.nodes[5].at.store->remove({chunk.id, 5}));
    expected = task_outcome::corrupt;
  }
  auto late = static_cast<std::int64_t>(chunk.fragments[1].size() - 1);
  chunk.nodes[1].at.flip_bit({chunk.id, 1}, late); // in the last window
  auto result = chunk.run(chunk.rebuild(0));
  CHECK_MESSAGE(result.outcome == expected, result.why);
  CHECK(result.failed_source == 11);
  CHECK(get(*chunk.nodes[1].at.store, {chunk.id, 1}) == "not_found"); // moved aside by its node
  CHECK((chunk.made(0) == (expected == task_outcome::ok ? chunk.fragments[0] : "not_found")));
  CHECK(chunk.repaired.files_in("tmp") == 0);
}

TEST_CASE("a fragment that is wrong though its checksums are right doesn't spread to others") {
  auto chunk = reed_solomon_chunk(10 * stripe);
  chunk.replace(1, 4);
  auto task = chunk.rebuild(0);
  SUBCASE("because other fragments make the chunk") {
    auto result = chunk.run(task);
    CHECK_MESSAGE(result.outcome == task_outcome::ok, result.why);
    CHECK((chunk.made(0) == chunk.fragments[0]));
  }
  SUBCASE("because nothing is stored, if they don't") {
    std::erase_if(task.sources, [](auto& source) { return source.fragment == 5; });
    CHECK(chunk.run(task).outcome == task_outcome::corrupt);
    CHECK(chunk.made(0) == "not_found");
  }
}

TEST_CASE("a rebuild for which a scheme names too many ranges is refused") {
  coded_chunk chunk{std::make_shared<shredded>(), 4 * stripe};
  auto result = chunk.run(chunk.rebuild(1));
  CHECK(result.outcome == task_outcome::failed);
  CHECK_MESSAGE(result.why.find("ranges of fragments at once, and at most 4096 are possible") !=
                    result.why.npos,
                result.why);
  CHECK(chunk.made(1) == "not_found");
  CHECK(chunk.worker->counters().read_bytes.load() == 0);
}

TEST_CASE("a worker that ends amid a rebuild leaves nothing behind") {
  auto chunk = reed_solomon_chunk(40 * stripe);
  frozen_node frozen;
  auto task = chunk.rebuild(0);
  task.sources[0].bulk = frozen.endpoint();
  std::promise<void> ended;
  chunk.worker->run(1, task, [&](const task_result&) { ended.set_value(); });
  wait_until([&] { return chunk.repaired.files_in("tmp") == 1; });
  chunk.worker.reset();
  CHECK(ended.get_future().wait_for(std::chrono::seconds{0}) == std::future_status::timeout);
  CHECK(chunk.made(0) == "not_found");
  CHECK(chunk.repaired.files_in("tmp") == 0);
}
