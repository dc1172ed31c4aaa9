#include "broken_protocols.hpp"
#include "plugins/consensus/plugin_under_test.hpp"

#include <atoll/sim/simulation.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

/// The trace of a failing run must suffice to understand the failure.
namespace {

using namespace atl::sim;

using lines = std::vector<std::string>;

/// The trace of the first seed for which a protocol with this mistake fails in this way.
lines trace_of(std::string_view mistake, violation_kind kind) {
  auto all = broken_protocols::of_raft();
  auto it = std::ranges::find(all, mistake, &broken_protocols::specimen::name);
  REQUIRE(it != all.end());
  lines out;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    auto run = under_test::simulation_of(it->plugin, seed, 3);
    auto factory = under_test::factory_of(it->plugin);
    if (simulate(run, factory).kind != kind)
      continue;
    run.trace = [&out](std::string_view line) { out.emplace_back(line); };
    simulate(run, factory);
    break;
  }
  REQUIRE(!out.empty());
  return out;
}

/// The first line from `at` on that contains all of these texts.
std::size_t line_with(const lines& all, std::size_t from, const std::vector<std::string>& parts) {
  for (auto i = from; i < all.size(); ++i)
    if (std::ranges::all_of(parts, [&](auto& part) { return all[i].find(part) != all[i].npos; }))
      return i;
  std::string wanted;
  for (auto& part : parts)
    wanted += part + " … ";
  FAIL("no line with " << wanted);
  return 0;
}

/// The number after these words.
std::string number_after(const std::string& line, const std::string& words) {
  auto at = line.find(words) + words.size();
  return line.substr(at, line.find_first_not_of("0123456789", at) - at);
}

} // namespace

TEST_CASE("the trace of a history that isn't linearizable ends with the operations that show it") {
  auto trace = trace_of("stale_reads", violation_kind::not_linearizable);
  auto at = line_with(trace, 0, {"no order explains what key", "whatever it held before"});
  CHECK(trace.size() - at > 2);  // at least the write, and the read that contradicts it
  CHECK(trace.size() - at < 20); // only the operations around the failure are shown
  for (auto i = at + 1; i < trace.size(); ++i) {
    CHECK(trace[i].starts_with("  client "));
    auto ended = trace[i].find(", unknown]") == std::string::npos;
    if (ended) // the same words mark the end of the operation
      line_with(trace, 0, {"has done: " + trace[i].substr(2)});
  }
}

TEST_CASE("a trace follows an operation from its client to its answer") {
  auto trace = trace_of("stale_reads", violation_kind::not_linearizable);
  auto asked = line_with(trace, 0, {"client 1 asks replica", "k", "attempt"});
  auto attempt = number_after(trace[asked], "(attempt ");
  line_with(trace, 0, {"client 1 begins operation 1 of session 1"});
  line_with(trace, asked, {"answers attempt " + attempt + " of client 1: "});
  line_with(trace, asked, {"client 1 has done: client 1 "});
}

TEST_CASE("a trace shows of each message its times, why it was dropped and what delayed it") {
  auto trace = trace_of("stale_reads", violation_kind::not_linearizable);
  auto left = line_with(trace, 0, {"message ", " leaves replica 1 for 2"});
  auto number = number_after(trace[left], "message ");
  auto came = line_with(trace, left, {"message " + number + ", ", "comes from 1 to replica 2"});
  auto time = trace[left].substr(0, 12);
  CHECK(trace[came].ends_with("it left at " + time.substr(time.find_first_not_of(' '))));
  line_with(trace, 0, {"is dropped: "});
  auto kept = line_with(trace, 0, {"keeps ", " bytes for ", " back until "});
  auto token = number_after(trace[kept], " back until ");
  auto replica = number_after(trace[kept], "replica ");
  auto durable = line_with(trace, kept, {"replica " + replica + " has everything up to "});
  line_with(trace, durable, {"what replica " + replica + " kept back", "until " + token + " is"});
}
