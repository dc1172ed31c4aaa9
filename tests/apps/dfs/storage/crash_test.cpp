// The machine or the process dies at every step of a write: an acknowledged fragment is complete
// afterwards, and any other fragment is complete or missing.
#include "faulty_disk.hpp"
#include "store_fixture.hpp"

#include <sys/wait.h>

#include <csignal>
#include <unistd.h>

using namespace dfs;
using namespace dfs::test;

namespace {

struct outcome {
  bool died = false;
  bool acknowledged = false;
};

/// Writes one fragment on a disk that dies after `calls` changes, and then restarts the store.
outcome crash_after(std::size_t calls, durability how, bool cut_power, store_fixture& at,
                    const std::string& data) {
  faulty_disk disk;
  at.restart(disk);
  disk.die_after(disk.changes() + calls);
  outcome out;
  out.acknowledged = put(*at.store, key_of(2), data, how).has_value();
  if (!out.acknowledged || cut_power)
    disk.die_after(0);
  out.died = disk.is_dead();
  if (cut_power)
    disk.cut_power();
  at.restart();
  return out;
}

void crash_at_every_step(durability how, bool cut_power, bool acknowledged_must_be_there) {
  auto data = pattern(3 * block_size);
  for (std::size_t calls = 0;; ++calls) {
    CAPTURE(calls);
    store_fixture at;
    REQUIRE(put(*at.store, key_of(1), data));
    auto done = crash_after(calls, how, cut_power, at, data);
    CHECK(get(*at.store, key_of(1)) == data);
    auto found = get(*at.store, key_of(2));
    bool whole_or_nothing = found == data || found == "not_found";
    CHECK(whole_or_nothing);
    if (done.acknowledged && acknowledged_must_be_there)
      CHECK(found == data);
    CHECK(at.files_in("tmp") == 0);
    CHECK(!at.store->failure());
    CHECK(put(*at.store, key_of(2), data)); // and the client's retry succeeds
    CHECK(get(*at.store, key_of(2)) == data);
    if (done.acknowledged && calls > 10)
      break;
  }
}

} // namespace

TEST_CASE("after a power cut at any step of a write with fsync the fragment is complete or "
          "missing, and complete if acknowledged") {
  crash_at_every_step(durability::fsync, true, true);
}

TEST_CASE("after a power cut at any step of a replicated write the fragment is complete or "
          "missing") {
  crash_at_every_step(durability::replicated, true, false);
}

TEST_CASE("after a kill at any step of a write the fragment is complete or missing, and "
          "complete if acknowledged") {
  crash_at_every_step(durability::fsync, false, true);
  crash_at_every_step(durability::replicated, false, true);
}

TEST_CASE("a replicated write survives a power cut after the background sync") {
  faulty_disk disk;
  store_fixture at{disk};
  REQUIRE(put(*at.store, key_of(1), "data", durability::replicated));
  REQUIRE(at.store->flush());
  disk.cut_power();
  at.restart();
  CHECK(get(*at.store, key_of(1)) == "data");
}

TEST_CASE("a store that is closed has synced replicated writes") {
  faulty_disk disk;
  store_fixture at{disk};
  for (std::uint64_t i = 0; i < 10; ++i)
    REQUIRE(put(*at.store, key_of(i), pattern(1000, i), durability::replicated));
  at.store.reset();
  disk.cut_power();
  at.start();
  for (std::uint64_t i = 0; i < 10; ++i)
    CHECK(get(*at.store, key_of(i)) == pattern(1000, i));
}

TEST_CASE("a process killed between sync and acknowledgement has the fragment after its restart") {
  store_fixture at;
  at.store.reset();
  auto data = pattern(block_size + 1);
  auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto store = chunk_store::open({at.folder(), 0});
    auto unfinished = (*store)->begin(key_of(2), data.size());
    if (unfinished && unfinished->append(bytes_of(data), crcs_of(data)) &&
        put(**store, key_of(1), data))
      ::raise(SIGKILL);
    ::_exit(1);
  }
  int how = 0;
  REQUIRE(::waitpid(child, &how, 0) == child);
  REQUIRE(WIFSIGNALED(how));
  CHECK(at.files_in("tmp") == 1);
  at.start();
  CHECK(get(*at.store, key_of(1)) == data);
  CHECK(get(*at.store, key_of(2)) == "not_found");
  CHECK(at.files_in("tmp") == 0);
}
