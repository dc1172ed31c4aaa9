#include "compare/result_bytes.hpp"
#include "fake_strategies.hpp"

#include <atoll/compare/isolated_runs.hpp>

#include <doctest/doctest.h>

#include <cstdlib>

using namespace atl::compare;

namespace {

constexpr std::chrono::seconds limit{60};

/// Ends the process at the first pick.
class quitter : public fakes::fake {
 public:
  using fake::fake;

  fakes::spi::slot pick(const fakes::spi::pick_request&, const fakes::spi::member_facts&) override {
    std::_Exit(3);
  }
};

workload small_workload() {
  auto it = fakes::simple_workload(3);
  it.requests = 1'000;
  it.members[2].joins = 1e6;
  it.members[1].fails = 0.2;
  return it;
}

std::string problem(const strategy& how) {
  auto outcome = run_isolated(small_workload(), {fakes::in_turn, how}, 1, 2, limit);
  return outcome ? "" : outcome.error().message;
}

} // namespace

TEST_CASE("a run in a process of its own has the result of a run in this one") {
  auto model = small_workload();
  auto apart =
      run_isolated(model, {fakes::key_hash, fakes::throwing, fakes::random_strategy}, 5, 2, limit);
  REQUIRE(apart);
  REQUIRE(apart->size() == 3);
  auto same = [&](const strategy_result& one, const strategy& how) {
    auto here = run_queueing(model, how, 5);
    REQUIRE(here);
    CHECK(to_bytes(one) == to_bytes(*here));
    CHECK(one.label == how.label);
    CHECK(one.latencies == here->latencies);
    CHECK(one.nodes.size() == 3);
    CHECK(one.moves.size() == 1);
    CHECK(one.first_error == here->first_error);
  };
  same((*apart)[0], fakes::key_hash);
  same((*apart)[1], fakes::throwing);
  same((*apart)[2], fakes::random_strategy);
}

TEST_CASE("a strategy that ends its process is told by the plugin's name") {
  CHECK(problem(fakes::strategy<quitter>("quitter")) ==
        "the balancer plugin 'quitter' ended the process (exit code 3), as strategy 'quitter'; "
        "choose another plugin, or fix this one");
}

TEST_CASE("an error of a factory comes back from the other process") {
  strategy refusing{"refusing", "refusing", [](std::uint64_t) {
                      return atl::result<std::shared_ptr<fakes::spi::balancer>>{
                          tl::unexpected{atl::error{atl::errc::invalid, "not today"}}};
                    }};
  CHECK(problem(refusing) == "not today");
}
