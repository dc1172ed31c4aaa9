// A node's disks fail one by one, fill up, come back or are copied. No fragment is lost that
// another disk has, and none is on two.
#include "faulty_disk.hpp"
#include "storage/multi_disk_store.hpp"
#include "store_fixture.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <thread>

using namespace dfs;
using namespace dfs::test;
using atl::errc;

namespace {

namespace fs = std::filesystem;

/// A disk that can become read-only, as Linux makes it after an error, and that has the space that
/// a test says.
class changing_disk : public faulty_disk {
 public:
  std::atomic<bool> is_read_only = false;
  std::atomic<bool> is_unreadable = false; ///< its folders are
  std::atomic<std::uint64_t> free = std::uint64_t{1} << 40;

  int open(const std::string& path, int flags) override {
    return is_read_only && (flags & O_ACCMODE) != O_RDONLY ? -EROFS
                                                           : faulty_disk::open(path, flags);
  }
  int list(const std::string& path, std::vector<std::string>& out) override {
    return is_unreadable ? -EIO : faulty_disk::list(path, out);
  }
  int statvfs(const std::string&, space& out) override {
    out = {std::uint64_t{1} << 41, free};
    return 0;
  }
};

std::string get(fragment_store& store, const fragment_key& key) {
  auto opened = store.open(key);
  if (!opened)
    return std::string{to_string(opened.error().code)};
  std::string out(opened->size, '\0');
  auto done = read_checked(key, *opened, 0, std::as_writable_bytes(std::span{out}));
  return done ? out : std::string{to_string(done.error().code)};
}

struct disks_fixture {
  temporary_folder home;
  changing_disk disks[3];
  std::unique_ptr<multi_disk_store> store;
  std::string data = pattern(2 * block_size);

  disks_fixture() {
    for (std::size_t i = 0; i < 3; ++i)
      fs::create_directories(folder(i));
    start();
  }

