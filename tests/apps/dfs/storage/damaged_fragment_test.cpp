// A fragment's file was damaged: the damage must be found, counted and reported, the file moved.
#include "faulty_disk.hpp"
#include "store_fixture.hpp"

using namespace dfs;
using namespace dfs::test;
using atl::errc;

namespace {

/// A store with one good fragment beside the one that is to be damaged.
struct damage_fixture : store_fixture {
  fragment_key victim = key_of(1);
  fragment_key bystander = key_of(2);
  std::string data = pattern(3 * block_size + 100);

  damage_fixture() {
    REQUIRE(put(*store, victim, data));
    REQUIRE(put(*store, bystander, data));
  }

  void expect_moved_aside(std::size_t files = 1) {
    CHECK(store->open(victim).error().code == errc::not_found);
    CHECK(store->usage()->damaged == 1);
    CHECK(store->take_damaged() == std::vector{victim});
    CHECK(files_in("damaged") == files);
    CHECK(get(*store, bystander) == data);
    // A fragment that is written in its place is served.
    REQUIRE(put(*store, victim, data));
    CHECK(get(*store, victim) == data);
  }
};

} // namespace

TEST_CASE_FIXTURE(damage_fixture, "a flipped bit of data is found when the fragment is verified") {
  flip_bit(victim, 2 * block_size + 17);
  auto done = store->verify(victim);
  REQUIRE(!done);
  CHECK(done.error().code == errc::corrupt);
  CHECK(done.error().message.find("block 2") != std::string::npos);
  CHECK(store->check(victim).value() == false);
  expect_moved_aside();
}

TEST_CASE_FIXTURE(damage_fixture, "checking a fragment that is in order changes nothing") {
  CHECK(store->check(victim).value() == true);
  CHECK(store->usage()->damaged == 0);
  CHECK(get(*store, victim) == data);
  CHECK(store->check(key_of(99)).error().code == errc::not_found);
}

TEST_CASE_FIXTURE(damage_fixture, "a damaged file is found when it is opened") {
  SUBCASE("cut short by a byte") {
    std::filesystem::resize_file(path_of(victim), std::filesystem::file_size(path_of(victim)) - 1);
  }
  SUBCASE("cut to nothing") {
    std::filesystem::resize_file(path_of(victim), 0);
  }
  SUBCASE("made longer") {
    std::filesystem::resize_file(path_of(victim), std::filesystem::file_size(path_of(victim)) + 64);
  }
  SUBCASE("swapped with another fragment") {
    std::filesystem::copy_file(path_of(bystander), path_of(victim),
                               std::filesystem::copy_options::overwrite_existing);
  }
  SUBCASE("a bit flipped in the trailer") {
    flip_bit(victim, -20);
  }
  SUBCASE("a bit flipped in the table of checksums") {
    flip_bit(victim, -60);
  }
  CHECK(store->open(victim).error().code == errc::corrupt);
  expect_moved_aside();
}

TEST_CASE_FIXTURE(damage_fixture, "a file that another process deleted is reported as damaged") {
  std::filesystem::remove(path_of(victim));
  CHECK(store->open(victim).error().code == errc::corrupt);
  expect_moved_aside(0);
}

TEST_CASE_FIXTURE(damage_fixture, "a file damaged while the node was down is found at the start") {
  store.reset();
  SUBCASE("cut short") {
    std::filesystem::resize_file(path_of(victim), 100);
  }
  SUBCASE("a bit flipped in the trailer") {
    flip_bit(victim, -1);
  }
  start();
  CHECK(store->list().size() == 1);
  expect_moved_aside();
}

TEST_CASE_FIXTURE(damage_fixture, "a damaged fragment is replaced by a new write") {
  flip_bit(victim, -60);
  CHECK(put(*store, victim, data));
  CHECK(get(*store, victim) == data);
  CHECK(store->usage()->damaged == 1);
}

TEST_CASE_FIXTURE(damage_fixture, "a fragment that was moved aside stays away after a restart") {
  REQUIRE(store->quarantine(victim));
  CHECK(store->quarantine(victim).error().code == errc::not_found);
  restart();
  CHECK(store->list().size() == 1);
  CHECK(store->open(victim).error().code == errc::not_found);
  // The numbers in damaged/ continue, so the next file overwrites none.
  REQUIRE(store->quarantine(bystander));
  CHECK(files_in("damaged") == 2);
}

TEST_CASE("a sector that can't be read counts as damaged, and the store stays writable") {
  faulty_disk disk;
  store_fixture fixture{disk};
  REQUIRE(put(*fixture.store, key_of(1), pattern(block_size)));
  SUBCASE("in the footer") {
    disk.fail_next(call::pread, EIO);
    CHECK(fixture.store->open(key_of(1)).error().code == errc::corrupt);
  }
  SUBCASE("on opening") {
    disk.fail_next(call::open, EIO);
    CHECK(fixture.store->open(key_of(1)).error().code == errc::corrupt);
  }
  CHECK(fixture.store->usage()->damaged == 1);
  CHECK(put(*fixture.store, key_of(1), pattern(block_size)));
}

TEST_CASE("a lack of descriptors is not damage of a fragment") {
  faulty_disk disk;
  store_fixture fixture{disk};
  REQUIRE(put(*fixture.store, key_of(1), pattern(block_size)));
  disk.fail_next(call::open, EMFILE);
  CHECK(fixture.store->open(key_of(1)).error().code == errc::busy);
  disk.fail_next(call::open, EMFILE);
  CHECK(fixture.store->begin(key_of(2), 1).error().code == errc::busy);
  CHECK(!fixture.store->failure());
  CHECK(get(*fixture.store, key_of(1)) == pattern(block_size));
}
