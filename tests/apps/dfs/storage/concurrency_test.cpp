#include "store_fixture.hpp"

#include <atomic>
#include <thread>

using namespace dfs;
using namespace dfs::test;

namespace {

template <class Work>
void in_threads(int count, Work work) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i)
    threads.emplace_back([&work, i] { work(i); });
  for (auto& each : threads)
    each.join();
}

} // namespace

TEST_CASE("concurrent writers of different fragments store all of them complete") {
  store_fixture fixture;
  in_threads(8, [&](int thread) {
    for (std::uint64_t i = 0; i < 25; ++i) {
      auto number = static_cast<std::uint64_t>(thread) * 100 + i;
      auto how = i % 4 == 0 ? durability::fsync : durability::replicated;
      auto done = put(*fixture.store, key_of(number), pattern(number * 100, number), how);
      CHECK(done);
    }
  });
  CHECK(fixture.store->list().size() == 200);
  fixture.restart();
  for (const auto& each : fixture.store->list())
    CHECK(fixture.store->verify(each.key));
  CHECK(fixture.store->list().size() == 200);
}

TEST_CASE("concurrent writers of equal content all succeed, and of different content only one") {
  store_fixture fixture;
  std::atomic<int> succeeded = 0;
  SUBCASE("the same") {
    in_threads(8,
               [&](int) { succeeded += put(*fixture.store, key_of(1), pattern(100'000)) ? 1 : 0; });
    CHECK(succeeded == 8);
  }
  SUBCASE("different") {
    in_threads(8, [&](int thread) {
      auto data = pattern(100'000, static_cast<std::uint64_t>(thread));
      succeeded += put(*fixture.store, key_of(1), data) ? 1 : 0;
    });
    CHECK(succeeded == 1);
  }
  CHECK(fixture.store->list().size() == 1);
  CHECK(fixture.store->verify(key_of(1)));
  CHECK(fixture.files_in("tmp") == 0);
}

TEST_CASE("a fragment that is concurrently written, read, removed and moved aside is complete "
          "or missing") {
  store_fixture fixture;
  auto data = pattern(70'000);
  in_threads(4, [&](int thread) {
    for (int i = 0; i < 50; ++i) {
      if (thread == 0) {
        CHECK(put(*fixture.store, key_of(1), data, durability::replicated));
      } else if (thread == 1) {
        (void)fixture.store->remove(key_of(1));
      } else if (thread == 2) {
        (void)fixture.store->quarantine(key_of(1));
      } else {
        auto opened = fixture.store->open(key_of(1));
        if (opened)
          CHECK(opened->size == data.size());
        fixture.store->take_damaged();
        fixture.store->usage();
      }
    }
  });
  CHECK(put(*fixture.store, key_of(1), data));
  CHECK(get(*fixture.store, key_of(1)) == data);
  auto usage = fixture.store->usage();
  CHECK(usage->chunks == 1);
  CHECK(usage->bytes == data.size());
}
