#include "apps/dfs/bulk/bulk_fixture.hpp"
#include "apps/dfs/bulk/throttling_proxy.hpp"
#include "apps/dfs/common/simple_schemes.hpp"
#include "apps/dfs/storage/faulty_disk.hpp"
#include "common/master_protocol.hpp"
#include "free_port.hpp"
#include "node/repair_worker.hpp"

#include <atoll/core/crc32c.hpp>

#include <cerrno>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>

/// How a storage node carries out the tasks of a master, with real files and sockets.
using namespace dfs;
using namespace dfs::test;
using protocol::repair_task;
using protocol::task_kind;
using protocol::task_outcome;
using protocol::task_result;

namespace {

constexpr std::uint64_t some_term = 3;
constexpr policy_id copies_policy = 1;
constexpr policy_id parity_policy = 2;
constexpr std::uint32_t parity_data = 3;

std::shared_ptr<const scheme> scheme_of(policy_id id) {
  auto made = std::make_shared<scheme>();
  made->id = id;
  made->policy.fragments = id == parity_policy ? parity_data + 1 : 3;
  if (id == parity_policy)
    made->recovery = std::make_shared<parity>(parity_data);
  else
    made->recovery = std::make_shared<copies>();
  return made;
}

atl::result<std::shared_ptr<const scheme>> find_scheme(policy_id id, const policy&) {
  if (id == copies_policy || id == parity_policy)
    return scheme_of(id);
  return atl::fail(atl::errc::not_found, "no such plugin here");
}

/// The results of a worker's tasks.
class results {
 public:
  repair_worker::completion take() {
    return [this](task_result result) {
      std::lock_guard lock{mutex_};
      all_.push_back(std::move(result));
      changed_.notify_all();
    };
  }
  std::vector<task_result> wait_for(std::size_t count) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [&] { return all_.size() >= count; });
    return all_;
  }
  std::size_t count() {
    std::lock_guard lock{mutex_};
    return all_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<task_result> all_;
};

/// A node whose fragments are repaired.
struct repaired_node {
  store_fixture at;
  repair_worker::settings settings;
  results ended;
  std::unique_ptr<repair_worker> worker;

  explicit repaired_node(disk& on = real_disk()) : at{on} {
    settings.find_scheme = find_scheme;
    settings.reading = [] { return caller_options(); };
  }
  void start() {
    settings.store = {at.store.get(), [](chunk_store*) {}};
    worker = std::make_unique<repair_worker>(settings);
  }
  task_result run(repair_task task) {
    if (!worker)
      start();
    auto before = ended.count();
    worker->run(some_term, std::move(task), ended.take());
    return ended.wait_for(before + 1).back();
  }
};

protocol::task_source source_at(const atl::endpoint& where, storage_id node,
                                std::uint32_t fragment = 0) {
  return {fragment, where, node};
}

repair_task copy_of(const fragment_key& key, std::size_t bytes,
                    std::vector<protocol::task_source> sources) {
  repair_task task;
  task.id = 7;
  task.chunk = key.chunk;
  task.fragment = key.fragment;
  task.fragment_bytes = bytes;
  task.sources = std::move(sources);
  task.policy = copies_policy;
  task.chunk_bytes = bytes;
  return task;
}

} // namespace

// -- copy ---------------------------------------------------------------------

TEST_CASE("a copy has the bytes of its source, under its own number, and a generation") {
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, block_size, 9 * block_size + 5}) {
    CAPTURE(size);
    bulk_cluster sources{1};
    repaired_node node;
    auto data = pattern(size);
    REQUIRE(put(*sources[0].at.store, key_of(1, 0), data));
    auto task = copy_of(key_of(1, 2), size, {source_at(sources[0].endpoint(), 4, 0)});
    auto result = node.run(task);
    CHECK(result.outcome == task_outcome::ok);
    CHECK(result.id == 7);
    CHECK(result.term == some_term);
    CHECK(result.failed_source == no_storage);
    CHECK(get(*node.at.store, key_of(1, 2)) == data);
    auto stored = node.at.store->find(key_of(1, 2));
    REQUIRE(stored);
    CHECK(result.generation == stored->generation);
  }
}

