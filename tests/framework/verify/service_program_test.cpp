#include "contains.hpp"
#include "counting_service.hpp"
#include "plugins/consensus/plugin_under_test.hpp"
#include "verify/service_runs.hpp"

#include <atoll/core/plugin_loader.hpp>
#include <atoll/verify/service_simulation.hpp>

#include <doctest/doctest.h>

#include <iostream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace counting_service;

namespace {

struct outcome {
  int code = 0;
  std::string out;
  std::string errors;
};

/// Captures what is written to a stream while the object lives.
class captured {
 public:
  explicit captured(std::ostream& stream) : stream_{stream}, before_{stream.rdbuf(text_.rdbuf())} {}
  ~captured() { stream_.rdbuf(before_); }
  std::string text() const { return text_.str(); }

 private:
  std::ostream& stream_;
  std::ostringstream text_;
  std::streambuf* before_;
};

outcome run_program(const service_under_test& service, const std::string& arguments) {
  std::istringstream words{"prove_counts " + arguments};
  std::vector<std::string> owned;
  for (std::string word; words >> word;)
    owned.push_back(word);
  std::vector<char*> argv;
  for (auto& word : owned)
    argv.push_back(word.data());
  captured out{std::cout};
  captured errors{std::cerr};
  auto code = simulate_service_main(static_cast<int>(argv.size()), argv.data(), service);
  return {code, out.text(), errors.text()};
}

/// The rest of the first line after these words.
std::string rest_after(const std::string& text, std::string_view words) {
  auto at = text.find(words);
  REQUIRE_MESSAGE(at != text.npos, text);
  at += words.size();
  return text.substr(at, text.find('\n', at) - at);
}

const std::string plugins = ATOLL_PLUGINS;

} // namespace

TEST_CASE("the program of a proof says that all seeds went well") {
  auto it = run_program(with(flaw::none), "raft --seeds 10 --replicas 5 --path " + plugins);
  CHECK_MESSAGE(it.code == 0, it.out, it.errors);
  CHECK(contains(it.out, "10 seeds, 0 failed"));
}

TEST_CASE("the command that the program prints for a failing seed finds the same") {
  auto service = with(flaw::leaks);
  auto it = run_program(service, "raft --seeds 20 --option keep_entries=7 --path " + plugins);
  REQUIRE_MESSAGE(it.code == 1, it.out, it.errors);
  // The last finding, whose options are perhaps drawn.
  std::string last = it.out.substr(it.out.rfind("\nseed ") + 1);
  auto replay = rest_after(last, "replay: prove_counts ");
  CHECK(contains(replay, "keep_entries=7"));
  std::erase(replay, '\'');
  auto again = run_program(service, replay);
  CHECK(again.code == 1);
  CHECK(contains(again.out, "VIOLATION")); // the command asks for a trace
  CHECK(contains(again.out, last.substr(0, last.find('\n'))));

  auto shrunk = run_program(service, replay.substr(0, replay.find(" --trace")) + " --shrink");
  CHECK(contains(shrunk.out, "shrunk in "));
  auto smaller =
      rest_after(shrunk.out.substr(shrunk.out.find("shrunk in ")), "replay: prove_counts ");
  std::erase(smaller, '\'');
  CHECK(run_program(service, smaller).code == 1);
}

TEST_CASE("the command that the program prints names clients that are not the program's own") {
  auto arguments = "raft --seeds 1 --path " + plugins;
  auto replay_with = [&](const std::string& clients) {
    return rest_after(run_program(with(flaw::throws_at_birth), arguments + clients).out, "replay:");
  };
  CHECK(contains(replay_with(" --clients 4"), " --clients 4 "));
  CHECK_FALSE(contains(replay_with(" --clients 8"), "--clients"));
  CHECK_FALSE(contains(replay_with(""), "--clients"));
}

TEST_CASE("the program says why nothing can be run") {
  auto unknown = run_program(with(flaw::none), "rift --path " + plugins);
  CHECK(unknown.code == 2);
  CHECK_MESSAGE(contains(unknown.errors, "rift"), unknown.errors);
  auto balancer = run_program(with(flaw::none), plugins + "/round_robin.so");
  CHECK(balancer.code == 2);
  CHECK_MESSAGE(contains(balancer.errors, "is no consensus plugin"), balancer.errors);
  CHECK(run_program(with(flaw::none), "raft --seeds 0").code == 2);
  CHECK(run_program(with(flaw::none), "raft --duration soon --path " + plugins).code == 2);
  CHECK(run_program(with(flaw::none), "raft --only nonsense --path " + plugins).code == 2);
  CHECK(run_program(with(flaw::none), "raft --option nonsense=1 --path " + plugins).code == 2);
}

TEST_CASE("a service is proved under a plugin, and a plugin of another kind is refused") {
  plugin_loader loader{{plugins}};
  auto raft = loader.load(spi::plugin_kind::consensus, "raft");
  auto balancer = loader.load(spi::plugin_kind::balancer, "round_robin");
  REQUIRE(raft.has_value());
  REQUIRE(balancer.has_value());
  CHECK_FALSE(simulate_service(with(flaw::none), **raft).has_value());
  auto group = usual_group(**raft);
  CHECK(group.spares == 2);
  group.replicas = 5;
  auto wrong = with(flaw::miscounts);
  auto finding = simulate_service(wrong, **raft, group);
  REQUIRE(finding.has_value());
  wrong.first_seed = finding->seed;
  wrong.seeds = 1;
  auto again = simulate_service(wrong, **raft, group);
  REQUIRE(again.has_value());
  CHECK(again->what == finding->what);
  CHECK_THROWS_AS(simulate_service(wrong, **balancer), std::invalid_argument);
}

TEST_CASE("half of the runs draw the plugin's options, and all keep to its claims") {
  auto raft = plugin_loader{{plugins}}.load(spi::plugin_kind::consensus, "raft");
  REQUIRE(raft.has_value());
  sim::simulation_options group;
  group.protocol_options =
      under_test::make_options((*raft)->descriptor(), {{"lease", "true"}, {"heartbeat", "77ms"}});
  service_runs runs{**raft, group, {"keep_entries"}};
  int drawn = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    auto run = runs.as_drawn(seed);
    CHECK(run.seed == seed);
    CHECK_FALSE(run.faults.clock_jumps); // what a lease doesn't survive
    CHECK(run.protocol_options.integer("heartbeat") == 77'000);
    CHECK(run.protocol_options.integer("keep_entries") == 10'000);
    drawn += run.protocol_options == group.protocol_options ? 0 : 1;
    CHECK(runs.as_given(seed).protocol_options == group.protocol_options);
    CHECK_FALSE(runs.as_given(seed).faults.clock_jumps);
  }
  CHECK(drawn > 10);
  CHECK(drawn < 30);
}
