#include <atoll/core/plugin_options.hpp>

#include <doctest/doctest.h>

using atl::spi::option_spec;
using atl::spi::option_type;

namespace {

constexpr option_spec declared[] = {
    {"heartbeat", option_type::duration, "150ms", "1ms", "10s", "time between heartbeats"},
    {"batch", option_type::integer, "64", "1", "1024", "commands a batch"},
    {"ratio", option_type::real, "0.5", "0", "1", "share of something"},
    {"eager", option_type::boolean, "false", "", "", "whether to hurry"},
    {"reads", option_type::text, "lease", "", "lease|log", "how reads are made safe"},
    {"limit", option_type::size, "1MiB", "4KiB", "", "bytes in flight"},
};

atl::result<atl::spi::options> check(std::string_view toml) {
  auto table = atl::parse_toml(toml, "node.toml");
  REQUIRE(table);
  return atl::check_options(declared, *table, "consensus plugin 'raft'");
}

std::string error_of(std::string_view toml) {
  auto made = check(toml);
  return made ? "accepted" : made.error().message;
}

std::string declaration_error(option_spec option) {
  option_spec list[] = {declared[0], option};
  auto fine = atl::check_declarations(list);
  return fine ? "accepted" : fine.error().message;
}

} // namespace

TEST_CASE("an option with an unknown scope is refused") {
  auto option = declared[1];
  option.name = "other";
  CHECK(declaration_error(option) == "accepted");
  option.scope = static_cast<atl::spi::option_scope>(2);
  CHECK(declaration_error(option) == "option 'other' has a scope that isn't known");
}

TEST_CASE("an option that is not given has its declared default") {
  auto made = check("batch = 8\nlimit = 4096\n");
  REQUIRE(made);
  CHECK(made->integer("heartbeat") == 150'000);
  CHECK(made->integer("batch") == 8);
  CHECK(made->real("ratio") == 0.5);
  CHECK(made->boolean("eager") == false);
  CHECK(made->text("reads") == "lease");
  CHECK(made->integer("limit") == 4096);
  CHECK(made->values().size() == std::size(declared));
}

TEST_CASE("an unknown option is refused with the nearest known option") {
  CHECK(error_of("\nheartbeet = \"1s\"\n") ==
        "node.toml:2:1: unknown option 'heartbeet' of consensus plugin 'raft'; did you mean "
        "'heartbeat'?");
  CHECK(error_of("colour = 3\n") ==
        "node.toml:1:1: unknown option 'colour' of consensus plugin 'raft'; it has heartbeat, "
        "batch, ratio, eager, reads, limit");
  auto table = atl::parse_toml("x = 1", "node.toml");
  REQUIRE(table);
  CHECK(atl::check_options({}, *table, "balancer plugin 'random'").error().message ==
        "node.toml:1:1: unknown option 'x' of balancer plugin 'random'; it has no options");
}

TEST_CASE("wrong types and values out of range are all refused together") {
  CHECK(error_of("batch = \"many\"\nratio = 2\nheartbeat = \"1h\"\nreads = \"none\"\nlimit = 1") ==
        "node.toml:1:9: option 'batch' of consensus plugin 'raft' takes an integer, found the text "
        "\"many\"\n"
        "node.toml:2:9: option 'ratio' of consensus plugin 'raft' is 2.0, and must be 0 to 1\n"
        "node.toml:3:13: option 'heartbeat' of consensus plugin 'raft' is \"1h\", and must be 1ms "
        "to 10s\n"
        "node.toml:4:9: option 'reads' of consensus plugin 'raft' is \"none\", and must be one of "
        "lease, log\n"
        "node.toml:5:9: option 'limit' of consensus plugin 'raft' is 1, and must be at least 4KiB");
}

TEST_CASE("options are read from a command line without quotes") {
  std::string good[] = {"heartbeat=20ms", "reads=log", "eager=true"};
  auto made = atl::parse_options(declared, good, "consensus plugin 'raft'");
  REQUIRE(made);
  CHECK(made->integer("heartbeat") == 20'000);
  CHECK(made->text("reads") == "log");
  CHECK(made->boolean("eager"));
  std::string bad[] = {"batch=x", "batch", "bacth=1", "batch=0"};
  auto wrong = atl::parse_options(declared, bad, "consensus plugin 'raft'");
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().message ==
        "bacth=1: unknown option 'bacth' of consensus plugin 'raft'; did you mean 'batch'?\n"
        "batch: an option is written key=value\n"
        "batch=0: option 'batch' of consensus plugin 'raft' is 0, and must be 1 to 1024\n"
        "batch=x: option 'batch' of consensus plugin 'raft' can't be set: \"x\" is not an integer");
}

TEST_CASE("invalid declarations of options are refused before they are used") {
  CHECK(atl::check_declarations(declared));
  CHECK(declaration_error({"Batch", option_type::integer, "1", "", "", ""}) ==
        "an option has no name of the form [a-z][a-z0-9_]*");
  CHECK(declaration_error({"heartbeat", option_type::integer, "1", "", "", ""}) ==
        "option 'heartbeat' is declared twice");
  CHECK(declaration_error({"x", option_type::integer, "many", "", "", ""}) ==
        "option 'x' has a default that isn't of its type: \"many\" is not an integer");
  CHECK(declaration_error({"x", option_type::duration, "5s", "0", "", ""})
            .starts_with("option 'x' has a bound that isn't of its type"));
  CHECK(declaration_error({"x", option_type::integer, "5", "", "4", ""}) ==
        "option 'x' has a default that is 5, and must be at most 4");
  CHECK(declaration_error({"x", option_type::text, "c", "", "a|b", ""}) ==
        "option 'x' has a default that is \"c\", and must be one of a, b");
  CHECK(declaration_error({"x", option_type::text, nullptr, "", "", ""})
            .starts_with("option 'x' lacks"));
  CHECK(declaration_error({"x", static_cast<option_type>(99), "", "", "", ""}) ==
        "option 'x' has a type that isn't known");
}

TEST_CASE("values are formatted as in TOML") {
  CHECK(atl::option_toml(std::int64_t{150'000}, option_type::duration) == "\"150ms\"");
  CHECK(atl::option_toml(std::int64_t{8 << 20}, option_type::size) == "\"8MiB\"");
  CHECK(atl::option_toml(std::int64_t{1000}, option_type::size) == "1000");
  CHECK(atl::option_toml(std::string{"a\"b\\\n\x01"}, option_type::text) ==
        "\"a\\\"b\\\\\\n\\u0001\"");
  CHECK(atl::option_toml(1.0, option_type::real) == "1.0");
  CHECK(atl::option_toml(true, option_type::boolean) == "true");
}
