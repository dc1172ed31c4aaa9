#include "contains.hpp"

#include <atoll/compare/durability_model.hpp>

#include <doctest/doctest.h>

using namespace atl::compare;

namespace {

std::string problem(std::string_view text) {
  auto it = parse_durability_model(text, "c.toml");
  return it ? "" : it.error().message;
}

} // namespace

TEST_CASE("a cluster is read with all its keys") {
  auto it = parse_durability_model(R"(name = "x"
nodes = 12
zones = 4
chunks = 500
chunk_bytes = "8MiB"
spread = "copysets"
scatter_width = 6
node_mttf = "1000h"
zone_mttf = "5000h"
zone_outage = "6h"
detection = "5m"
repair_rate = "1MiB"
balancer = "least_used"
years = 2.5
runs = 77
)",
                                   "c.toml");
  REQUIRE_MESSAGE(it, (it ? "" : it.error().message));
  CHECK(it->name == "x");
  CHECK(it->nodes == 12);
  CHECK(it->zones == 4);
  CHECK(it->chunks == 500);
  CHECK(it->chunk_bytes == 8 << 20);
  CHECK(it->spread == chunk_spread::copysets);
  CHECK(it->scatter_width == 6);
  CHECK(it->node_mttf == 3.6e6);
  CHECK(it->zone_mttf == 1.8e7);
  CHECK(it->zone_outage == 21600);
  CHECK(it->balancer == "least_used");
  CHECK(it->detection == 300);
  CHECK(it->repair_rate == 1 << 20);
  CHECK(it->years == 2.5);
  CHECK(it->runs == 77);
}

TEST_CASE("what isn't written has the defaults of the model") {
  auto it = parse_durability_model("", "c.toml");
  REQUIRE(it);
  durability_model usual;
  CHECK(it->name == usual.name);
  CHECK(it->nodes == usual.nodes);
  CHECK(it->zones == usual.zones);
  CHECK(it->chunks == usual.chunks);
  CHECK(it->chunk_bytes == usual.chunk_bytes);
  CHECK(it->spread == usual.spread);
  CHECK(it->scatter_width == usual.scatter_width);
  CHECK(it->node_mttf == usual.node_mttf);
  CHECK(it->zone_mttf == usual.zone_mttf);
  CHECK(it->zone_outage == usual.zone_outage);
  CHECK(it->balancer == usual.balancer);
  CHECK(it->detection == usual.detection);
  CHECK(it->repair_rate == usual.repair_rate);
  CHECK(it->years == usual.years);
  CHECK(it->runs == usual.runs);
}

TEST_CASE("mistakes in a cluster's file are named with their place") {
  CHECK(problem("nodes = 0\n").starts_with("c.toml:1:9: nodes is 0"));
  CHECK(problem("node = 3\n").starts_with("c.toml:1:1: unknown key 'node'"));
  CHECK(problem("spread = \"wide\"\n").starts_with("c.toml:1:10: spread is"));
  CHECK(problem("nodes = 3\nzones = 4\n") ==
        "c.toml:2:9: zones is 4, and there are 3 nodes only: each zone needs one");
  CHECK(problem("nodes = 3\n").starts_with("c.toml:1:9: zones is 6"));
  CHECK(problem("scatter_width = 4\n")
            .starts_with("c.toml:1:17: scatter_width means nothing with spread = \"random\""));
  CHECK(problem("node_mttf = \"1h\"\nruns = 10000\n")
            .starts_with("c.toml:2:8: 5.26e+09 failures of nodes would be simulated"));
  CHECK(problem("zone_mttf = \"1h\"\nruns = 10000\n")
            .starts_with("c.toml:2:8: 5.26e+09 failures of nodes would be simulated"));
  CHECK(problem("zone_outage = \"1h\"\n")
            .starts_with("c.toml:1:15: zone_outage means nothing without zone_mttf"));
  CHECK(problem("zone_mttf = \"-1h\"\n").starts_with("c.toml:1:13: zone_mttf takes a duration"));
  CHECK(problem("balancer = \"Any One\"\n") ==
        "c.toml:1:12: balancer is 'Any One', expected the name of a plugin");
  CHECK(contains(problem("repair_rate = 1\nyears = 0\n"), "c.toml:2:9: years is 0"));
  CHECK_FALSE(load_durability_model("/nowhere/c.toml"));
}

TEST_CASE("the sample clusters can be read") {
  for (auto name : {"usual", "harsh", "copysets", "zones"}) {
    auto it = load_durability_model(std::string{ATOLL_DURABILITY} + "/" + name + ".toml");
    REQUIRE_MESSAGE(it, (it ? "" : it.error().message));
    CHECK(it->name == name);
  }
}
