#include "plugins/consensus/plugin_under_test.hpp"
#include "verify/option_draw.hpp"

#include <atoll/core/plugin_options.hpp>
#include <atoll/verify/verify.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <string>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0);
extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);
extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);

/// A plugin is verified with options at their limits, and with options that the kit draws.
namespace {

using namespace atl::spi;

const descriptor& paxos = ATOLL_PLUGIN_SYMBOL(consensus, paxos, 1, 0, 0);
const descriptor& raft = ATOLL_PLUGIN_SYMBOL(consensus, raft, 1, 0, 0);
const descriptor& two_phase_commit = ATOLL_PLUGIN_SYMBOL(consensus, two_phase_commit, 1, 0, 0);

atl::verify::report verified(const descriptor& plugin, const under_test::overrides& changed,
                             std::uint64_t seeds = 2) {
  atl::verify::effort how;
  how.seeds = seeds;
  return verify_here(plugin, under_test::make_options(plugin, changed), how);
}

const atl::verify::finding* find(const atl::verify::report& report, std::string_view property) {
  auto found = std::ranges::find(report.findings, property, &atl::verify::finding::property);
  return found == report.findings.end() ? nullptr : &*found;
}

std::int64_t integer(const options& from, const char* name) {
  return from.integer(name);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
/// With a sanitizer a heartbeat of a millisecond keeps the verifier busy for most of an hour, as do
/// flexible quorums.
constexpr bool has_sanitizer = true;
constexpr const char* short_heartbeat = "20ms";
#else
constexpr bool has_sanitizer = false;
constexpr const char* short_heartbeat = "1ms";
#endif

} // namespace

TEST_CASE("heartbeats of a millisecond exceed neither the bound of timers nor that of effects") {
  auto report = verified(raft, {{"heartbeat", short_heartbeat}}, 1);
  CHECK_MESSAGE(report.ok(), to_text(report));
  auto run = under_test::simulation_of(two_phase_commit, 3, 3, {{"heartbeat", short_heartbeat}});
  auto spare_waits = simulate(run, under_test::factory_of(two_phase_commit));
  CHECK_MESSAGE(spare_waits.ok, spare_waits.reason);
}

TEST_CASE("a log is cut even if the options keep it for long") {
  auto report = verified(raft, {{"keep_entries", "50000"}});
  CHECK_MESSAGE(report.ok(), to_text(report));
}

TEST_CASE("a quorum of four is verified in groups of five, which admit it" *
          doctest::skip(has_sanitizer)) {
  auto report = verified(paxos, {{"prepare_quorum", "4"}}, 8);
  CHECK_MESSAGE(report.ok(), to_text(report));
  CHECK(find(report, "three replicas under simulated faults")->what ==
        atl::verify::verdict::skipped);
  CHECK(find(report, "five replicas under simulated faults")->what == atl::verify::verdict::kept);
}

TEST_CASE("quorums of one and two are verified in groups of three" * doctest::skip(has_sanitizer)) {
  for (auto quorum : {"1", "2"}) {
    auto report = verified(paxos, {{"accept_quorum", quorum}}, 8);
    CHECK_MESSAGE(report.ok(), to_text(report));
    CHECK(find(report, "three replicas under simulated faults")->what ==
          atl::verify::verdict::kept);
  }
}

TEST_CASE("options that no group size admits are refused with the plugin's reason") {
  auto report = verified(paxos, {{"prepare_quorum", "64"}});
  REQUIRE(!report.ok());
  CHECK(report.findings.back().detail ==
        "it makes no group of 1 to 9 replicas: a quorum of 64 is more than the group's 9 voters");
}

TEST_CASE("drawn options are valid for the plugin, of each type, and often small numbers") {
  std::map<std::string, std::set<option_value>> seen;
  auto keeps_little = 0;
  for (auto* plugin : {&raft, &paxos, &two_phase_commit}) {
    auto given = under_test::make_options(*plugin);
    atl::verify::option_drawer drawer{*plugin, given, {}};
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
      auto drawn = drawer.draw(3, random_source{seed});
      CHECK(atl::verify::admits(*plugin, drawn, 3));
      CHECK(drawn == drawer.draw(3, random_source{seed}));
      keeps_little += integer(drawn, "keep_entries") <= 100;
      for (auto& [name, value] : drawn.values())
        seen[name].insert(value);
    }
  }
  CHECK(keeps_little > 300);
  CHECK(keeps_little < 550);
  for (auto name : {"lease"})
    CHECK(seen[name].size() == 2);
  CHECK(seen["lost_decisions"].size() == 3);
  CHECK(seen["accept_quorum"] ==
        std::set<option_value>{std::int64_t{0}, std::int64_t{1}, std::int64_t{2}, std::int64_t{3}});
  for (auto name : {"heartbeat", "election_timeout", "keep_bytes", "batch_bytes", "clock_drift"})
    CHECK_MESSAGE(seen[name].size() > 50, name);
}

TEST_CASE("options that the caller gives are not drawn") {
  auto given = under_test::make_options(raft, {{"heartbeat", "70ms"}});
  atl::verify::option_drawer drawer{raft, given, {"lease"}};
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    auto drawn = drawer.draw(3, random_source{seed});
    CHECK(integer(drawn, "heartbeat") == 70'000);
    CHECK(!drawn.boolean("lease"));
  }
}

TEST_CASE("a plugin that refuses all options but the given ones is verified with the given ones") {
  auto stubborn = raft;
  stubborn.create.consensus = [](const consensus_setup&) -> consensus* {
    throw std::invalid_argument("no");
  };
  auto given = under_test::make_options(raft);
  CHECK(atl::verify::option_drawer(stubborn, given, {}).draw(3, random_source{1}) == given);
}

TEST_CASE("printed options are parsed as they were, of any type") {
  constexpr option_spec specs[] = {
      {"flag", option_type::boolean, "false", "", "", "a flag"},
      {"count", option_type::integer, "3", "0", "9", "a number"},
      {"share", option_type::real, "0.5", "0", "1", "a share"},
      {"word", option_type::text, "any", "", "", "a word"},
      {"wait", option_type::duration, "1s", "", "", "a time"},
      {"room", option_type::size, "1MiB", "", "", "a size"},
  };
  descriptor plugin{};
  plugin.options = specs;
  options changed{{{"flag", true},
                   {"count", std::int64_t{7}},
                   {"share", 0.125},
                   {"word", std::string{"it's"}},
                   {"wait", std::int64_t{1'500}},
                   {"room", std::int64_t{65'536}}}};
  CHECK(atl::verify::option_words(plugin, changed) ==
        " --option 'flag=true' --option 'count=7' --option 'share=0.125' --option "
        "'word=\"it'\\''s\"' --option 'wait=1500us' --option 'room=64KiB'");
  options usual{{{"flag", false},
                 {"count", std::int64_t{3}},
                 {"share", 0.5},
                 {"word", std::string{"any"}},
                 {"wait", std::int64_t{1'000'000}},
                 {"room", std::int64_t{1'048'576}}}};
  CHECK(atl::verify::option_words(plugin, usual).empty());
}
