#include "apps/dfs/storage/store_fixture.hpp"
#include "node/disk_scrubs.hpp"
#include "storage/multi_disk_store.hpp"

#include <chrono>
#include <thread>

using namespace dfs;
using namespace dfs::test;
using protocol::scrub_phase;
using protocol::scrub_status;

namespace {

namespace fs = std::filesystem;

struct two_disks {
  temporary_folder home;
  std::shared_ptr<multi_disk_store> store;
  std::unique_ptr<disk_scrubs> scrubs;
  std::string data = pattern(3 * block_size);

  two_disks() {
    std::vector<multi_disk_store::disk_options> options;
    for (auto* name : {"disk0", "disk1"}) {
      fs::create_directories(home / name);
      multi_disk_store::disk_options each{(home / name).string()};
      each.store.folder = (home / name / "chunks").string();
      options.push_back(std::move(each));
    }
    auto opened = multi_disk_store::open(std::move(options), 1);
    REQUIRE_MESSAGE(opened, opened.error().message);
    store = std::move(*opened);
    for (std::uint64_t i = 1;
         store->store_of(0)->list().empty() || store->store_of(1)->list().empty() || i < 8; ++i) {
      auto writer = store->begin(key_of(i), data.size());
      REQUIRE(writer);
      REQUIRE(writer->append(bytes_of(data), crcs_of(data)));
      REQUIRE(writer->commit(durability::fsync));
    }
    start();
  }

  void start() {
    scrubs.reset();
    std::vector<scrub_host::settings> settings(2);
    for (std::size_t i = 0; i < 2; ++i) {
      settings[i].store = std::shared_ptr<fragment_store>{store, store->store_of(i)};
      settings[i].file = (home / ("disk" + std::to_string(i)) / "scrub").string();
      settings[i].limits = {std::chrono::hours{1}, 1 << 30};
      settings[i].in_flight = [] { return 0U; };
      settings[i].is_in_use = [store = store, i] { return store->is_used(i); };
    }
    scrubs = std::make_unique<disk_scrubs>(std::move(settings));
  }
  scrub_status wait_until_done(std::uint64_t run) {
    for (;;) {
      auto state = scrubs->order({run, true});
      if (state.phase != scrub_phase::reading)
        return state.status;
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }
};

} // namespace

TEST_CASE_FIXTURE(two_disks, "a scrub reads every disk, and keeps a position on each") {
  auto status = wait_until_done(7);
  CHECK(status.done_bytes == store->usage()->bytes);
  CHECK(status.damaged == 0);
  auto disks = scrubs->disks();
  REQUIRE(disks.size() == 2);
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(disks[i].done_bytes == store->store_of(i)->usage()->bytes);
  scrubs.reset();
  CHECK(fs::exists(home / "disk0" / "scrub"));
  CHECK(fs::exists(home / "disk1" / "scrub"));
  start();
  CHECK(scrubs->order({7, true}).phase == scrub_phase::done); // known after a restart
}

TEST_CASE_FIXTURE(two_disks, "a disk that has failed is not scrubbed, and the others are") {
  auto left = store->store_of(0)->usage()->bytes;
  fs::rename(home / "disk1", home / "gone");
  while (store->is_used(1)) { // the store looks after its disks now and then
    REQUIRE(store->usage());
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  auto status = wait_until_done(8);
  CHECK(status.done_bytes == left);
  CHECK(status.damaged == 0);
}

TEST_CASE("scrubs of several disks are shown as one") {
  scrub_status done{100, 200, 50, 50, 1, "damage"};
  scrub_status other{150, 300, 10, 10, 2, ""};
  scrub_status reading{400, 200, 5, 20, 0, ""};
  scrub_status never;
  auto both = sum_scrubs({done, other, never});
  CHECK(both == scrub_status{100, 200, 60, 60, 3, "damage"});
  CHECK(both.ended_us >= both.began_us); // complete
  auto one_reads = sum_scrubs({done, reading});
  CHECK(one_reads.ended_us < one_reads.began_us);
  CHECK(one_reads.done_bytes == 55);
  CHECK(one_reads.total_bytes == 70);
  CHECK(sum_scrubs({never, never}) == never);
  CHECK(sum_scrubs({}) == never);
}
