#include "cli/launcher.hpp"
#include "temporary_folder.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <fstream>
#include <signal.h>
#include <unistd.h>

namespace {

struct endless_node {
  dfs::local_node node;
  std::filesystem::path program;
};

/// A node that does nothing until it is ended.
endless_node endless(const temporary_folder& folder) {
  auto program = folder / "node";
  std::ofstream{program} << "#!/bin/sh\nread nothing <> \"$0.pipe\"\n";
  REQUIRE(::mkfifo((program.string() + ".pipe").c_str(), 0600) == 0);
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  return {{"node", false, folder / "node.toml", folder / "run" / "node.log",
           folder / "run" / "node.pid"},
          program};
}

} // namespace

TEST_CASE("a node that was just started is running, from the first moment to its end") {
  temporary_folder folder;
  auto [node, program] = endless(folder);
  // The system shows a new program's words a moment after it runs.
  for (int round = 0; round < 600; ++round) {
    auto pid = dfs::start(node, program);
    REQUIRE(pid.has_value());
    CHECK(dfs::running(node) == *pid);
    ::kill(*pid, SIGKILL);
    ::waitpid(*pid, nullptr, 0);
    CHECK_FALSE(dfs::running(node).has_value());
  }
}

TEST_CASE("a node that ended has stopped, though its parent doesn't ask for its end") {
  temporary_folder folder;
  auto [node, program] = endless(folder);
  int started[2];
  REQUIRE(::pipe(started) == 0);
  auto parent = ::fork();
  REQUIRE(parent >= 0);
  if (parent == 0) {
    auto ok = dfs::start(node, program).has_value();
    while (::write(started[1], ok ? "y" : "n", 1) == 1)
      ::pause();
  }
  char answer = 0;
  REQUIRE(::read(started[0], &answer, 1) == 1);
  REQUIRE(answer == 'y');
  CHECK(dfs::stop(node, std::chrono::seconds{10}) == true);
  CHECK_FALSE(dfs::running(node).has_value());
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  ::close(started[0]);
  ::close(started[1]);
}