  std::string folder(std::size_t disk) const {
    return (home.path() / ("disk" + std::to_string(disk))).string();
  }
  std::vector<multi_disk_store::disk_options> options() {
    std::vector<multi_disk_store::disk_options> all;
    for (std::size_t i = 0; i < 3; ++i) {
      multi_disk_store::disk_options each{folder(i)};
      each.store.folder = folder(i) + "/chunks";
      each.on = &disks[i];
      all.push_back(std::move(each));
    }
    return all;
  }
  void start() {
    store.reset();
    auto opened = multi_disk_store::open(options(), 1);
    REQUIRE_MESSAGE(opened, opened.error().message);
    store = std::move(*opened);
  }
  std::string path_of(std::size_t disk, const fragment_key& key) const {
    return folder(disk) + "/chunks/" + to_string(key.chunk).substr(16, 2) + "/" + to_string(key);
  }
  std::vector<std::size_t> disks_with(const fragment_key& key) const {
    std::vector<std::size_t> with;
    for (std::size_t i = 0; i < 3; ++i)
      if (fs::exists(path_of(i, key)))
        with.push_back(i);
    return with;
  }
  /// Stores fragments until each disk has some. @returns how many
  std::uint64_t fill() {
    std::uint64_t count = 0;
    auto has_some = [this](std::size_t i) { return store->store_of(i)->list().size() >= 3; };
    while (!has_some(0) || !has_some(1) || !has_some(2))
      REQUIRE(put(*store, key_of(++count), data));
    return count;
  }
  std::vector<fragment_key> keys_on(std::size_t disk) const {
    std::vector<fragment_key> keys;
    for (auto& each : store->store_of(disk)->list())
      keys.push_back(each.key);
    return keys;
  }
  std::vector<fragment_key> take_damaged() {
    auto found = store->take_damaged();
    std::ranges::sort(found);
    return found;
  }
  /// The store looks after its disks now and then while it is asked for its usage.
  void wait_until_unused(std::size_t disk) const {
    while (store->is_used(disk)) {
      REQUIRE(store->usage());
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
  }
  /// Only the given disk takes new fragments.
  void leave_room_on(std::size_t only) {
    for (std::size_t i = 0; i < 3; ++i)
      disks[i].free = i == only ? std::uint64_t{1} << 40 : 0;
    start();
  }
  void expect_unused(std::size_t disk, const std::vector<fragment_key>& lost) {
    CHECK_FALSE(store->is_used(disk));
    CHECK_FALSE(store->failure());
    auto state = store->disks()[disk];
    CHECK(state.folder == folder(disk));
    CHECK(state.failure.find("put an empty disk in its place") != std::string::npos);
    CHECK(take_damaged() == lost);
    CHECK(take_damaged().empty());
    for (auto& key : lost) {
      CHECK_FALSE(store->find(key));
      CHECK(store->check(key).error().code == errc::not_found);
    }
    for (auto& each : store->slice({}, 1000))
      CHECK(std::ranges::find(lost, each.key) == lost.end());
    for (std::uint64_t i = 1000; i < 1020; ++i) // writes go to the others
      CHECK(put(*store, key_of(i), data));
  }
};

} // namespace

TEST_CASE_FIXTURE(disks_fixture, "fragments are spread over the disks, each on one") {
  auto count = fill();
  std::vector<fragment_key> expected;
  for (std::uint64_t i = 1; i <= count; ++i) {
    CHECK(disks_with(key_of(i)).size() == 1);
    CHECK(get(*store, key_of(i)) == data);
    CHECK(store->open_cached(key_of(i)).has_value() == false); // this disk doesn't know the call
    expected.push_back(key_of(i));
  }
  std::ranges::sort(expected);
  std::vector<fragment_key> listed;
  for (fragment_key from;;) { // a few at a time, as masters ask
    auto some = store->slice(from, 2);
    if (some.empty())
      break;
    for (auto& each : some)
      listed.push_back(each.key);
    from = some.back().key;
    ++from.fragment;
  }
  CHECK(listed == expected);
  auto usage = store->usage();
  REQUIRE(usage);
  CHECK(usage->chunks == count);
  CHECK(usage->bytes == count * data.size());
  CHECK(usage->capacity == 3 * (std::uint64_t{1} << 41));
  CHECK(usage->free == 3 * (std::uint64_t{1} << 40));
}

TEST_CASE_FIXTURE(disks_fixture, "a fragment is stored again where it is, and removed from there") {
  leave_room_on(1);
  REQUIRE(put(*store, key_of(1), data));
  auto before = store->find(key_of(1))->generation;
  leave_room_on(2);
  disks[1].free = std::uint64_t{1} << 40;
  start();
  REQUIRE(put(*store, key_of(1), data));
  CHECK(disks_with(key_of(1)) == std::vector<std::size_t>{1});
  auto now = store->find(key_of(1))->generation;
  CHECK(now != before);
  CHECK(store->remove(key_of(1), before).error().code == errc::not_found);
  CHECK(store->remove(key_of(1), now));
  CHECK(disks_with(key_of(1)).empty());
}

TEST_CASE_FIXTURE(disks_fixture, "two writers of one fragment at the same time use the same disk") {
  for (std::uint64_t i = 1; i <= 30; ++i) {
    auto first = store->begin(key_of(i), data.size());
    auto second = store->begin(key_of(i), data.size());
    REQUIRE(first);
    REQUIRE(second);
    for (auto* each : {&*second, &*first}) {
      REQUIRE(each->append(bytes_of(data), crcs_of(data)));
      REQUIRE(each->commit(durability::fsync));
    }
    CHECK(disks_with(key_of(i)).size() == 1);
  }
}

TEST_CASE_FIXTURE(disks_fixture, "one full disk isn't a full node, and three are") {
  leave_room_on(1);
  for (std::uint64_t i = 1; i <= 10; ++i) {
    REQUIRE(put(*store, key_of(i), data));
    CHECK(disks_with(key_of(i)) == std::vector<std::size_t>{1});
  }
  SUBCASE("a disk that has become full since it was asked is passed over") {
    disks[0].free = disks[2].free = std::uint64_t{1} << 40;
    start();
    disks[0].free = disks[1].free = 0; // not noticed yet
    for (std::uint64_t i = 11; i <= 30; ++i) {
      REQUIRE(put(*store, key_of(i), data));
      CHECK(disks_with(key_of(i)) == std::vector<std::size_t>{2});
    }
  }
  SUBCASE("without room on any the error is that of a full disk, and no disk has failed") {
    disks[1].free = 0;
    start();
    CHECK(put(*store, key_of(11), data).error().code == errc::no_space);
    for (std::size_t i = 0; i < 3; ++i)
      CHECK(store->is_used(i));
  }
}

TEST_CASE_FIXTURE(disks_fixture, "a disk that fails a write isn't used any more, and its fragments "
                                 "are told as lost") {
  fill();
  auto lost = keys_on(1);
  for (auto& disk : {0, 2})
    disks[disk].free = 0;
  start(); // the next fragment goes to disk 1
  SUBCASE("on write") {
    disks[1].fail_next(call::pwrite, EIO);
  }
  SUBCASE("on sync") {
    disks[1].fail_next(call::fdatasync, EIO);
  }
  SUBCASE("on rename") {
    disks[1].fail_next(call::rename, EROFS);
  }
  CHECK(put(*store, key_of(500), data).error().code == errc::io);
  for (auto& disk : {0, 2})
    disks[disk].free = std::uint64_t{1} << 40;
  expect_unused(1, lost);
  auto usage = store->usage();
  REQUIRE(usage);
  CHECK(usage->capacity == 2 * (std::uint64_t{1} << 41));
  CHECK(get(*store, lost.front()) == data); // from the failed disk, because no other one has it
  // Nor is the disk used after a restart, until an operator has looked at it.
  start();
  expect_unused(1, lost);
  store.reset();
  REQUIRE(fs::remove(folder(1) + "/chunks/failed"));
  start();
  CHECK(store->is_used(1));
  CHECK(store->find(lost.front()));
  CHECK(get(*store, lost.front()) == data);
}

TEST_CASE_FIXTURE(disks_fixture, "a disk that fails without a write is noticed") {
  fill();
  auto lost = keys_on(2);
  SUBCASE("its folder vanishes") {
    fs::rename(folder(2), folder(2) + ".gone");
  }
  SUBCASE("its folder is replaced by an empty one") {
    fs::rename(folder(2) + "/chunks", folder(2) + ".gone");
    fs::create_directories(folder(2) + "/chunks");
  }
  SUBCASE("its file system becomes read-only") {
    disks[2].is_read_only = true;
  }
  SUBCASE("its folders can't be read") {
    disks[2].is_unreadable = true;
  }
  wait_until_unused(2);
  disks[2].is_read_only = false;
  expect_unused(2, lost);
}

TEST_CASE_FIXTURE(disks_fixture, "the node fails when its last disk does") {
  fill();
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK_FALSE(store->failure());
    disks[i].is_read_only = true;
    wait_until_unused(i);
  }
  REQUIRE(store->failure());
  CHECK(store->failure()->message.find("all disks") != std::string::npos);
  CHECK(put(*store, key_of(900), data).error().code == errc::io);
  CHECK(store->slice({}, 10).empty());
}