TEST_CASE(
    "a source that is damaged, gone, short or swapped is not copied from, and another one is") {
  bulk_cluster sources{2};
  repaired_node node;
  auto key = key_of(1);
  auto data = pattern(3 * block_size);
  auto& bad = *sources[0].at.store;
  REQUIRE(put(bad, key, data));
  REQUIRE(put(*sources[1].at.store, key, data));
  auto expected = task_outcome::corrupt;
  auto left_at_source = std::string{"not_found"}; // moved aside
  SUBCASE("a byte of its data is wrong") {
    sources[0].at.flip_bit(key, static_cast<std::int64_t>(block_size));
  }
  SUBCASE("a byte of its checksums is wrong") {
    sources[0].at.flip_bit(key, static_cast<std::int64_t>(data.size()) + 1);
  }
  SUBCASE("its file is shorter") {
    std::filesystem::resize_file(sources[0].at.path_of(key), block_size);
  }
  SUBCASE("its file is that of another fragment") {
    REQUIRE(put(bad, key_of(2), pattern(data.size(), 2)));
    std::filesystem::copy_file(sources[0].at.path_of(key_of(2)), sources[0].at.path_of(key),
                               std::filesystem::copy_options::overwrite_existing);
  }
  SUBCASE("its file is gone") {
    std::filesystem::remove(sources[0].at.path_of(key));
  }
  SUBCASE("it never had the fragment") {
    REQUIRE(bad.remove(key));
    expected = task_outcome::source_failed;
  }
  SUBCASE("its fragment has another length") {
    REQUIRE(bad.remove(key));
    REQUIRE(put(bad, key, data.substr(1)));
    left_at_source = data.substr(1); // in order, as far as the source can tell
  }
  auto failed = node.run(copy_of(key, data.size(), {source_at(sources[0].endpoint(), 4)}));
  CHECK(failed.outcome == expected);
  CHECK(failed.failed_source == 4);
  CHECK(failed.why.find("storage node 4") == 0);
  CHECK(failed.generation == 0);
  CHECK(get(*node.at.store, key) == "not_found");
  CHECK(node.at.files_in("tmp") == 0);
  CHECK(get(bad, key) == left_at_source);

  auto copied =
      node.run(copy_of(key, data.size(),
                       {source_at(sources[0].endpoint(), 4), source_at(sources[1].endpoint(), 5)}));
  CHECK(copied.outcome == task_outcome::ok);
  CHECK(copied.failed_source == 4);
  CHECK(get(*node.at.store, key) == data);
}

TEST_CASE(
    "a copy that isn't its chunk, though its checksums are right, is not copied, and is moved "
    "aside once another one is known to be right") {
  bulk_cluster sources{2};
  repaired_node node;
  auto key = key_of(1);
  auto data = pattern(3 * block_size);
  auto other = pattern(data.size(), 2);
  REQUIRE(put(*sources[0].at.store, key, other));
  REQUIRE(put(*sources[1].at.store, key, data));
  auto task = copy_of(key, data.size(), {source_at(sources[0].endpoint(), 4)});
  task.chunk_crc = atl::crc32c(data);
  task.scheme = policy{};
  auto failed = node.run(task);
  CHECK(failed.outcome == task_outcome::corrupt);
  CHECK(failed.failed_source == 4);
  CHECK(failed.why.find("other content than its chunk") != failed.why.npos);
  CHECK(get(*node.at.store, key) == "not_found");
  CHECK(node.at.files_in("tmp") == 0);
  CHECK(get(*sources[0].at.store, key) == other); // perhaps the last one that there is

  task.sources.push_back(source_at(sources[1].endpoint(), 5));
  auto copied = node.run(task);
  CHECK(copied.outcome == task_outcome::ok);
  CHECK(copied.failed_source == 4);
  CHECK(get(*node.at.store, key) == data);
  CHECK(get(*sources[0].at.store, key) == "not_found");
  CHECK(get(*sources[1].at.store, key) == data);
}

TEST_CASE("the source that is told is a damaged one rather than one that isn't there") {
  bulk_cluster sources{1};
  repaired_node node;
  auto key = key_of(1);
  REQUIRE(put(*sources[0].at.store, key, "data"));
  sources[0].at.flip_bit(key, 0);
  atl::endpoint nobody{"127.0.0.1", free_port()};
  auto result =
      node.run(copy_of(key, 4, {source_at(nobody, 4), source_at(sources[0].endpoint(), 5)}));
  CHECK(result.outcome == task_outcome::corrupt);
  CHECK(result.failed_source == 5);
}

