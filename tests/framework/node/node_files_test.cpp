#include "contains.hpp"
#include "teller_format.hpp"
#include "temporary_folder.hpp"

#include <atoll/node/node_files.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>

namespace {

/// A configs folder with one teller, to which a test adds files.
class configs_folder {
 public:
  configs_folder() {
    write("cluster.toml", "[cluster]\nname = \"c\"\n[[tellers]]\nid = 1\nname = \"teller-1\"\n"
                          "address = \"127.0.0.1:7001\"\n");
    write("teller-1.toml", "include = \"cluster.toml\"\n[node]\nname = \"teller-1\"\n"
                           "roles = [\"teller\"]\ndata = \"data/teller-1\"\n");
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream{folder_ / name} << text;
  }
  void add_vault(const std::string& file, const std::string& name, const std::string& data,
                 const std::string& door, const std::string& more = {}) {
    write(file, fmt::format("include = \"cluster.toml\"\n[node]\nname = \"{}\"\n"
                            "roles = [\"vault\"]\ndata = [\"{}\"]\ndoor = \"{}\"\n{}",
                            name, data, door, more));
  }
  const std::filesystem::path& path() const { return folder_.path(); }

  /// The problem of the folder; empty: none.
  std::string mistakes() const {
    auto nodes = atl::node::nodes_in(path(), teller_format());
    return nodes ? "" : nodes.error().message;
  }

 private:
  temporary_folder folder_;
};

} // namespace

TEST_CASE("nodes that have nothing in common can share a folder") {
  configs_folder folder;
  folder.add_vault("v1.toml", "vault-1", "data/v1", "127.0.0.1:7101");
  folder.add_vault("v2.toml", "vault-2", "data/v2", "127.0.0.1:7102");
  auto nodes = atl::node::nodes_in(folder.path(), teller_format());
  REQUIRE_MESSAGE(nodes.has_value(), nodes.error().message);
  REQUIRE(nodes->size() == 3);
  CHECK((*nodes)[2].name == "vault-2");
  CHECK((*nodes)[2].has_role("vault"));
  CHECK((*nodes)[2].log == folder.path() / "run/vault-2.log");
}

TEST_CASE("two files that can't both be nodes of one machine are named with their common value") {
  configs_folder folder;
  folder.add_vault("v1.toml", "vault-1", "data/v1", "127.0.0.1:7101");
  std::string shared;
  SUBCASE("the name") {
    folder.add_vault("v2.toml", "vault-1", "data/v2", "127.0.0.1:7102");
    shared = "node.name = \"vault-1\"";
  }
  SUBCASE("the data folder, in another notation") {
    folder.add_vault("v2.toml", "vault-2", "./other/../data//v1", "127.0.0.1:7102");
    shared = (folder.path() / "data/v1").string();
  }
  SUBCASE("one of several data folders") {
    folder.add_vault("v2.toml", "vault-2", "data/v2\", \"data/v1", "127.0.0.1:7102");
    shared = (folder.path() / "data/v1").string();
  }
  SUBCASE("the address") {
    folder.add_vault("v2.toml", "vault-2", "data/v2", "localhost:7101");
    shared = "localhost:7101";
  }
  SUBCASE("the port, when one node listens on all addresses") {
    folder.add_vault("v2.toml", "vault-2", "data/v2", "127.0.0.1:7102",
                     "door_listen = \"0.0.0.0:7101\"\n");
    shared = ":7101";
  }
  SUBCASE("the public address, when the nodes listen elsewhere") {
    folder.add_vault("v2.toml", "vault-2", "data/v2", "127.0.0.1:7101",
                     "door_listen = \"127.0.0.1:7102\"\n");
    shared = "node.door";
  }
  auto mistakes = folder.mistakes();
  CHECK_MESSAGE(contains(mistakes, "v1.toml"), mistakes);
  CHECK_MESSAGE(contains(mistakes, "v2.toml"), mistakes);
  CHECK_MESSAGE(contains(mistakes, shared), mistakes);
}

TEST_CASE("a vault with the address of a teller is reported") {
  configs_folder folder;
  folder.add_vault("v1.toml", "vault-1", "data/v1", "127.0.0.1:7001");
  CHECK_MESSAGE(contains(folder.mistakes(), "teller-1.toml"), folder.mistakes());
  CHECK_MESSAGE(contains(folder.mistakes(), "v1.toml"), folder.mistakes());
}

TEST_CASE("a mistake in a file that all nodes include is reported once") {
  configs_folder folder;
  folder.add_vault("v1.toml", "vault-1", "data/v1", "127.0.0.1:7101");
  folder.write("cluster.secret", "no secret");
  auto mistakes = folder.mistakes();
  auto first = mistakes.find("the secret");
  REQUIRE_MESSAGE(first != mistakes.npos, mistakes);
  CHECK_MESSAGE(mistakes.find("the secret", first + 1) == mistakes.npos, mistakes);
}

TEST_CASE("a node with an invalid file can be stopped by its name or its file's name") {
  configs_folder folder;
  folder.add_vault("v1.toml", "vault-1", "data/v1", "nowhere");
  folder.write("v2.toml", "[node]\nname = [");
  CHECK_FALSE(atl::node::nodes_in(folder.path(), teller_format()).has_value());
  auto nodes = atl::node::unchecked_nodes_in(folder.path());
  REQUIRE(nodes.has_value());
  REQUIRE(nodes->size() == 3);
  CHECK((*nodes)[1].name == "vault-1");
  CHECK((*nodes)[2].name == "v2");
}

TEST_CASE("the settings of a node's file include those of included files, and no comments or "
          "defaults") {
  configs_folder folder;
  auto configuration = [&] {
    auto nodes = atl::node::nodes_in(folder.path(), teller_format());
    REQUIRE_MESSAGE(nodes.has_value(), nodes.error().message);
    return nodes->front().configuration;
  };
  auto before = configuration();
  CHECK_FALSE(before.empty());
  auto cluster = "[cluster]\nname = \"c\"\n[[tellers]]\nid = 1\nname = \"teller-1\"\n"
                 "address = \"127.0.0.1:7001\"\n";
  folder.write("cluster.toml", std::string{cluster} + "# a comment\n");
  CHECK(atl::node::describe_changes(before, configuration()).empty());
  CHECK(before == configuration());
  folder.write("cluster.toml", std::string{cluster} + "[links]\nheartbeat = \"1s\"\n");
  CHECK(atl::node::describe_changes(before, configuration()) ==
        "links.heartbeat was not set and is \"1s\"");
  CHECK(atl::node::describe_changes(configuration(), before) ==
        "links.heartbeat was \"1s\" and is not set");
}

TEST_CASE("of many changes some are shown with the number of the others") {
  std::vector<atl::node::written_key> many;
  for (int i = 0; i < 9; ++i)
    many.push_back({fmt::format("key.{}", i), "1"});
  CHECK(contains(atl::node::describe_changes({}, many), "5 more"));
}