TEST_CASE_FIXTURE(disks_fixture, "a disk that can't be opened at the start is left out") {
  auto count = fill();
  auto lost = keys_on(0);
  store.reset();
  SUBCASE("because its file system is read-only") {
    disks[0].is_read_only = true;
  }
  SUBCASE("because its folders can't be read") {
    disks[0].is_unreadable = true;
  }
  SUBCASE("because its folder can't be made") {
    fs::rename(folder(0), folder(0) + ".gone");
    std::ofstream{folder(0)} << "a file";
  }
  start();
  CHECK_FALSE(store->is_used(0));
  CHECK_FALSE(store->disks()[0].failure.empty());
  CHECK(store->usage()->chunks == count - lost.size());
  CHECK(get(*store, lost.front()) == "not_found");
  CHECK(put(*store, lost.front(), data)); // made anew on another disk
}

TEST_CASE_FIXTURE(disks_fixture, "another process that has one disk keeps the node from starting") {
  auto other = multi_disk_store::open(options(), 1);
  REQUIRE_FALSE(other);
  CHECK(other.error().code == errc::refused);
}

TEST_CASE_FIXTURE(disks_fixture, "of a fragment on two disks the start keeps the good copy") {
  leave_room_on(0);
  REQUIRE(put(*store, key_of(1), data));
  REQUIRE(put(*store, key_of(2), data));
  store.reset();
  fs::create_directories(fs::path{path_of(1, key_of(1))}.parent_path());
  fs::copy_file(path_of(0, key_of(1)), path_of(1, key_of(1)));
  auto damage = [this](std::size_t disk) {
    std::fstream file{path_of(disk, key_of(1)), std::ios::in | std::ios::out | std::ios::binary};
    file.seekp(1000);
    file.put('?');
    REQUIRE(file.good());
  };
  std::size_t good = 0;
  SUBCASE("both are intact") {}
  SUBCASE("the second is damaged") {
    damage(1);
  }
  SUBCASE("the first is damaged") {
    damage(0);
    good = 1;
  }
  start();
  CHECK(disks_with(key_of(1)) == std::vector<std::size_t>{good});
  CHECK(get(*store, key_of(1)) == data);
  CHECK(take_damaged().empty()); // nothing is lost
  CHECK(store->slice({}, 10).size() == 2);
}

TEST_CASE_FIXTURE(disks_fixture, "many fragments of a failed disk are told a part at a time") {
  leave_room_on(1);
  std::vector<fragment_key> all;
  for (std::uint64_t i = 1; i <= 2500; ++i) {
    REQUIRE(put(*store, key_of(i), "x", durability::replicated));
    all.push_back(key_of(i));
  }
  std::ranges::sort(all);
  REQUIRE(store->flush());
  disks[1].is_read_only = true;
  wait_until_unused(1);
  auto first = take_damaged();
  CHECK(first.size() == 2000);
  auto rest = take_damaged();
  first.insert(first.end(), rest.begin(), rest.end());
  CHECK(first == all);
}

TEST_CASE_FIXTURE(disks_fixture,
                  "writers, readers and a failing disk at the same time lose nothing "
                  "that was acknowledged on another disk") {
  auto count = fill();
  std::atomic<bool> stops = false;
  std::vector<fragment_key> stored;
  std::thread reader{[&] {
    for (std::uint64_t i = 1; !stops; i = i % count + 1)
      if (auto opened = store->open(key_of(i)))
        CHECK(opened->size == data.size());
  }};
  for (std::uint64_t i = 2000; i < 2200; ++i) {
    if (i == 2050)
      disks[1].is_read_only = true;
    if (put(*store, key_of(i), data))
      stored.push_back(key_of(i));
  }
  stops = true;
  reader.join();
  CHECK_FALSE(store->is_used(1));
  CHECK(stored.size() >= 199); // at most the write that met the failure is refused
  for (auto& key : stored)
    CHECK(get(*store, key) == data);
}
