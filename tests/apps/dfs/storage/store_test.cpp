#include "faulty_disk.hpp"
#include "store_fixture.hpp"

#include <algorithm>

using namespace dfs;
using namespace dfs::test;
using atl::errc;

TEST_CASE("fragments of all sizes around a block boundary are read back") {
  store_fixture fixture;
  std::size_t sizes[] = {0, 1, block_size - 1, block_size, block_size + 1, 8 * 1024 * 1024};
  for (auto how : {durability::fsync, durability::replicated}) {
    for (std::uint64_t i = 0; i < std::size(sizes); ++i) {
      auto key = key_of(i, how == durability::fsync ? 0 : 1);
      auto data = pattern(sizes[i], i);
      REQUIRE(put(*fixture.store, key, data, how));
      CHECK_MESSAGE(get(*fixture.store, key) == data, "size ", sizes[i]);
    }
  }
  CHECK(fixture.files_in("tmp") == 0);
}

TEST_CASE("a fragment is written in pieces of whole blocks") {
  store_fixture fixture;
  auto data = pattern(3 * block_size + 5);
  auto writer = fixture.store->begin(key_of(1), data.size());
  REQUIRE(writer);
  for (std::size_t at = 0; at < data.size(); at += 2 * block_size) {
    auto piece = std::string_view{data}.substr(at, 2 * block_size);
    REQUIRE(writer->append(bytes_of(piece), crcs_of(piece)));
  }
  REQUIRE(writer->commit(durability::fsync));
  CHECK(get(*fixture.store, key_of(1)) == data);
}

TEST_CASE("a fragment is invisible before its commit, and an abandoned write leaves no file") {
  store_fixture fixture;
  auto data = pattern(block_size);
  {
    auto writer = fixture.store->begin(key_of(1), data.size());
    REQUIRE(writer);
    REQUIRE(writer->append(bytes_of(data), crcs_of(data)));
    CHECK(fixture.store->open(key_of(1)).error().code == errc::not_found);
    CHECK(fixture.files_in("tmp") == 1);
  }
  CHECK(fixture.files_in("tmp") == 0);
  CHECK(fixture.store->list().empty());
}

TEST_CASE("a block that doesn't match the sender's checksum is not stored") {
  store_fixture fixture;
  auto data = pattern(2 * block_size);
  auto crcs = crcs_of(data);
  data[block_size + 7] ^= 1;
  auto writer = fixture.store->begin(key_of(1), data.size());
  REQUIRE(writer);
  auto done = writer->append(bytes_of(data), crcs);
  REQUIRE(!done);
  CHECK(done.error().code == errc::corrupt);
  CHECK(writer->commit(durability::fsync).error().code == errc::corrupt);
  CHECK(fixture.store->list().empty());
}

TEST_CASE("wrong use of a writer is an error and stores no fragment") {
  store_fixture fixture;
  auto data = pattern(2 * block_size);
  std::string_view all{data};
  SUBCASE("fewer bytes than were announced") {
    auto writer = fixture.store->begin(key_of(1), data.size());
    REQUIRE(
        writer->append(bytes_of(all.substr(0, block_size)), crcs_of(all.substr(0, block_size))));
    CHECK(writer->commit(durability::fsync).error().code == errc::invalid);
  }
  SUBCASE("more bytes than were announced") {
    auto writer = fixture.store->begin(key_of(1), block_size);
    CHECK(writer->append(bytes_of(all), crcs_of(all)).error().code == errc::invalid);
  }
  SUBCASE("half a block in the middle") {
    auto writer = fixture.store->begin(key_of(1), data.size());
    auto half = all.substr(0, block_size / 2);
    CHECK(writer->append(bytes_of(half), crcs_of(half)).error().code == errc::invalid);
  }
  SUBCASE("a checksum too few") {
    auto writer = fixture.store->begin(key_of(1), data.size());
    CHECK(writer->append(bytes_of(all), crcs_of(all.substr(1, block_size))).error().code ==
          errc::invalid);
  }
  SUBCASE("a fragment beyond the size limit") {
    CHECK(fixture.store->begin(key_of(1), fragment_bytes_max + 1).error().code == errc::invalid);
  }
  SUBCASE("a second commit") {
    auto writer = fixture.store->begin(key_of(2), 0);
    REQUIRE(writer->commit(durability::fsync));
    CHECK(writer->commit(durability::fsync).error().code == errc::invalid);
  }
  CHECK(fixture.store->open(key_of(1)).error().code == errc::not_found);
}

TEST_CASE("storing the same fragment again succeeds, and storing another under its name fails") {
  store_fixture fixture;
  auto data = pattern(block_size + 3);
  REQUIRE(put(*fixture.store, key_of(1), data, durability::replicated));
  CHECK(put(*fixture.store, key_of(1), data, durability::fsync));
  CHECK(put(*fixture.store, key_of(1), pattern(block_size + 3, 2)).error().code == errc::exists);
  CHECK(put(*fixture.store, key_of(1), data.substr(1)).error().code == errc::exists);
  CHECK(get(*fixture.store, key_of(1)) == data);
  CHECK(fixture.files_in("tmp") == 0);
  CHECK(fixture.store->list().size() == 1);
}

