#include "common/upkeep.hpp"

#include <doctest/doctest.h>

using namespace dfs;
using dfs::upkeep_values;

TEST_CASE("each setting of the upkeep takes its default and its bounds, and gives back what it was "
          "set to") {
  upkeep_values settings;
  for (const auto& each : upkeep_settings()) {
    CAPTURE(each.key);
    CHECK(set_upkeep(settings, each.key, each.default_value));
    CHECK(set_upkeep(settings, each.key, each.minimum));
    if (!each.maximum.empty())
      CHECK(set_upkeep(settings, each.key, each.maximum));
    upkeep_values again;
    CHECK(set_upkeep(again, each.key, upkeep_text(settings, each.key)));
    CHECK(upkeep_text(again, each.key) == upkeep_text(settings, each.key));
  }
}

TEST_CASE("each key sets a member of its own") {
  for (const auto& each : upkeep_settings()) {
    upkeep_values changed;
    auto before = upkeep_text(changed, each.key);
    auto value = each.type == atl::spi::option_type::duration ? "7m"
                 : each.type == atl::spi::option_type::size   ? "7MiB"
                                                              : "0.25";
    REQUIRE(set_upkeep(changed, each.key, value));
    CHECK(upkeep_text(changed, each.key) == value);
    CHECK_FALSE(changed == upkeep_values{});
    for (const auto& other : upkeep_settings())
      if (other.key != each.key)
        CHECK(upkeep_text(changed, other.key) == upkeep_text(upkeep_values{}, other.key));
  }
}

TEST_CASE("a value that can't be is refused with key, value and what is possible") {
  upkeep_values settings;
  auto fault = [&](std::string_view key, std::string_view value) {
    auto done = set_upkeep(settings, key, value);
    REQUIRE_FALSE(done);
    return done.error().message;
  };
  CHECK(fault("repair.rate", "fast").find("repair.rate") != std::string::npos);
  CHECK(fault("files.dead_after", "10ms").find("1s to 720h") != std::string::npos);
  CHECK(fault("rebalance.threshold", "2.0").find("too much") != std::string::npos);
  CHECK(fault("rebalance.threshold", "nan").find("rebalance.threshold") != std::string::npos);
  CHECK(fault("repair.speed", "1").find("repair.node_rate") != std::string::npos);
  CHECK(settings == upkeep_values{});
}
