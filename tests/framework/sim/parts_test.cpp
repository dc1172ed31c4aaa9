#include "sim/event_queue.hpp"
#include "sim/sim_disk.hpp"
#include "sim/sim_network.hpp"

#include <atoll/sim/register_machine.hpp>

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace atl::sim;
namespace spi = atl::spi;

namespace {

spi::persist write(spi::persist_token token, std::uint64_t index, std::string bytes) {
  return {token, {spi::put_record{0, index, std::move(bytes)}}};
}

} // namespace

TEST_CASE("events are returned by time, and events of one time in insertion order") {
  event_queue queue;
  for (std::uint64_t arg : {5, 1, 4, 1, 3})
    queue.push({static_cast<std::int64_t>(arg), 0, queue.size(), 0, 0, event_kind::fault_injector});
  std::string order;
  while (!queue.empty()) {
    auto it = queue.pop();
    order += std::to_string(it.at) + ":" + std::to_string(it.arg) + " ";
  }
  CHECK(order == "1:1 1:3 3:4 4:2 5:0 ");
}

TEST_CASE("a disk keeps synced writes, and of unsynced writes those that a crash leaves") {
  sim_disk it;
  it.submit(write(1, 1, "one"));
  it.begin_sync();
  it.submit(write(2, 2, "two")); // submitted after the sync
  CHECK(it.end_sync() == 1);
  CHECK(it.read().records.size() == 1);
  it.submit(write(3, 3, "three"));
  it.crash(1);
  auto left = it.read();
  REQUIRE(left.records.size() == 2);
  CHECK(left.records[1].bytes == "two");
  CHECK(it.waiting() == 0);
}

TEST_CASE("records are erased by range, and read in order of stream and index") {
  sim_disk it;
  spi::persist all{1, {}};
  for (std::uint32_t stream : {1U, 0U})
    for (std::uint64_t index : {3, 1, 2})
      all.ops.push_back(spi::put_record{stream, index, "x"});
  all.ops.push_back(spi::erase_records{0, 2, 3});
  all.ops.push_back(spi::erase_records{1, 9, 2}); // this range is empty
  all.ops.push_back(spi::set_meta{"meta"});
  it.submit(std::move(all));
  it.begin_sync();
  it.end_sync();
  CHECK(it.places() == std::vector<sim_disk::place>{{0, 1}, {1, 1}, {1, 2}, {1, 3}});
  CHECK(it.read().meta == "meta");
}

TEST_CASE("a damaged record reads as corrupt until it is written again, and not as missing") {
  sim_disk it;
  it.submit(write(1, 1, "one"));
  it.begin_sync();
  it.end_sync();
  CHECK(!it.damage({0, 2}));
  REQUIRE(it.damage({0, 1}));
  auto read = it.read();
  REQUIRE(read.records.size() == 1);
  CHECK(read.records[0].state == spi::record_state::corrupt);
  CHECK(read.records[0].bytes.empty());
  it.submit(write(2, 1, "uno"));
  it.begin_sync();
  it.end_sync();
  CHECK(it.read().records[0].state == spi::record_state::ok);
  it.lose();
  CHECK(it.empty());
}

TEST_CASE("every kind of partition among five replicas cuts some links and leaves others") {
  spi::random_source random{1};
  std::set<std::string> names;
  for (int round = 0; round < 200; ++round) {
    sim_network links{5, fault_schedule{1, {}}};
    names.insert(links.partition(random));
    links.heal();
    for (std::uint32_t from = 1; from <= 5; ++from)
      for (std::uint32_t to = 1; to <= 5; ++to)
        CHECK(!links.is_cut(from, to));
  }
  CHECK(names.size() == 6);
}

TEST_CASE("a message over a cut link is lost, and over a clogged link delayed") {
  fault_schedule random{1, {}};
  sim_network links{2, random};
  fault_rates calm;
  CHECK(links.send(1, 2, 1'000, calm, random).at[0] == 1'000 + calm.delay_min);
  links.clog(1, 2, 50'000);
  CHECK(links.send(1, 2, 1'000, calm, random).at[0] == 50'000);
  CHECK(links.send(2, 1, 1'000, calm, random).at[0] == 1'000 + calm.delay_min);
  links.cut(1, 2);
  CHECK(links.send(1, 2, 1'000, calm, random).count == 0);
}

TEST_CASE("a command is decoded as it was encoded, and other bytes are refused") {
  register_command it{1, 2, 3, 4, operation_kind::cas, -5, 6};
  auto back = decode_command(encode(it, 100));
  REQUIRE(back);
  CHECK(back->sequence == 3);
  CHECK(back->argument == -5);
  CHECK(back->expected == 6);
  CHECK(!decode_command("hello"));
  CHECK(!decode_command(encode(it).substr(0, 20)));
}
