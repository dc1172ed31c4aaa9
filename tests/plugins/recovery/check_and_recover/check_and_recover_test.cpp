#include <atoll/core/plugin_options.hpp>
#include <atoll/spi/recovery.hpp>
#include <atoll/verify/verify.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

using namespace atl::spi;

extern "C" const descriptor ATOLL_PLUGIN_SYMBOL(recovery, check_and_recover, 1, 0, 0);

namespace {

const auto& plugin = ATOLL_PLUGIN_SYMBOL(recovery, check_and_recover, 1, 0, 0);

options options_with(const std::vector<std::string>& assignments) {
  return atl::parse_options(plugin.options, assignments, plugin.name).value();
}

std::unique_ptr<recovery> scheme(const std::vector<std::string>& assignments = {}) {
  auto options = options_with(assignments);
  return std::unique_ptr<recovery>{plugin.create.recovery({options})};
}

} // namespace

TEST_CASE("what is written is verified, on all copies unless fewer are asked for") {
  CHECK(scheme()->verify_written());
  CHECK(scheme()->layout().identical);
  for (std::uint32_t copies : {1, 2, 3, 16})
    CHECK(scheme({"copies=" + std::to_string(copies)})->layout().min_write == copies);
  CHECK(scheme({"copies=3", "min_copies=2"})->layout().min_write == 2);
  CHECK_THROWS_AS(scheme({"copies=2", "min_copies=3"}), std::invalid_argument);
}

TEST_CASE("fragments are read again more often, as the operator says") {
  CHECK(scheme()->scrub_factor() == 4);
  CHECK(scheme({"scrub_factor=9"})->scrub_factor() == 9);
}

TEST_CASE("the interface and the claims hold") {
  atl::verify::effort few;
  few.seeds = 20;
  auto report = atl::verify::verify_here(plugin, options_with({}), few);
  CHECK_MESSAGE(report.ok(), atl::verify::to_text(report));
}