TEST_CASE("a restarted store has all fragments and no leftovers of unfinished writes") {
  store_fixture fixture;
  for (std::uint64_t i = 0; i < 20; ++i)
    REQUIRE(put(*fixture.store, key_of(i), pattern(1000 * i, i),
                i % 2 == 0 ? durability::fsync : durability::replicated));
  auto before = fixture.store->list();
  fixture.store.reset();
  std::ofstream{fixture.folder() + "/tmp/left over"} << "half a fragment";
  std::ofstream{fixture.folder() + "/00/README"} << "not ours";
  fixture.start();
  auto after = fixture.store->list();
  std::sort(before.begin(), before.end());
  std::sort(after.begin(), after.end());
  REQUIRE(before.size() == after.size());
  for (std::size_t i = 0; i < before.size(); ++i) {
    CHECK(before[i].key == after[i].key);
    CHECK(before[i].size == after[i].size);
    CHECK(before[i].generation < after[i].generation); // no number comes again
  }
  for (std::uint64_t i = 0; i < 20; ++i)
    CHECK(get(*fixture.store, key_of(i)) == pattern(1000 * i, i));
  CHECK(fixture.files_in("tmp") == 0);
  CHECK(std::filesystem::exists(fixture.folder() + "/00/README"));
}

TEST_CASE("a removed fragment stays removed, but an open one stays readable") {
  store_fixture fixture;
  auto data = pattern(5000);
  REQUIRE(put(*fixture.store, key_of(1), data));
  auto opened = fixture.store->open(key_of(1));
  REQUIRE(opened);
  REQUIRE(fixture.store->remove(key_of(1)));
  CHECK(fixture.store->remove(key_of(1)).error().code == errc::not_found);
  CHECK(fixture.store->open(key_of(1)).error().code == errc::not_found);
  std::string read(data.size(), '\0');
  CHECK(read_fully(real_disk(), opened->file.fd(), read.data(), read.size(), 0) == 5000);
  CHECK(read == data);
  fixture.restart();
  CHECK(fixture.store->list().empty());
}

TEST_CASE("a store reports its content and its free space") {
  store_fixture fixture;
  REQUIRE(put(*fixture.store, key_of(1), pattern(1000)));
  REQUIRE(put(*fixture.store, key_of(1, 3), pattern(500)));
  auto usage = fixture.store->usage();
  REQUIRE(usage);
  CHECK(usage->chunks == 2);
  CHECK(usage->bytes == 1500);
  CHECK(usage->free > 0);
  CHECK(usage->capacity >= usage->free);
  REQUIRE(fixture.store->remove(key_of(1)));
  CHECK(fixture.store->usage()->bytes == 500);

  auto capacity = usage->capacity;
  fixture.store.reset();
  fixture.start(real_disk(), 4096);
  CHECK(fixture.store->usage()->capacity == capacity - 4096);
}

TEST_CASE("a store whose disk is down to the reserve refuses a write as out of space") {
  store_fixture fixture;
  auto capacity = fixture.store->usage()->capacity;
  fixture.store.reset();
  fixture.start(real_disk(), capacity);
  CHECK(fixture.store->usage()->free == 0);
  CHECK(fixture.store->begin(key_of(1), 1).error().code == errc::no_space);
  CHECK(fixture.files_in("tmp") == 0);
  CHECK(!fixture.store->failure());
}

TEST_CASE("each fragment that was set aside is told once, unless it was stored again meanwhile") {
  store_fixture fixture;
  auto& store = *fixture.store;
  for (std::uint64_t number : {1, 2, 3, 4})
    REQUIRE(put(store, key_of(number), "data"));
  REQUIRE(store.remove(key_of(2)));
  REQUIRE(store.quarantine(key_of(3)));
  REQUIRE(store.quarantine(key_of(4)));
  REQUIRE(put(store, key_of(4), "data"));
  CHECK(store.take_damaged() == std::vector{key_of(3)});
  CHECK(store.take_damaged().empty());
}

TEST_CASE("a folder that another store has open is refused") {
  store_fixture fixture;
  auto second = chunk_store::open({fixture.folder(), 0});
  REQUIRE(!second);
  CHECK(second.error().code == errc::refused);
  CHECK(second.error().message.find("another process") != std::string::npos);
}

TEST_CASE("a fragment in memory is opened without the disk, and one that isn't there is left to "
          "whoever may wait") {
  store_fixture at;
  auto data = pattern(3 * block_size + 5);
  REQUIRE(put(*at.store, key_of(1), data));
  REQUIRE(at.store->open(key_of(1)));
  if (auto opened = at.store->open_cached(key_of(1))) { // a file system may not know how
    CHECK(opened->size == data.size());
    CHECK(opened->block_crcs == crcs_of(data));
    CHECK(opened->file.is_cached(0, data.size()));
  }
  CHECK_FALSE(at.store->open_cached(key_of(2)));
  at.flip_bit(key_of(1), -5);
  CHECK_FALSE(at.store->open_cached(key_of(1)));
  CHECK(at.store->usage()->damaged == 0);
  CHECK_FALSE(at.store->open(key_of(1)));
  CHECK(at.store->usage()->damaged == 1);
}

TEST_CASE("a disk that can't tell what is in memory opens nothing without waiting") {
  faulty_disk disk;
  store_fixture at{disk};
  REQUIRE(put(*at.store, key_of(1), "data"));
  CHECK_FALSE(at.store->open_cached(key_of(1)));
  CHECK(at.store->open(key_of(1)));
}
