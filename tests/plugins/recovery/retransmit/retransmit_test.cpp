#include <atoll/core/plugin_options.hpp>
#include <atoll/spi/recovery.hpp>
#include <atoll/verify/verify.hpp>

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace atl::spi;
using namespace std::chrono_literals;

extern "C" const descriptor ATOLL_PLUGIN_SYMBOL(recovery, retransmit, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(recovery, retransmit, 1, 0, 0);

options options_with(const std::vector<std::string>& assignments) {
  return atl::parse_options(plugin.options, assignments, plugin.name).value();
}

std::unique_ptr<recovery> scheme(const std::vector<std::string>& assignments = {}) {
  auto options = options_with(assignments);
  return std::unique_ptr<recovery>{plugin.create.recovery({options})};
}

} // namespace

TEST_CASE("a chunk is one copy") {
  auto layout = scheme()->layout();
  CHECK(layout.total == 1);
  CHECK(layout.min_write == 1);
  CHECK(layout.identical);
  CHECK(scheme()->promised().survives_losses == 0);
}

TEST_CASE("each option is a part of the policy") {
  auto policy = scheme({"sends=7", "placements=2", "first_timeout=1s", "backoff=3ms",
                        "backoff_max=4s", "deadline=5m"})
                    ->transfers();
  REQUIRE(policy);
  CHECK(policy->sends == 7);
  CHECK(policy->placements == 2);
  CHECK(policy->first_timeout == 1s);
  CHECK(policy->backoff == 3ms);
  CHECK(policy->backoff_max == 4s);
  CHECK(policy->deadline == 5min);
  CHECK(scheme()->transfers()->sends > 1);
}

TEST_CASE("pauses that begin above their maximum are refused") {
  CHECK_THROWS_AS(scheme({"backoff=3s"}), std::invalid_argument);
}

TEST_CASE("the interface and the claims hold") {
  atl::verify::effort few;
  few.seeds = 20;
  auto report = atl::verify::verify_here(plugin, options_with({}), few);
  CHECK_MESSAGE(report.ok(), atl::verify::to_text(report));
}
