#include "trial_group.hpp"

#include <fmt/format.h>

#include <deque>

/// One story each for what other implementations fell into. Each is told without knowing the
/// protocol: through its interface, its claims and its status alone.
namespace atl::verify {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t few = 4; ///< increments of a story in which every effect is a crash point

/// @returns how many effects the run had.
std::uint64_t count_up(trial_group& group) {
  for (std::uint64_t i = 0; i < few; ++i)
    group.add_one();
  return group.world().stats().effects;
}

/// What was answered survives a crash at any moment, and is applied once.
std::uint64_t crash_before_each_effect(const protocol_subject& what, std::uint32_t replicas,
                                       bool everybody) {
  trial_group calm{what, replicas};
  auto effects = count_up(calm);
  for (std::uint64_t effect = 1; effect <= effects; ++effect) {
    trial_group group{what, replicas};
    group.world().crash_at_effect(effect, everybody);
    try {
      count_up(group);
      group.world().run_for(1s);
      group.must_agree();
      group.must_read();
    } catch (const broken& how) {
      throw broken(fmt::format("when {} of {} stops before effect {}: {}",
                               everybody ? "everybody" : "one", replicas, effect, how.what()));
    }
  }
  return effects;
}

std::uint64_t go_on_with_a_minority_down(const protocol_subject& what) {
  std::uint64_t cases = 0;
  for (std::uint32_t replicas : {3, 5}) {
    for (spi::replica_id first = 1; first <= replicas; ++first) {
      trial_group group{what, replicas};
      group.add_one();
      auto down = (replicas - 1) / 2;
      for (std::uint32_t i = 0; i < down; ++i)
        group.world().crash((first + i - 1) % replicas + 1);
      group.add_one();
      group.must_read();
      for (spi::replica_id id = 1; id <= replicas; ++id)
        group.world().restart(id);
      group.must_agree();
      ++cases;
    }
  }
  return cases;
}

/// One that needs everybody says so at once, and goes on when everybody is back.
std::uint64_t refuse_while_one_is_down(const protocol_subject& what) {
  for (spi::replica_id down = 1; down <= 3; ++down) {
    trial_group group{what, 3};
    group.add_one();
    group.world().crash(down);
    group.world().run_for(5s);
    if (group.try_to_add(5s))
      throw broken("it claims to block when one replica is down, and it decided");
    group.world().restart(down);
    group.add_one();
    group.must_agree();
  }
  return 3;
}

/// @returns how long the story took, in cases
std::uint64_t lose_whoever_leads(const protocol_subject& what) {
  trial_group group{what, 3};
  for (int round = 0; round < 10; ++round) {
    group.add_one();
    auto victim = group.leader();
    if (victim == 0)
      victim = static_cast<spi::replica_id>(1 + round % 3);
    group.world().crash(victim);
    if (what.live_with_crashes == "minority") {
      group.must_read(); // at a leader that is fresh
      group.add_one();
    }
    group.world().restart(victim);
    group.add_one();
    group.must_read(victim);
  }
  group.must_agree();
  return 10;
}

std::uint64_t cut_off_each(const protocol_subject& what) {
  for (spi::replica_id alone = 1; alone <= 3; ++alone) {
    trial_group group{what, 3};
    group.add_one();
    auto& world = group.world();
    world.isolate(alone);
    auto stale = world.read(alone, 1);
    if (what.live_with_crashes == "minority")
      group.add_one();
    auto behind = world.read(alone, 1);
    world.run_for(10s);
    for (auto ticket : {stale, behind})
      if (auto& got = world.outcome(ticket); what.linearizable_reads && ticket == behind &&
                                             got.kind == sim::answer_kind::read &&
                                             got.result.result.value_or(0) < group.count())
        throw broken(
            fmt::format("replica {} is cut off and answers a read with what was so before", alone));
    world.heal_network();
    group.add_one();
    group.must_agree();
  }
  return 3;
}

/// Each link, one way.
std::uint64_t cut_one_way(const protocol_subject& what) {
  std::uint64_t cases = 0;
  for (spi::replica_id from = 1; from <= 3; ++from)
    for (spi::replica_id to = 1; to <= 3; ++to) {
      if (from == to)
        continue;
      trial_group group{what, 3};
      group.add_one();
      group.world().cut(from, to);
      group.try_to_add(20s);
      group.world().heal_network();
      group.add_one();
      group.must_agree();
      ++cases;
    }
  return cases;
}

std::uint64_t fail_a_sync(const protocol_subject& what) {
  for (spi::replica_id id = 1; id <= 3; ++id) {
    trial_group group{what, 3};
    group.add_one();
    group.world().fail_next_sync(id);
    group.add_one();
    group.add_one();
    group.world().run_for(2s);
    group.must_agree();
    group.must_read();
  }
  return 3;
}

/// While replicas talk, a slow disk makes no new term.
std::uint64_t stall_the_disks(const protocol_subject& what) {
  trial_group group{what, 3};
  group.add_one();
  auto first = group.leader();
  if (first == 0)
    return 0;
  auto term = group.world().status(first).term;
  for (spi::replica_id id = 1; id <= 3; ++id)
    group.world().stall_disk(id, 2s);
  group.try_to_add(4s);
  group.world().run_for(2s);
  group.add_one();
  if (group.leader() != first || group.world().status(first).term != term)
    throw broken("a disk that stalled for two seconds made an election, though replicas talked");
  group.must_agree();
  return 1;
}

/// All that was ever said is said again, to replicas in later lives.
std::uint64_t say_everything_again(const protocol_subject& what) {
  struct said {
    spi::replica_id from, to;
    std::string bytes;
  };
  std::vector<said> all;
  trial_group group{what, 3};
  auto& world = group.world();
  world.filter([&all](auto from, auto to, std::string_view bytes) {
    if (all.size() < 400)
      all.push_back({from, to, std::string{bytes}});
    return sim::passage::pass;
  });
  for (int i = 0; i < 5; ++i)
    group.add_one();
  auto victim = group.leader() != 0 ? group.leader() : 1;
  world.crash(victim);
  world.run_for(3s);
  world.restart(victim);
  group.add_one();
  world.filter({}); // what is said from now on isn't noted any more
  for (auto& it : all)
    if (world.up(it.to)) {
      world.deliver(it.from, it.to, it.bytes);
      world.run_for(100us);
    }
  group.add_one();
  group.must_agree();
  group.must_read();
  return all.size();
}

/// A replica that was away comes back from what the others have kept.
std::uint64_t be_away_for_long(const protocol_subject& what) {
  if (what.live_with_crashes != "minority")
    return 0;
  for (spi::replica_id away = 1; away <= 3; ++away) {
    trial_group group{what, 3};
    group.add_one();
    group.world().crash(away);
    for (int i = 0; i < 300; ++i)
      group.add_one();
    group.world().restart(away);
    group.must_agree();
    group.must_read(away);
  }
  return 3;
}

std::uint64_t do_nothing_for_long(const protocol_subject& what) {
  trial_group group{what, 3};
  group.add_one();
  auto& world = group.world();
  world.run_for(10s);
  std::vector<std::size_t> records;
  for (spi::replica_id id = 1; id <= 3; ++id)
    records.push_back(world.records(id).size());
  auto effects = world.stats().effects;
  // A short heartbeat makes many effects: some for each replica, each time.
  auto beat = std::min<std::chrono::microseconds>(what.shortest_duration, 20ms);
  auto idle = std::clamp<std::chrono::microseconds>(30'000 * beat, 30s, 600s);
  world.run_for(idle);
  auto seconds = idle / 1s;
  for (spi::replica_id id = 1; id <= 3; ++id)
    if (world.records(id).size() > records[id - 1] + 100)
      throw broken(fmt::format("idle for {} s, replica {} wrote {} records", seconds, id,
                               world.records(id).size() - records[id - 1]));
  if (auto made = world.stats().effects - effects;
      made > 20 * static_cast<std::uint64_t>(idle / beat))
    throw broken(fmt::format("idle for {} s, the group gave out {} effects", seconds, made));
  group.add_one();
  group.must_agree();
  return 1;
}

constexpr std::uint64_t filling_commands = 40'000;

/// Fills the log. @returns the records that a replica holds in the end, at most, by entry that was
/// decided.
double fill_and_count(const protocol_subject& what) {
  constexpr auto commands = filling_commands;
  trial_group group{what, 3};
  group.add_one();
  auto& world = group.world();
  std::deque<sim::world::ticket> open;
  auto ask = group.leader() != 0 ? group.leader() : 1;
  for (std::uint64_t tag = 1'000'000; tag < 1'000'000 + commands; ++tag) {
    open.push_back(world.propose(
        ask, sim::register_command{tag, tag, 1, tag % 10, sim::operation_kind::write, 1, {}}));
    if (open.size() >= 500) {
      if (world.await(open.front()).kind == sim::answer_kind::pending)
        throw broken(fmt::format("proposal {} isn't answered in 30 seconds, though nothing is in "
                                 "its way",
                                 tag - open.size() - 1'000'000 + 1));
      while (!open.empty() && world.outcome(open.front()).kind != sim::answer_kind::pending)
        open.pop_front();
    }
  }
  world.run_for(2s);
  group.must_have_no_violation();
  std::size_t kept = 0;
  for (spi::replica_id id = 1; id <= 3; ++id)
    kept = std::max(kept, world.records(id).size());
  return static_cast<double>(kept) / static_cast<double>(world.applied(1));
}

/// The log is cut behind what the state machines have made durable; if not with these options, then
/// with one of them at its minimum: they may ask for a longer log than the scenario fills.
std::uint64_t fill_the_log(const protocol_subject& what) {
  constexpr auto most = 0.75;
  auto kept = fill_and_count(what);
  if (kept <= most)
    return filling_commands;
  for (auto& options : what.at_minimum) {
    auto shorter = what;
    shorter.options = options;
    if (fill_and_count(shorter) <= most)
      return 2 * filling_commands;
  }
  throw broken(fmt::format("after {} commands a replica holds {:.0f} records, whatever its options "
                           "say: it never cuts its log",
                           filling_commands, kept * filling_commands));
}

std::uint64_t change_the_members(const protocol_subject& what) {
  trial_group group{what, 3};
  auto& world = group.world();
  group.add_one();
  group.change_members({1, 2, 3}, {4}); // a learner first
  group.add_one();
  if (!world.run_until([&] { return world.applied(4) == world.applied(1); }))
    throw broken("a learner doesn't learn");
  group.change_members({1, 2, 4}); // it takes the place of one
  group.add_one();
  world.crash(3); // who may go for good
  group.add_one();
  group.change_members({1, 2, 4, 5});
  auto victim = group.leader() != 0 ? group.leader() : 1;
  world.crash(victim);
  if (what.live_with_crashes != "minority")
    world.restart(victim);
  group.add_one();
  return 3;
}

/// One is away while the group becomes another one and then again what it was, and leads when it is
/// back, with the help of one that has forgotten how far decisions went.
std::uint64_t change_the_members_and_back(const protocol_subject& what) {
  for (spi::replica_id away = 1; away <= 3; ++away) {
    trial_group group{what, 3};
    auto& world = group.world();
    group.add_one();
    world.isolate(away);
    group.add_one();
    auto stays = away % 3 + 1;
    auto helps = stays % 3 + 1;
    group.change_members({stays});
    group.change_members({stays, helps});
    group.change_members({1, 2, 3});
    world.run_for(200ms); // up to here both have applied it for good
    for (int i = 0; i < 3; ++i)
      group.add_one();
    world.crash(stays);
    world.crash(helps);
    world.heal_network();
    world.restart(helps);
    world.jump_clock(away, 10s);
    group.add_one();
    world.restart(stays);
    group.add_one();
    group.must_agree();
  }
  return 3;
}

/// It never comes back, and nobody waits for it for ever.
std::uint64_t replace_a_lost_member(const protocol_subject& what) {
  for (spi::replica_id lost = 1; lost <= 3; ++lost) {
    trial_group group{what, 3};
    auto& world = group.world();
    group.add_one();
    world.run_for(2s); // all of them know
    world.lose_disk(lost);
    std::vector<spi::replica_id> voters;
    for (spi::replica_id id = 1; id <= 4; ++id)
      if (id != lost)
        voters.push_back(id);
    auto done = false;
    for (int attempt = 0; attempt < 40 && !done; ++attempt) {
      auto ask = group.leader();
      if (ask == 0)
        ask = voters[static_cast<std::size_t>(attempt % 2)];
      if (what.tell_losses)
        world.declare_lost(ask, lost);
      auto& got = world.await(world.reconfigure(ask, voters), 10s);
      done = got.kind == sim::answer_kind::applied;
      if (!done && got.hint != 0 && got.hint != lost && got.hint <= 4)
        done =
            world.await(world.reconfigure(got.hint, voters), 10s).kind == sim::answer_kind::applied;
      group.must_have_no_violation();
      world.run_for(300ms);
    }
    if (!done)
      throw broken(fmt::format("replica {} is lost, and was never replaced", lost));
    group.add_one();
    if (!world.run_until([&] { return world.applied(4) == world.applied(voters[0]); }))
      throw broken("the one that took a lost member's place doesn't have what the others have");
    group.must_have_no_violation();
  }
  return 3;
}

} // namespace

void try_stories(const protocol_subject& what, recorder& out) {
  auto story = [&](const char* name, const char* claim, auto tell) {
    out.check(name, claim, [&] { return tell(what); });
  };
  if (!what.admits(3))
    return out.skip("scripted scenarios", "its options admit no group of three");
  auto safe = what.safe_with_crashes;
  if (safe == "all" || safe == "minority") {
    for (std::uint32_t replicas : {1, 3})
      if (what.admits(replicas))
        out.check(fmt::format("one of {} crashes before each effect", replicas),
                  "safe_with_crashes",
                  [&] { return crash_before_each_effect(what, replicas, false); });
    if (safe == "all")
      out.check("all of 3 crash before each effect", "safe_with_crashes",
                [&] { return crash_before_each_effect(what, 3, true); });
    story("whoever leads is lost, ten times", "safe_with_crashes", lose_whoever_leads);
    story("a sync fails", "safe_with_crashes", fail_a_sync);
    story("all that was said is said again", "safe_with_crashes", say_everything_again);
  } else {
    out.skip("crashes", "it claims no safety when replicas crash");
  }
  if (what.live_with_crashes == "minority") {
    story("a minority is down", "live_with_crashes", go_on_with_a_minority_down);
    story("one is away for long", "live_with_crashes", be_away_for_long);
  } else if (what.blocks_on_one_failure) {
    story("one is down", "blocks_on_one_failure", refuse_while_one_is_down);
  }
  story("each replica is cut off for a while", "linearizable_reads", cut_off_each);
  story("each link is cut, one way", "", cut_one_way);
  story("disks stall while replicas talk", "", stall_the_disks);
  story("nothing happens for minutes", "", do_nothing_for_long);
  story("the log is cut behind what is applied", "", fill_the_log);
  if (what.fixed_quorums)
    return out.skip("members join, take another's place, and go",
                    "its quorums have sizes of their own");
  if (!what.changes_members)
    return out.skip("members join, take another's place, and go",
                    "it claims no changes of members");
  story("members join, take another's place, and go", "changes_members", change_the_members);
  story("a member is lost and replaced", "changes_members", replace_a_lost_member);
  if (what.live_with_crashes == "minority")
    story("a group changes, and back, while one of it is away", "changes_members",
          change_the_members_and_back);
}

} // namespace atl::verify
