#include "contains.hpp"
#include "fake_scheme.hpp"

#include <atoll/compare/durability_comparison.hpp>

#include <doctest/doctest.h>

#include <cstdlib>
#include <stdexcept>

using namespace atl::compare;

namespace {

durability_model small_cluster() {
  durability_model it;
  it.nodes = 12;
  it.chunks = 200;
  it.node_mttf = 100 * 3600;
  it.runs = 20;
  return it;
}

template <class Scheme, class... Args>
recovery_strategy strategy_of(const char* label, Args... args) {
  return {label, "fake", [=]() -> atl::result<std::shared_ptr<atl::spi::recovery>> {
            return std::make_shared<Scheme>(args...);
          }};
}

const auto two_copies = strategy_of<fakes::threshold_scheme>("two", 2u, 1u);

std::string problem(const recovery_strategy& how) {
  auto outcome =
      measure_isolated(small_cluster(), {two_copies, how}, 1, 2, std::chrono::seconds{60});
  return outcome ? "" : outcome.error().message;
}

} // namespace

TEST_CASE("a measurement in a process of its own has the figures of one in this process") {
  auto code = strategy_of<fakes::threshold_scheme>("code", 5u, 3u);
  auto apart =
      measure_isolated(small_cluster(), {two_copies, code}, 4, 2, std::chrono::seconds{60});
  REQUIRE_MESSAGE(apart, (apart ? "" : apart.error().message));
  REQUIRE(apart->size() == 2);
  auto here = measure_durability(small_cluster(), code, 4);
  REQUIRE(here);
  auto& figures = (*apart)[1].figures;
  CHECK((*apart)[1].label == "code");
  CHECK(figures.shape.fragments == 5);
  CHECK(figures.shape.survives == 2);
  CHECK(figures.form.loss == here->form.loss);
  CHECK(figures.counts.failures == here->counts.failures);
  CHECK(figures.counts.failures > 0);
  CHECK(figures.counts.rebuilt_bytes == here->counts.rebuilt_bytes);
  CHECK(figures.costs.rebuild_reads == here->costs.rebuild_reads);
}

TEST_CASE("a scheme that ends its process or throws is named") {
  struct quitter : fakes::threshold_scheme {
    quitter() : threshold_scheme{2, 1} {}
    bool enough(const std::vector<bool>&) const override { std::_Exit(3); }
  };
  struct thrower : fakes::threshold_scheme {
    thrower() : threshold_scheme{2, 1} {}
    atl::spi::verdict judge(const atl::spi::chunk_report&) const override {
      throw std::runtime_error{"no verdict"};
    }
  };
  CHECK(problem(strategy_of<quitter>("ends")) ==
        "the recovery plugin 'fake' ended the process (exit code 3), as strategy 'ends'; choose "
        "another plugin, or fix this one");
  CHECK(problem(strategy_of<thrower>("throws")) == "the recovery plugin 'fake' threw: no verdict");
}

TEST_CASE("a scheme that the cluster can't hold is refused") {
  CHECK(problem(strategy_of<fakes::threshold_scheme>("wide", 13u, 9u))
            .starts_with("'wide' stores a chunk as 13 fragments, each on a node of its own, and "
                         "the cluster has 12 nodes"));
  struct boaster : fakes::threshold_scheme {
    boaster() : threshold_scheme{2, 1} {}
    atl::spi::promises promised() const override { return {2, 100}; }
  };
  CHECK(contains(problem(strategy_of<boaster>("boasts")),
                 "'boasts' has 2 fragments and promises to survive 2 losses"));
  auto many = small_cluster();
  many.chunks = 5'000'001;
  auto refused = measure_durability(many, strategy_of<fakes::threshold_scheme>("four", 4u, 2u), 1);
  REQUIRE_FALSE(refused);
  CHECK(contains(refused.error().message, "'four' stores 5000001 chunks as 4 fragments each"));
}
