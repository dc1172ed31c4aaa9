#include <atoll/compare/strategy_file.hpp>

#include <doctest/doctest.h>

using namespace atl::compare;

namespace {

std::string problem(std::string_view text, std::string_view section = "") {
  auto it = parse_strategy(text, "s.toml", section);
  return it ? "" : it.error().message;
}

} // namespace

TEST_CASE("a strategy's file names a plugin and its options") {
  auto it = parse_strategy("[balancer]\nplugin = \"power_of_two\"\noptions = { choices = 3 }\n",
                           "s.toml", "");
  REQUIRE_MESSAGE(it, (it ? "" : it.error().message));
  CHECK(it->plugin == "power_of_two");
  CHECK(it->where.text() == "s.toml:2:10");
  REQUIRE(it->options.find("choices"));
  CHECK(it->options.find("choices")->value.where.text() == "s.toml:3:23");
  auto bare = parse_strategy("[balancer]\nplugin = \"random\"\n", "s.toml", "");
  REQUIRE(bare);
  CHECK(bare->options.entries.empty());
}

TEST_CASE("a section of a cluster's file names one, too") {
  constexpr auto cluster = R"([cluster]
name = "x"
[placement]
balancer = "weighted"
[reads]
balancer = "random"
options = { }
)";
  CHECK(parse_strategy(cluster, "s.toml", "placement")->plugin == "weighted");
  CHECK(parse_strategy(cluster, "s.toml", "reads")->plugin == "random");
  CHECK(problem(cluster).starts_with("s.toml:1:1: has no [balancer]; write"));
  CHECK(problem("[cluster]\n", "reads").starts_with("s.toml:1:1: has no [reads]"));
}

TEST_CASE("mistakes in a strategy's file are named with their place") {
  CHECK(problem("[balancer\n").starts_with("s.toml:1:"));
  CHECK(problem("balancer = 3\n") == "s.toml:1:12: balancer takes a table, found the integer 3");
  CHECK(problem("[balancer]\n") == "s.toml:1:1: balancer.plugin is missing; it names the plugin");
  CHECK(problem("[balancer]\nplugin = \"../x\"\n") ==
        "s.toml:2:10: balancer.plugin takes the name of a plugin, found the text \"../x\"");
  CHECK(problem("[balancer]\nplugin = 3\n").starts_with("s.toml:2:10: balancer.plugin takes"));
  CHECK(problem("[balancer]\nplugin = \"x\"\noption = { a = 1 }\n") ==
        "s.toml:3:1: unknown key 'balancer.option'; did you mean 'options'?");
  CHECK(problem("[balancer]\nplugin = \"x\"\noptions = 3\n") ==
        "s.toml:3:11: balancer.options takes a table, found the integer 3");
  CHECK(
      problem("[balancer]\nplugin = \"x\"\n[run]\n").starts_with("s.toml:3:2: unknown key 'run'"));
}

TEST_CASE("a recovery scheme is named in a file of its own") {
  auto it = parse_recovery_strategy("[recovery]\nplugin = \"reed_solomon\"\noptions = { k = 6 }\n",
                                    "s.toml");
  REQUIRE_MESSAGE(it, (it ? "" : it.error().message));
  CHECK(it->plugin == "reed_solomon");
  CHECK(it->where.text() == "s.toml:2:10");
  CHECK(it->options.find("k")->value.where.text() == "s.toml:3:17");
  auto message = [](std::string_view text) {
    auto read = parse_recovery_strategy(text, "s.toml");
    return read ? "" : read.error().message;
  };
  CHECK(message("[balancer]\nplugin = \"random\"\n") ==
        "s.toml:1:1: has no [recovery]; write [recovery] with plugin = \"NAME\" and options");
  CHECK(message("[recovery]\noption = {}\n") ==
        "s.toml:2:1: unknown key 'recovery.option'; did you mean 'options'?");
  CHECK(message("[recovery]\nplugin = \"x\"\n[run]\n") == "s.toml:3:2: unknown key 'run'");
}
