#include "../bare_group.hpp"
#include "../memory_use.hpp"
#include "scenario_table.hpp"

#include <fmt/format.h>

/// A protocol's memory does not grow with the number of answers.
namespace atl::verify {

namespace {

/// A list that doubles when it is full, or a log that is cut in steps, may grow by this much
/// without a leak.
constexpr std::int64_t growth_allowed = 512 << 10;
/// A leak is an allocation for each answer, and the smallest one takes more than this.
constexpr std::int64_t bytes_each_max = 8;

void must_not_have_grown(std::int64_t before, std::uint64_t answers, const char* what) {
  auto now = heap_bytes();
  if (now > before + growth_allowed + static_cast<std::int64_t>(answers) * bytes_each_max)
    throw broken(fmt::format("{} {} made the protocols of the group allocate {} bytes more",
                             answers, what, now - before));
}

spi::replica_id await_leader(bare_group& group) {
  for (int i = 0; i < 60'000; ++i) {
    group.run();
    if (auto leader = group.leader())
      return leader;
  }
  throw broken("no replica leads within a minute, though nothing is in the way");
}

void read_often(bare_group& group, std::uint64_t times) {
  auto until = group.answered() + times;
  for (std::uint64_t i = 0; group.answered() < until; ++i) {
    if (i > times)
      throw broken(fmt::format("of {} reads only {} are answered", 10 * i,
                               group.answered() + times - until));
    for (spi::replica_id at = 1; at <= group.size(); ++at)
      for (auto level :
           {spi::read_level::linearizable, spi::read_level::linearizable, spi::read_level::local})
        group.read(at, level);
    group.run();
  }
}

void write_often(bare_group& group, spi::replica_id leader, std::uint64_t times) {
  auto until = group.applied() + times;
  for (std::uint64_t i = 0; group.applied() < until; ++i) {
    if (i > times)
      throw broken(fmt::format("of {} commands only {} are applied", 20 * i,
                               group.applied() + times - until));
    for (int together = 0; together < 20; ++together)
      group.propose(leader, "a command of some bytes, as they come");
    group.run();
  }
}

std::uint64_t answer_many_requests(const scenario_setting& setting) {
  constexpr std::uint64_t reads = 100'000;
  constexpr std::uint64_t writes = 60'000;
  bare_group group{setting.protocol, setting.replicas};
  auto leader = await_leader(group);
  read_often(group, reads / 10); // until buffers have grown to their final size
  auto before = heap_bytes();
  read_often(group, reads);
  must_not_have_grown(before, reads, "reads");
  write_often(group, leader, writes / 2);
  if (group.at(leader).status().first == 1)
    return reads; // the log keeps all entries, as its options may ask for
  before = heap_bytes();
  write_often(group, leader, writes);
  must_not_have_grown(before, writes, "writes");
  return reads + writes;
}

} // namespace

std::vector<scenario> memory_scenarios() {
  return {
      {.name = "memory_stays",
       .sentence = "memory doesn't grow with what is answered",
       .any_size = false,
       .once = true,
       .run = answer_many_requests},
  };
}

} // namespace atl::verify
