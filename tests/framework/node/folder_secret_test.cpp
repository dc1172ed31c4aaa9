#include "contains.hpp"
#include "other_user.hpp"
#include "teller_format.hpp"
#include "temporary_folder.hpp"

#include <atoll/node/folder_secret.hpp>
#include <atoll/node/node_process.hpp>
#include <atoll/node/process_table.hpp>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <thread>

/// The secret that `dfs up` makes in a configs folder.
namespace fs = std::filesystem;

namespace {

/// A configs folder with one teller. @param file where its cluster is described
std::vector<atl::node::local_node> nodes_of(const temporary_folder& folder,
                                            const std::string& file = "cluster.toml") {
  folder.write(file, "[cluster]\nname = \"c\"\n[[tellers]]\nid = 1\nname = \"m\"\n"
                     "address = \"127.0.0.1:7001\"\n");
  folder.write("m.toml", "include = \"" + file +
                             "\"\n[node]\nname = \"m\"\n"
                             "roles = [\"teller\"]\ndata = \"data\"\n");
  auto nodes = atl::node::nodes_in(folder.path(), teller_format());
  REQUIRE_MESSAGE(nodes.has_value(), nodes.error().message);
  return *nodes;
}

std::string content_of(const fs::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace

TEST_CASE("a folder without a secret gets one for its owner alone, which is kept") {
  temporary_folder folder;
  auto nodes = nodes_of(folder);
  CHECK_FALSE(nodes[0].has_secret);
  REQUIRE(atl::node::make_missing_secret(folder.path(), nodes).has_value());
  struct stat info = {};
  REQUIRE(::stat((folder / "cluster.secret").c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0600);
  auto secret = content_of(folder / "cluster.secret");
  nodes = nodes_of(folder);
  CHECK(nodes[0].has_secret);
  CHECK(atl::node::make_missing_secret(folder.path(), nodes).has_value());
  CHECK(content_of(folder / "cluster.secret") == secret);
  for (auto& entry : fs::directory_iterator{folder.path()})
    CHECK_MESSAGE(!contains(entry.path().filename().string(), "secret."), entry.path().string());
}

TEST_CASE("of several that make the secret at once all accept the first one") {
  for (int round = 0; round < 50; ++round) {
    temporary_folder folder;
    auto nodes = nodes_of(folder);
    std::vector<std::string> problems(4);
    {
      std::vector<std::jthread> threads;
      for (auto& problem : problems)
        threads.emplace_back([&] {
          if (auto made = atl::node::make_missing_secret(folder.path(), nodes); !made)
            problem = made.error().message;
        });
    }
    for (auto& problem : problems)
      CHECK(problem == "");
    CHECK(nodes_of(folder)[0].has_secret);
  }
}

TEST_CASE("no secret is made while a node of the folder runs") {
  temporary_folder folder;
  auto nodes = nodes_of(folder);
  auto program = folder.write("program", "#!/bin/sh\nread nothing <> \"$0.pipe\"\n");
  fs::permissions(program, fs::perms::owner_all);
  REQUIRE(::mkfifo((program.string() + ".pipe").c_str(), 0600) == 0);
  auto running = nodes[0];
  SUBCASE("that its file describes") {}
  SUBCASE("whose file is gone") {
    running.config = folder / "gone.toml";
    running.pid_file = folder / "run/gone.pid";
  }
  auto started = atl::node::start(running, program);
  REQUIRE(started.has_value());
  REQUIRE(atl::node::runs_with(started->process, running.config));
  CHECK(atl::node::make_missing_secret(folder.path(), nodes).has_value());
  CHECK_FALSE(fs::exists(folder / "cluster.secret"));
  CHECK(atl::node::stop(running, std::chrono::seconds{10}) == true);
  CHECK(atl::node::make_missing_secret(folder.path(), nodes).has_value());
  CHECK(fs::exists(folder / "cluster.secret"));
}

TEST_CASE("no secret is made beside a cluster's file in another folder") {
  temporary_folder folder;
  auto nodes = nodes_of(folder, "shared/cluster.toml");
  auto made = atl::node::make_missing_secret(folder.path(), nodes);
  REQUIRE_FALSE(made.has_value());
  CHECK_MESSAGE(contains(made.error().message, (folder / "shared").string()), made.error().message);
  CHECK_FALSE(fs::exists(folder / "shared/cluster.secret"));
}

TEST_CASE("a folder that can't be written to gets no secret, and the reason is told") {
  temporary_folder folder;
  auto nodes = nodes_of(folder);
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec |
                                     fs::perms::others_read | fs::perms::others_exec);
  atl::status made;
  {
    other_user reader;
    made = atl::node::make_missing_secret(folder.path(), nodes);
  }
  fs::permissions(folder.path(), fs::perms::owner_all);
  REQUIRE_FALSE(made.has_value());
  CHECK_MESSAGE(contains(made.error().message, "Permission denied"), made.error().message);
}

TEST_CASE("a new folder gets a secret once") {
  temporary_folder folder;
  REQUIRE(atl::node::make_secret(folder.path()).has_value());
  CHECK(nodes_of(folder)[0].has_secret);
  auto again = atl::node::make_secret(folder.path());
  REQUIRE_FALSE(again.has_value());
  CHECK(again.error().code == atl::errc::exists);
}