TEST_CASE(
    "a copy that names no source, or only nodes that are dead or frozen, ends with the reason") {
  repaired_node node;
  node.settings.reading = [] {
    auto options = caller_options();
    options.timeouts = {std::chrono::milliseconds{100}, std::chrono::milliseconds{100}};
    return options;
  };
  frozen_node frozen;
  silent_peer silent;
  CHECK(node.run(copy_of(key_of(1), 4, {})).outcome == task_outcome::source_failed);
  for (auto& where :
       {frozen.endpoint(), silent.endpoint(), atl::endpoint{"127.0.0.1", free_port()}})
    CHECK(node.run(copy_of(key_of(1), 4, {source_at(where, 4)})).outcome ==
          task_outcome::source_failed);
}

TEST_CASE("a fragment that is stored already counts as copied, and gets another generation") {
  bulk_cluster sources{1};
  repaired_node node;
  auto key = key_of(1);
  auto data = pattern(2 * block_size);
  REQUIRE(put(*sources[0].at.store, key, data));
  REQUIRE(put(*node.at.store, key, data));
  auto former = node.at.store->find(key)->generation;
  auto task = copy_of(key, data.size(), {source_at(sources[0].endpoint(), 4)});
  SUBCASE("in order") {}
  SUBCASE("and damaged here, so that it is replaced") {
    node.at.flip_bit(key, 3);
  }
  auto result = node.run(task);
  CHECK(result.outcome == task_outcome::ok);
  CHECK(result.generation != former);
  CHECK(result.generation == node.at.store->find(key)->generation);
  CHECK(get(*node.at.store, key) == data);
}

TEST_CASE("a copy onto a disk that is full or fails says so, and leaves nothing") {
  bulk_cluster sources{1};
  auto key = key_of(1);
  auto data = pattern(2 * block_size);
  REQUIRE(put(*sources[0].at.store, key, data));
  faulty_disk disk;
  repaired_node node{disk};
  auto task = copy_of(key, data.size(), {source_at(sources[0].endpoint(), 4)});
  auto expected = task_outcome::no_space;
  SUBCASE("no room above the reserve") {
    node.at.store.reset();
    node.at.start(real_disk(), UINT64_MAX / 2);
  }
  SUBCASE("the disk becomes full in the middle") {
    disk.full_after(block_size);
  }
  SUBCASE("the disk fails") {
    disk.fail_next(call::fdatasync, EIO);
    expected = task_outcome::failed;
  }
  auto result = node.run(task);
  CHECK(result.outcome == expected);
  CHECK(result.failed_source == no_storage);
  CHECK_FALSE(result.why.empty());
  CHECK(get(*node.at.store, key) == "not_found");
  CHECK(node.at.files_in("tmp") == 0);
}

TEST_CASE("a copy of durability fsync is synced before it is told, with its name") {
  bulk_cluster sources{1};
  auto key = key_of(1);
  REQUIRE(put(*sources[0].at.store, key, "data"));
  faulty_disk disk;
  repaired_node node{disk};
  CHECK(node.run(copy_of(key, 4, {source_at(sources[0].endpoint(), 4)})).outcome ==
        task_outcome::ok);
  node.worker.reset();
  disk.cut_power();
  node.at.store.reset();
  node.at.start();
  CHECK(get(*node.at.store, key) == "data");
}

// -- order and end of tasks ---------------------------------------------------

namespace {

/// A source that freezes in the middle of a fragment.
struct frozen_in_the_middle {
  bulk_cluster nodes{1};
  fragment_key key = key_of(1);
  std::string data = pattern(40 * block_size);
  std::unique_ptr<throttling_proxy> proxy;

  frozen_in_the_middle() {
    REQUIRE(put(*nodes[0].at.store, key, data));
    throttle first_half;
    first_half.bytes_max = data.size() / 2;
    proxy = std::make_unique<throttling_proxy>(nodes[0].endpoint(), throttle{}, first_half);
  }
  repair_task task(std::uint64_t id) {
    auto made = copy_of(key, data.size(), {source_at(proxy->endpoint(), 4)});
    made.id = id;
    return made;
  }
};

} // namespace

