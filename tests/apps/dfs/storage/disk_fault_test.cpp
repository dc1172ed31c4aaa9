// The disk is full or fails. No write is acknowledged unless it is stored, no partial file
// remains, and a failed disk gets no further writes.
#include "faulty_disk.hpp"
#include "store_fixture.hpp"

#include <atomic>
#include <thread>

using namespace dfs;
using namespace dfs::test;
using atl::errc;

namespace {

struct fault_fixture {
  faulty_disk disk;
  store_fixture at{disk};
  std::string data = pattern(4 * block_size);

  fault_fixture() { REQUIRE(put(*at.store, key_of(1), data)); }

  void expect_failed() {
    REQUIRE(at.store->failure());
    auto refused = at.store->begin(key_of(3), 10);
    REQUIRE(!refused);
    CHECK(refused.error().code == errc::io);
    CHECK(refused.error().message.find("failed") != std::string::npos);
    CHECK(get(*at.store, key_of(1)) == data); // reads go on
    CHECK(at.files_in("tmp") == 0);
    // Nor after a restart, until an operator has examined the disk and removed the mark.
    at.restart(disk);
    REQUIRE(at.store->failure());
    CHECK(at.store->begin(key_of(3), 10).error().code == errc::io);
    CHECK(get(*at.store, key_of(1)) == data);
    at.store.reset();
    REQUIRE(std::filesystem::remove(at.folder() + "/failed"));
    at.start(disk);
    CHECK(put(*at.store, key_of(3), data));
  }
};

} // namespace

TEST_CASE_FIXTURE(fault_fixture, "writes that take only a few bytes at a time store all of them") {
  disk.limit_writes(4999);
  REQUIRE(put(*at.store, key_of(2), data));
  CHECK(get(*at.store, key_of(2)) == data);
}

TEST_CASE_FIXTURE(fault_fixture,
                  "a disk that fills up is a clean error: nothing stays, reads go on") {
  for (std::uint64_t room : {std::uint64_t{0}, std::uint64_t{1000}, std::uint64_t{data.size()},
                             std::uint64_t{data.size() + 20}}) {
    disk.full_after(room);
    auto done = put(*at.store, key_of(2), data);
    REQUIRE(!done);
    CHECK(done.error().code == errc::no_space);
    CHECK(at.files_in("tmp") == 0);
    CHECK(at.store->open(key_of(2)).error().code == errc::not_found);
  }
  CHECK(get(*at.store, key_of(1)) == data);
  CHECK(!at.store->failure());
  disk.full_after(1'000'000);
  CHECK(put(*at.store, key_of(2), data));
}

TEST_CASE_FIXTURE(fault_fixture, "a disk too full for the name of a file is a clean error, too") {
  disk.fail_next(call::open, ENOSPC);
  CHECK(put(*at.store, key_of(2), data).error().code == errc::no_space);
  disk.fail_next(call::rename, ENOSPC);
  CHECK(put(*at.store, key_of(2), data).error().code == errc::no_space);
  disk.fail_next(call::fdatasync, EDQUOT);
  CHECK(put(*at.store, key_of(2), data).error().code == errc::no_space);
  CHECK(at.files_in("tmp") == 0);
  CHECK(!at.store->failure());
}

TEST_CASE_FIXTURE(fault_fixture,
                  "a disk that fails is marked, and nothing it failed is acknowledged") {
  SUBCASE("on write") {
    disk.fail_next(call::pwrite, EIO);
  }
  SUBCASE("on sync of the file") {
    disk.fail_next(call::fdatasync, EIO);
  }
  SUBCASE("on close") {
    disk.fail_next(call::close, EIO);
  }
  SUBCASE("on rename") {
    disk.fail_next(call::rename, EIO);
  }
  SUBCASE("on sync of the folder") {
    disk.fail_next(call::fsync_dir, EIO);
  }
  SUBCASE("on creating a file") {
    disk.fail_next(call::open, EROFS);
  }
  CHECK(put(*at.store, key_of(2), data).error().code == errc::io);
  CHECK(at.store->open(key_of(2)).error().code == errc::not_found);
  expect_failed();
}

TEST_CASE_FIXTURE(fault_fixture, "a sync that failed is not tried again") {
  auto writer = at.store->begin(key_of(2), data.size());
  REQUIRE(writer->append(bytes_of(data), crcs_of(data)));
  disk.fail_next(call::fdatasync, EIO);
  CHECK(!writer->commit(durability::fsync));
  auto syncs = disk.syncs();
  CHECK(!writer->commit(durability::fsync));
  CHECK(!writer->commit(durability::replicated));
  CHECK(disk.syncs() == syncs);
}

TEST_CASE_FIXTURE(fault_fixture, "a writer that had begun before the disk failed can't commit") {
  auto writer = at.store->begin(key_of(2), data.size());
  REQUIRE(writer->append(bytes_of(data), crcs_of(data)));
  disk.fail_next(call::fdatasync, EIO);
  CHECK(!put(*at.store, key_of(4), data));
  CHECK(writer->commit(durability::fsync).error().code == errc::io);
  CHECK(at.store->open(key_of(2)).error().code == errc::not_found);
}

TEST_CASE_FIXTURE(fault_fixture, "a background sync that fails marks the disk") {
  SUBCASE("of a file") {
    disk.fail_next(call::fdatasync, EIO);
  }
  SUBCASE("of a file, for lack of space, after its acknowledgement") {
    disk.fail_next(call::fdatasync, ENOSPC);
  }
  SUBCASE("of a folder") {
    disk.fail_next(call::fsync_dir, EIO);
  }
  SUBCASE("closing a file") {
    disk.fail_next(call::close, EIO);
  }
  CHECK(put(*at.store, key_of(2), data, durability::replicated));
  CHECK(at.store->flush().error().code == errc::io);
  expect_failed();
}

TEST_CASE("a repeated write gives a stored fragment the requested durability") {
  faulty_disk disk;
  store_fixture at{disk};
  REQUIRE(put(*at.store, key_of(1), "data", durability::replicated));
  REQUIRE(at.store->flush());
  auto before = disk.syncs();
  REQUIRE(put(*at.store, key_of(1), "data", durability::replicated));
  CHECK(disk.syncs() == before);
  REQUIRE(put(*at.store, key_of(1), "data", durability::fsync));
  CHECK(disk.syncs() >= before + 2); // file and folder
}

TEST_CASE("commits wait while the background sync lags behind") {
  faulty_disk disk;
  store_fixture at{disk};
  auto syncs = disk.syncs();
  disk.hold_syncs(true);
  std::atomic<std::uint64_t> committed = 0;
  std::thread writer{[&] {
    for (std::uint64_t i = 0; i <= sync_backlog_files_max; ++i) {
      auto done = put(*at.store, key_of(i), "", durability::replicated);
      if (!done)
        return;
      ++committed;
    }
  }};
  while (committed < sync_backlog_files_max)
    std::this_thread::yield();
  // One more write is in progress, and can't finish before a sync does.
  CHECK(committed == sync_backlog_files_max);
  CHECK(disk.syncs() == syncs);
  disk.hold_syncs(false);
  writer.join();
  CHECK(committed == sync_backlog_files_max + 1);
  CHECK(at.store->flush());
}
