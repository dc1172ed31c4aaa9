#include "faulty_disk.hpp"
#include "storage/read_back.hpp"
#include "store_fixture.hpp"

#include <atoll/core/crc32c.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <string>

// A disk that stores something else than it is given is found out before anything is acknowledged.
using namespace dfs;
using namespace dfs::test;
using atl::errc;

namespace {

/// Turns over one bit of each large write while `is_flipping`, or refuses direct reads.
struct lying_disk : faulty_disk {
  bool is_flipping = false;
  bool refuses_direct = false;
  int direct_opens = 0;
  int forgotten = 0;

  ssize_t pwrite(int fd, const void* data, std::size_t size, std::uint64_t offset) override {
    if (!is_flipping || size < 1000)
      return faulty_disk::pwrite(fd, data, size, offset);
    std::string changed{static_cast<const char*>(data), size};
    changed[size / 2] ^= 0x10;
    return faulty_disk::pwrite(fd, changed.data(), size, offset);
  }
  int open(const std::string& path, int flags) override {
    if ((flags & O_DIRECT) == 0)
      return faulty_disk::open(path, flags);
    ++direct_opens;
    return refuses_direct ? -EINVAL : faulty_disk::open(path, flags & ~O_DIRECT);
  }
  void forget_cached(int fd, std::uint64_t offset, std::uint64_t size) override {
    ++forgotten;
    real_disk().forget_cached(fd, offset, size);
  }
};

struct fixture {
  lying_disk disk;
  store_fixture at{disk};
  std::string data = pattern(9 * block_size + 777);
};

} // namespace

TEST_CASE_FIXTURE(fixture, "what the disk gives back has the checksums of what was written") {
  for (std::size_t size : {std::size_t{1}, std::size_t{4096}, block_size, block_size + 1,
                           8 * block_size, data.size()}) {
    data = pattern(size);
    auto key = key_of(size);
    auto writer = at.store->begin(key, size);
    REQUIRE(writer);
    REQUIRE(writer->append(bytes_of(data), crcs_of(data)));
    REQUIRE(writer->commit(durability::verified));
    CHECK(writer->crc_on_disk() == atl::crc32c(data));
    CHECK(get(*at.store, key) == data);
  }
  CHECK(disk.direct_opens == 6);
  CHECK(disk.forgotten == 0);
}

TEST_CASE_FIXTURE(fixture, "without direct reads the kernel forgets the file first") {
  disk.refuses_direct = true;
  REQUIRE(put(*at.store, key_of(1), data, durability::verified));
  CHECK(disk.forgotten == 1);
  disk.is_flipping = true;
  CHECK(put(*at.store, key_of(2), data, durability::verified).error().code == errc::corrupt);
}

TEST_CASE_FIXTURE(fixture, "a fragment that the disk has changed is not stored") {
  disk.is_flipping = true;
  auto done = put(*at.store, key_of(1), data, durability::verified);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == errc::corrupt);
  CHECK_FALSE(at.store->find(key_of(1)));
  CHECK(at.files_in("tmp") == 0);
  CHECK(at.store->usage()->damaged == 1);
  CHECK_FALSE(at.store->failure()); // the operator decides what becomes of the disk
  disk.is_flipping = false;
  REQUIRE(put(*at.store, key_of(1), data, durability::verified));
  CHECK(get(*at.store, key_of(1)) == data);
}

TEST_CASE_FIXTURE(fixture, "without verification such a fragment is stored, and found by a check") {
  disk.is_flipping = true;
  REQUIRE(put(*at.store, key_of(1), data, durability::fsync));
  CHECK(at.store->check(key_of(1)) == false);
}

TEST_CASE_FIXTURE(fixture, "a fragment that is there already counts only if the disk has it") {
  REQUIRE(put(*at.store, key_of(1), data, durability::fsync));
  at.flip_bit(key_of(1), 100);
  REQUIRE(put(*at.store, key_of(1), data, durability::verified));
  CHECK(get(*at.store, key_of(1)) == data);
  CHECK(at.files_in("damaged") == 1);
}

TEST_CASE_FIXTURE(fixture, "a file that is shorter than its data is damaged") {
  auto file = (at.home.path() / "short").string();
  std::ofstream{file, std::ios::binary} << data;
  CHECK(read_back(disk, file, data.size())->crc == atl::crc32c(data));
  CHECK(read_back(disk, file, data.size() + 1).error().code == errc::corrupt);
  CHECK(read_back(disk, file + "x", 1).error().code == errc::not_found);
}