TEST_CASE(
    "a node that is killed in the middle of a copy has no half fragment when it starts again") {
  frozen_in_the_middle source;
  repaired_node node;
  node.start();
  node.worker->run(some_term, source.task(1), node.ended.take());
  wait_until([&] { return node.at.files_in("tmp") == 1; });
  temporary_folder elsewhere;
  auto copy = elsewhere.path() / "chunks"; // as the disk is at this moment
  std::filesystem::copy(node.at.folder(), copy, std::filesystem::copy_options::recursive);
  auto restarted = chunk_store::open({copy.string()});
  REQUIRE_MESSAGE(restarted, restarted.error().message);
  CHECK((*restarted)->list().empty());
  CHECK(std::filesystem::is_empty(copy / "tmp"));
}

TEST_CASE("a worker that ends gives up what runs and waits, without results and leftovers") {
  frozen_in_the_middle source;
  repaired_node node;
  node.settings.at_once = 1;
  node.start();
  node.worker->run(some_term, source.task(1), node.ended.take());
  node.worker->run(some_term, source.task(2), node.ended.take());
  wait_until([&] { return node.at.files_in("tmp") == 1; });
  node.worker.reset();
  CHECK(node.ended.count() == 0);
  CHECK(node.at.files_in("tmp") == 0);
  CHECK(get(*node.at.store, source.key) == "not_found");
}

TEST_CASE("some tasks run at once, the others after them, a doubled one once, and too many are "
          "refused") {
  frozen_in_the_middle source;
  auto fragment = key_of(2);
  REQUIRE(put(*source.nodes[0].at.store, fragment, "data"));
  repaired_node node;
  node.settings.at_once = 1;
  node.settings.waiting_max = 2;
  node.start();
  node.worker->run(some_term, source.task(1), node.ended.take());
  node.worker->run(some_term, source.task(1), node.ended.take()); // runs already
  auto waiting = copy_of(fragment, 4, {source_at(source.nodes[0].endpoint(), 4)});
  for (std::uint64_t id : {2, 2, 3, 4, 3}) {
    waiting.id = id;
    node.worker->run(some_term, waiting, node.ended.take());
  }
  source.proxy.reset(); // ends the first task
  std::map<std::uint64_t, task_outcome> outcomes;
  for (auto& result : node.ended.wait_for(4))
    CHECK(outcomes.emplace(result.id, result.outcome).second);
  CHECK(outcomes == std::map<std::uint64_t, task_outcome>{{1, task_outcome::source_failed},
                                                          {2, task_outcome::ok},
                                                          {3, task_outcome::ok},
                                                          {4, task_outcome::refused}});
  wait_until([&] { return node.worker->under_way() == 0; });
}

TEST_CASE("tasks of an older term that have not begun are dropped, and one id is another task in "
          "another term") {
  frozen_in_the_middle source;
  REQUIRE(put(*source.nodes[0].at.store, key_of(2), "data"));
  repaired_node node;
  node.settings.at_once = 1;
  node.start();
  auto waiting = copy_of(key_of(2), 4, {source_at(source.nodes[0].endpoint(), 4)});
  waiting.id = 2;
  node.worker->run(5, source.task(1), node.ended.take());
  node.worker->run(5, waiting, node.ended.take());
  node.worker->drop_before(6);
  node.worker->run(6, waiting, node.ended.take());
  source.proxy.reset(); // ends the first task
  auto ended = node.ended.wait_for(2);
  CHECK(ended[0].id == 1);
  CHECK(ended[0].term == 5);
  CHECK(ended[1].id == 2);
  CHECK(ended[1].term == 6);
  wait_until([&] { return node.worker->under_way() == 0; });
}

// -- rebuild ------------------------------------------------------------------

namespace {

/// A chunk stored by `parity`, a fragment on each node.
struct encoded_chunk {
  std::string data = pattern(parity_data * (block_size + 100));
  chunk_id id = key_of(9).chunk;
  std::vector<std::string> fragments;
  bulk_cluster nodes{parity_data + 1};

