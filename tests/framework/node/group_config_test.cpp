#include <atoll/node/cluster_config.hpp>
#include <atoll/node/group_config.hpp>
#include <atoll/node/node_config.hpp>
#include <atoll/node/unite_keys.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

/// What the configuration of any application says about its cluster, its nodes and its groups.
using namespace atl::node;

namespace {

std::vector<atl::key_spec> schema() {
  return unite_keys({node_keys({"teller", "vault"}), cluster_keys(), group_keys("tellers")});
}

const std::string bank = R"([node]
name = "a"
roles = ["teller"]
data = "data"
[cluster]
name = "bank"
[[tellers]]
id = 1
name = "a"
address = "127.0.0.1:1"
)";

/// What is wrong with a file; empty: nothing.
std::string problem_of(const std::string& text) {
  auto config = atl::config::parse(text, "/etc/bank/a.toml", schema());
  if (!config)
    return config.error().message;
  config_errors problems{*config};
  read_cluster_config(*config, problems);
  read_node_config(*config, problems);
  read_group(*config, "tellers", problems);
  auto fine = problems.finish();
  return fine ? std::string{} : fine.error().message;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a group of any name is read, member by member") {
  auto config =
      atl::config::parse(bank + "[[tellers]]\nid = 9\nname = \"b\"\naddress = \"127.0.0.1:2\"\n"
                                "joins = true\n",
                         "/etc/bank/a.toml", schema());
  REQUIRE(config.has_value());
  config_errors problems{*config};
  auto members = read_group(*config, "tellers", problems);
  REQUIRE(problems.finish().has_value());
  REQUIRE(members.size() == 2);
  CHECK(members[1].id == 9);
  CHECK(members[1].joins);
  CHECK(to_string(members[1].address) == "127.0.0.1:2");
}

TEST_CASE("a role that no application registered is refused, with the ones that there are") {
  auto problem = problem_of(replaced(bank, "\"teller\"", "\"taller\""));
  CHECK_MESSAGE(contains(problem, "/etc/bank/a.toml:3:"), problem);
  CHECK_MESSAGE(contains(problem, "teller"), problem);
  CHECK_MESSAGE(contains(problem, "vault"), problem);
}

TEST_CASE("a node without a role is refused") {
  CHECK(contains(problem_of(replaced(bank, "[\"teller\"]", "[]")), "the node has nothing to do"));
}

TEST_CASE("members that share an id, a name or an address are refused, all in one message") {
  auto twice = problem_of(bank + "[[tellers]]\nid = 1\nname = \"a\"\naddress = \"127.0.0.1:1\"\n");
  CHECK_MESSAGE(contains(twice, ":12:6: tellers[1].id: 1 is the id of a already"), twice);
  CHECK_MESSAGE(contains(twice, ":13:8: tellers[1].name: another member has this name"), twice);
  CHECK_MESSAGE(contains(twice, ":14:11: tellers[1].address: a listens there already"), twice);
}

TEST_CASE("of two lists with the same key the first one counts") {
  auto all = unite_keys({{{.key = "a", .default_value = "1"}}, {{.key = "a"}, {.key = "b"}}});
  REQUIRE(all.size() == 2);
  CHECK(all[0].default_value == "1");
  CHECK(all[1].key == "b");
}
