// Small fragments that are stored at the same time share a sync of the file system.
#include "faulty_disk.hpp"
#include "storage/shared_sync.hpp"
#include "store_fixture.hpp"

#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

using namespace dfs;
using namespace dfs::test;

namespace {

using clock_type = shared_sync::clock;

struct sync_fixture {
  faulty_disk disk;
  store_fixture at{disk};

  void wait_for_shared_syncs(std::size_t count) {
    while (disk.shared_syncs() < count)
      std::this_thread::yield();
  }
};

} // namespace

TEST_CASE_FIXTURE(sync_fixture, "many callers share a sync, and none is answered by one that ran "
                                "when it came") {
  std::atomic<int> failures = 0, callers = 0, answered = 0;
  shared_sync together{disk, at.folder(), [&](auto&) { ++failures; }};
  auto call = [&] {
    ++callers;
    failures += together.wait() < 0;
    ++answered;
  };
  disk.hold_syncs(true);
  std::thread first{call};
  wait_for_shared_syncs(1);
  constexpr int others = 100;
  std::vector<std::thread> threads;
  for (int i = 0; i < others; ++i)
    threads.emplace_back(call);
  while (callers <= others)
    std::this_thread::yield();
  CHECK(answered == 0);
  disk.hold_syncs(false);
  first.join();
  for (auto& thread : threads)
    thread.join();
  CHECK(failures == 0);
  CHECK(disk.shared_syncs() >= 2);
  CHECK(disk.shared_syncs() < others / 2);
}

TEST_CASE_FIXTURE(sync_fixture, "what is acknowledged by a shared sync survives a power cut") {
  std::atomic<int> stored = 0;
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < 16; ++i)
    threads.emplace_back([&, i] {
      for (std::uint64_t n = 0; n < 8; ++n)
        stored += put(*at.store, key_of(100 * i + n), pattern(1000, n)).has_value();
    });
  for (auto& thread : threads)
    thread.join();
  CHECK(stored == 16 * 8);
  disk.cut_power();
  at.restart();
  for (std::uint64_t i = 0; i < 16; ++i)
    for (std::uint64_t n = 0; n < 8; ++n)
      CHECK(get(*at.store, key_of(100 * i + n)) == pattern(1000, n));
}

TEST_CASE_FIXTURE(sync_fixture, "after a failure every sync fails, and the failure is told once") {
  int failures = 0;
  shared_sync together{disk, at.folder(), [&](auto&) { ++failures; }};
  CHECK(together.wait() == 0);
  disk.fail_next(call::syncfs, EIO);
  CHECK(together.wait() == -EIO);
  CHECK(together.wait() == -EIO);
  CHECK(failures == 1);
}

TEST_CASE_FIXTURE(sync_fixture, "after a sync that was slow, for data of others perhaps, fragments "
                                "are synced by themselves for a while") {
  shared_sync together{disk, at.folder(), [](auto&) {}};
  CHECK(together.is_worthwhile(clock_type::now()));
  disk.hold_syncs(true);
  std::thread caller{[&] { CHECK(together.wait() == 0); }};
  wait_for_shared_syncs(1);
  auto slow_at = clock_type::now() + shared_sync::slow_after;
  while (clock_type::now() < slow_at)
    std::this_thread::yield();
  disk.hold_syncs(false);
  caller.join();
  CHECK_FALSE(together.is_worthwhile(clock_type::now()));
  CHECK(together.is_worthwhile(clock_type::now() + shared_sync::avoided_for));
}

TEST_CASE("where syncs of the file system don't report failures, each fragment is synced by "
          "itself") {
  faulty_disk disk;
  disk.set_reliable_syncfs(false);
  store_fixture at{disk};
  auto before = disk.syncs();
  REQUIRE(put(*at.store, key_of(1), "data"));
  CHECK(disk.shared_syncs() == 0);
  CHECK(disk.syncs() == before + 2); // file and folder
}

TEST_CASE_FIXTURE(sync_fixture, "large fragments are synced by themselves") {
  REQUIRE(put(*at.store, key_of(1), pattern(shared_sync_bytes_max)));
  CHECK(disk.shared_syncs() == 1);
  REQUIRE(put(*at.store, key_of(2), pattern(shared_sync_bytes_max + 1)));
  CHECK(disk.shared_syncs() == 1);
}
