#include "storage/disk_choice.hpp"

#include <doctest/doctest.h>

using namespace dfs;

namespace {

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

} // namespace

TEST_CASE("new fragments go to the disks in proportion to their free space") {
  atl::spi::random_source random{7};
  std::vector<disk_room> disks{{true, 10 * gib}, {true, 30 * gib}};
  int second = 0;
  for (int i = 0; i < 4000; ++i)
    second += choose_disks(disks, 1000, random).front() == 1 ? 1 : 0;
  CHECK(second > 2850);
  CHECK(second < 3150);
}

TEST_CASE("disks that are full or not used get no fragment, and the others follow by free space") {
  atl::spi::random_source random{7};
  std::vector<disk_room> disks{
      {true, 999}, {false, 50 * gib}, {true, 2 * gib}, {true, 1000}, {true, gib}};
  for (int i = 0; i < 100; ++i) {
    auto order = choose_disks(disks, 1000, random);
    REQUIRE(order.size() == 3);
    auto first = order.front();
    auto rest = std::vector<std::size_t>{order.begin() + 1, order.end()};
    auto expected = first == 2   ? std::vector<std::size_t>{4, 3}
                    : first == 4 ? std::vector<std::size_t>{2, 3}
                                 : std::vector<std::size_t>{2, 4};
    CHECK(rest == expected);
  }
  CHECK(choose_disks(disks, 3 * gib, random).empty());
  CHECK(choose_disks({}, 0, random).empty());
}

TEST_CASE("a choice among disks of which one has room needs no chance") {
  atl::spi::random_source random{7};
  auto next = atl::spi::random_source{7}.next();
  std::vector<disk_room> disks{{true, 10}, {true, gib}};
  CHECK(choose_disks(disks, 1000, random) == std::vector<std::size_t>{1});
  CHECK(random.next() == next);
}