  encoded_chunk() {
    std::string scratch;
    for (auto each : parity{parity_data}.encode(data, scratch))
      fragments.emplace_back(each);
    for (std::uint32_t i = 0; i < fragments.size(); ++i)
      REQUIRE(put(*nodes[i].at.store, {id, i}, fragments[i]));
  }
  repair_task rebuild(std::uint32_t fragment) const {
    auto task = copy_of({id, fragment}, fragments[fragment].size(), {});
    task.kind = task_kind::rebuild;
    task.policy = parity_policy;
    task.scheme = policy{};
    task.chunk_bytes = data.size();
    task.chunk_crc = atl::crc32c(data);
    for (std::uint32_t i = 0; i < fragments.size(); ++i)
      if (i != fragment)
        task.sources.push_back(source_at(nodes.nodes[i]->endpoint(), 10 + i, i));
    return task;
  }
};

} // namespace

TEST_CASE("each fragment is rebuilt from the others as it was encoded") {
  encoded_chunk chunk;
  for (std::uint32_t lost = 0; lost < chunk.fragments.size(); ++lost) {
    CAPTURE(lost);
    repaired_node node;
    auto result = node.run(chunk.rebuild(lost));
    CHECK_MESSAGE(result.outcome == task_outcome::ok, result.why);
    CHECK(result.generation != 0);
    CHECK(get(*node.at.store, {chunk.id, lost}) == chunk.fragments[lost]);
  }
}

TEST_CASE("a whole copy is rebuilt as well") {
  bulk_cluster sources{1};
  repaired_node node;
  auto data = pattern(block_size + 1);
  REQUIRE(put(*sources[0].at.store, key_of(1, 0), data));
  auto task = copy_of(key_of(1, 1), data.size(), {source_at(sources[0].endpoint(), 4, 0)});
  task.kind = task_kind::rebuild;
  task.scheme = policy{};
  task.chunk_crc = atl::crc32c(data);
  CHECK(node.run(task).outcome == task_outcome::ok);
  CHECK(get(*node.at.store, key_of(1, 1)) == data);
}

TEST_CASE("what can't be rebuilt is not stored, and the reason is told") {
  encoded_chunk chunk;
  repaired_node node;
  auto task = chunk.rebuild(1);
  auto expected = task_outcome::failed;
  storage_id failed_source = no_storage;
  SUBCASE("too few sources have their fragment") {
    REQUIRE(chunk.nodes[2].at.store->remove({chunk.id, 2}));
    expected = task_outcome::source_failed;
    failed_source = 12;
  }
  SUBCASE("one source too many is damaged") {
    chunk.nodes[3].at.flip_bit({chunk.id, 3}, 10);
    expected = task_outcome::corrupt;
    failed_source = 13;
  }
  SUBCASE("the fragments make another chunk than the record says") {
    ++task.chunk_crc;
    expected = task_outcome::corrupt;
  }
  SUBCASE("the scheme isn't installed here") {
    task.policy = 99;
  }
  SUBCASE("the order says another length than the scheme") {
    ++task.fragment_bytes;
  }
  SUBCASE("the scheme has no such fragment") {
    task.fragment = parity_data + 1;
  }
  SUBCASE("the chunk is larger than any may be") {
    task.chunk_bytes = protocol::chunk_bytes_max + 1;
  }
  auto result = node.run(task);
  CHECK(result.outcome == expected);
  CHECK(result.failed_source == failed_source);
  CHECK_FALSE(result.why.empty());
  CHECK(node.at.store->list().empty());
  CHECK(node.at.files_in("tmp") == 0);
}

// -- verify -------------------------------------------------------------------

TEST_CASE("a fragment that is verified is in order, damaged and moved aside, or not there") {
  repaired_node node;
  auto task = copy_of(key_of(1), 4, {});
  task.kind = task_kind::verify;
  CHECK(node.run(task).outcome == task_outcome::not_found);
  REQUIRE(put(*node.at.store, key_of(1), "data"));
  auto before = node.at.store->find(key_of(1))->generation;
  auto intact = node.run(task);
  CHECK(intact.outcome == task_outcome::ok);
  CHECK(intact.generation == node.at.store->find(key_of(1))->generation);
  CHECK(intact.generation != before); // so that removals ordered earlier are void
  CHECK_FALSE(node.at.store->remove(key_of(1), before));
  node.at.flip_bit(key_of(1), 2);
  auto damaged = node.run(task);
  CHECK(damaged.outcome == task_outcome::corrupt);
  CHECK_FALSE(damaged.why.empty());
  CHECK(node.at.files_in("damaged") == 1);
  CHECK(node.run(task).outcome == task_outcome::not_found);
}
