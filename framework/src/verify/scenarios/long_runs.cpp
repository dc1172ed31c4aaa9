#include "scenario.hpp"

#include <fmt/format.h>

#include <deque>

namespace atl::verify {

namespace {

using namespace std::chrono_literals;

std::uint64_t do_nothing_for_long(const scenario_setting& setting) {
  scenario_group group{setting};
  group.add_one();
  auto& world = group.world();
  world.run_for(10s);
  std::vector<std::size_t> records;
  for (spi::replica_id id = 1; id <= setting.replicas; ++id)
    records.push_back(world.records(id).size());
  auto effects = world.stats().effects;
  world.run_for(600s);
  for (spi::replica_id id = 1; id <= setting.replicas; ++id)
    if (world.records(id).size() > records[id - 1] + 100)
      throw broken(fmt::format("idle for ten minutes, replica {} wrote {} records", id,
                               world.records(id).size() - records[id - 1]));
  if (auto made = world.stats().effects - effects; made > 600 * 1000)
    throw broken(fmt::format("idle for ten minutes, the group gave out {} effects", made));
  group.add_one();
  group.must_agree();
  return 1;
}

/// The log is cut behind what the state machines have made durable.
std::uint64_t fill_the_log(const scenario_setting& setting) {
  constexpr std::uint64_t commands = 40'000;
  scenario_group group{setting};
  group.add_one();
  auto& world = group.world();
  std::deque<sim::world::ticket> open;
  auto ask = group.leader_or_first();
  for (std::uint64_t i = 1; i <= commands; ++i) {
    open.push_back(group.write_at(ask));
    if (open.size() < 500)
      continue;
    if (world.await(open.front()).kind == sim::answer_kind::pending)
      throw broken(fmt::format("proposal {} isn't answered in 30 seconds, though nothing is in "
                               "its way",
                               i - open.size() + 1));
    while (!open.empty() && world.outcome(open.front()).kind != sim::answer_kind::pending)
      open.pop_front();
  }
  world.run_for(2s);
  group.must_have_no_violation();
  for (spi::replica_id id = 1; id <= setting.replicas; ++id)
    if (auto kept = world.records(id).size(); kept > commands * 3 / 4)
      throw broken(
          fmt::format("after {} commands replica {} holds {} records: it never cuts its log",
                      commands, id, kept));
  return commands;
}

} // namespace

std::vector<scenario> long_run_scenarios() {
  return {
      {.name = "idle_for_ten_minutes",
       .sentence = "nothing happens for ten minutes",
       .run = do_nothing_for_long},
      {.name = "log_is_cut",
       .sentence = "the log is cut behind what is applied",
       .any_size = false,
       .once = true,
       .run = fill_the_log},
  };
}

} // namespace atl::verify
