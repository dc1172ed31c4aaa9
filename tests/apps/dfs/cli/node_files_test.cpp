#include "cli/node_files.hpp"
#include "contains.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>

namespace {

/// A configs folder with one master, to which a test adds files.
class configs_folder {
 public:
  configs_folder() {
    write("cluster.toml", "[cluster]\nname = \"c\"\n[[masters]]\nid = 1\nname = \"master-1\"\n"
                          "address = \"127.0.0.1:7001\"\n");
    write("master-1.toml", "include = \"cluster.toml\"\n[node]\nname = \"master-1\"\n"
                           "roles = [\"master\"]\ndata = \"data/master-1\"\n");
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream{folder_ / name} << text;
  }
  void add_storage(const std::string& file, const std::string& name, const std::string& data,
                   const std::string& bulk, const std::string& more = {}) {
    write(file, fmt::format("include = \"cluster.toml\"\n[node]\nname = \"{}\"\n"
                            "roles = [\"storage\"]\ndata = \"{}\"\nbulk = \"{}\"\n{}",
                            name, data, bulk, more));
  }
  const std::filesystem::path& path() const { return folder_.path(); }

  /// The problem of the folder; empty: none.
  std::string mistakes() const {
    auto nodes = dfs::nodes_in(path());
    return nodes ? "" : nodes.error().message;
  }

 private:
  temporary_folder folder_;
};

} // namespace

TEST_CASE("nodes that have nothing in common can share a folder") {
  configs_folder folder;
  folder.add_storage("s1.toml", "storage-1", "data/s1", "127.0.0.1:7101");
  folder.add_storage("s2.toml", "storage-2", "data/s2", "127.0.0.1:7102");
  auto nodes = dfs::nodes_in(folder.path());
  REQUIRE_MESSAGE(nodes.has_value(), nodes.error().message);
  REQUIRE(nodes->size() == 3);
  CHECK((*nodes)[2].name == "storage-2");
  CHECK((*nodes)[2].is_storage);
  CHECK((*nodes)[2].log == folder.path() / "run/storage-2.log");
}

TEST_CASE("two files that can't both be nodes of one machine are named with their common value") {
  configs_folder folder;
  folder.add_storage("s1.toml", "storage-1", "data/s1", "127.0.0.1:7101");
  std::string shared;
  SUBCASE("the name") {
    folder.add_storage("s2.toml", "storage-1", "data/s2", "127.0.0.1:7102");
    shared = "node.name = \"storage-1\"";
  }
  SUBCASE("the data folder, in another notation") {
    folder.add_storage("s2.toml", "storage-2", "./other/../data//s1", "127.0.0.1:7102");
    shared = (folder.path() / "data/s1").string();
  }
  SUBCASE("the address") {
    folder.add_storage("s2.toml", "storage-2", "data/s2", "localhost:7101");
    shared = "localhost:7101";
  }
  SUBCASE("the port, when one node listens on all addresses") {
    folder.add_storage("s2.toml", "storage-2", "data/s2", "127.0.0.1:7102",
                       "bulk_listen = \"0.0.0.0:7101\"\n");
    shared = ":7101";
  }
  SUBCASE("the public address, when the nodes listen elsewhere") {
    folder.add_storage("s2.toml", "storage-2", "data/s2", "127.0.0.1:7101",
                       "bulk_listen = \"127.0.0.1:7102\"\n");
    shared = "node.bulk";
  }
  auto mistakes = folder.mistakes();
  CHECK_MESSAGE(contains(mistakes, "s1.toml"), mistakes);
  CHECK_MESSAGE(contains(mistakes, "s2.toml"), mistakes);
  CHECK_MESSAGE(contains(mistakes, shared), mistakes);
}

TEST_CASE("a storage node with the address of a master is reported") {
  configs_folder folder;
  folder.add_storage("s1.toml", "storage-1", "data/s1", "127.0.0.1:7001");
  CHECK_MESSAGE(contains(folder.mistakes(), "master-1.toml"), folder.mistakes());
  CHECK_MESSAGE(contains(folder.mistakes(), "s1.toml"), folder.mistakes());
}

TEST_CASE("a mistake in a file that all nodes include is reported once") {
  configs_folder folder;
  folder.add_storage("s1.toml", "storage-1", "data/s1", "127.0.0.1:7101");
  folder.write("cluster.secret", "no secret");
  auto mistakes = folder.mistakes();
  auto first = mistakes.find("the secret");
  REQUIRE_MESSAGE(first != mistakes.npos, mistakes);
  CHECK_MESSAGE(mistakes.find("the secret", first + 1) == mistakes.npos, mistakes);
}

TEST_CASE("a node with an invalid file can be stopped by its name or its file's name") {
  configs_folder folder;
  folder.add_storage("s1.toml", "storage-1", "data/s1", "nowhere");
  folder.write("s2.toml", "[node]\nname = [");
  CHECK_FALSE(dfs::nodes_in(folder.path()).has_value());
  auto nodes = dfs::unchecked_nodes_in(folder.path());
  REQUIRE(nodes.has_value());
  REQUIRE(nodes->size() == 3);
  CHECK((*nodes)[1].name == "storage-1");
  CHECK((*nodes)[2].name == "s2");
}

TEST_CASE("the settings of a node's file include those of included files, and no comments or "
          "defaults") {
  configs_folder folder;
  auto configuration = [&] {
    auto nodes = dfs::nodes_in(folder.path());
    REQUIRE_MESSAGE(nodes.has_value(), nodes.error().message);
    return nodes->front().configuration;
  };
  auto before = configuration();
  CHECK_FALSE(before.empty());
  auto cluster = "[cluster]\nname = \"c\"\n[[masters]]\nid = 1\nname = \"master-1\"\n"
                 "address = \"127.0.0.1:7001\"\n";
  folder.write("cluster.toml", std::string{cluster} + "# a comment\n");
  CHECK(dfs::describe_changes(before, configuration()).empty());
  CHECK(before == configuration());
  folder.write("cluster.toml", std::string{cluster} + "[files]\nchunk_size = \"1MiB\"\n");
  CHECK(dfs::describe_changes(before, configuration()) ==
        "files.chunk_size was not set and is \"1MiB\"");
  CHECK(dfs::describe_changes(configuration(), before) ==
        "files.chunk_size was \"1MiB\" and is not set");
}

TEST_CASE("of many changes some are shown with the number of the others") {
  std::vector<dfs::written_key> many;
  for (int i = 0; i < 9; ++i)
    many.push_back({fmt::format("key.{}", i), "1"});
  CHECK(contains(dfs::describe_changes({}, many), "5 more"));
}
