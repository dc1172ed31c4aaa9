#include "temporary_folder.hpp"

#include <atoll/node/node_process.hpp>
#include <atoll/node/process_table.hpp>
#include <atoll/node/run_folder.hpp>

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <fstream>
#include <signal.h>
#include <string>
#include <thread>
#include <unistd.h>

namespace {

struct endless_node {
  atl::node::local_node node;
  std::filesystem::path program;
};

/// A node whose program is a shell script.
endless_node scripted(const temporary_folder& folder, const std::string& script) {
  auto program = folder / "node";
  std::ofstream{program} << "#!/bin/sh\n" << script << '\n';
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  return {{"node", folder / "node.toml", folder / "run" / "node.log", folder / "run" / "node.pid"},
          program};
}

/// A node that does nothing until it is killed.
endless_node endless(const temporary_folder& folder) {
  auto node = scripted(folder, "read nothing <> \"$0.pipe\"");
  REQUIRE(::mkfifo((node.program.string() + ".pipe").c_str(), 0600) == 0);
  return node;
}

/// Waits for a child's end without taking it from others that wait for it.
void wait_until_ended(pid_t child) {
  siginfo_t ended{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) == 0);
}

} // namespace

TEST_CASE("a started node counts as running from its first moment to its end") {
  temporary_folder folder;
  auto [node, program] = endless(folder);
  // The system shows a new program's words a moment after it runs.
  for (int round = 0; round < 600; ++round) {
    auto started = atl::node::start(node, program);
    REQUIRE(started.has_value());
    CHECK(atl::node::running(node) == started->process);
    ::kill(started->process, SIGKILL);
    ::waitpid(started->process, nullptr, 0);
    CHECK_FALSE(atl::node::running(node).has_value());
  }
}

TEST_CASE("a process whose first thread has ended is alive as long as another one is") {
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  auto child = ::fork();
  if (child == 0) {
    std::thread{[] {
      for (;;)
        ::pause();
    }}.detach();
    [[maybe_unused]] auto told = ::write(ready[1], "x", 1);
    ::syscall(SYS_exit, 0); // this thread alone
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  auto first_thread_ended = [&] {
    std::ifstream stat{"/proc/" + std::to_string(child) + "/stat"};
    std::string text;
    std::getline(stat, text);
    return text.find(") Z") != text.npos;
  };
  while (!first_thread_ended()) {
  }
  CHECK(atl::node::is_alive(child));
  ::kill(child, SIGKILL);
  wait_until_ended(child);
  CHECK_FALSE(atl::node::is_alive(child));
  ::waitpid(child, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("a node that ended counts as stopped before its parent waits for it") {
  temporary_folder folder;
  auto [node, program] = endless(folder);
  int started[2];
  REQUIRE(::pipe(started) == 0);
  auto parent = ::fork();
  REQUIRE(parent >= 0);
  if (parent == 0) {
    auto ok = atl::node::start(node, program).has_value();
    while (::write(started[1], ok ? "y" : "n", 1) == 1)
      ::pause();
  }
  char answer = 0;
  REQUIRE(::read(started[0], &answer, 1) == 1);
  REQUIRE(answer == 'y');
  CHECK(atl::node::stop(node, std::chrono::seconds{10}) == true);
  CHECK_FALSE(atl::node::running(node).has_value());
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  ::close(started[0]);
  ::close(started[1]);
}

TEST_CASE("a node is found and stopped by its configuration file when its pid file is missing "
          "or wrong") {
  temporary_folder folder;
  auto [node, program] = endless(folder);
  auto started = atl::node::start(node, program);
  REQUIRE(started.has_value());
  REQUIRE(atl::node::runs_with(started->process, node.config)); // it shows its command line now
  SUBCASE("gone") {
    std::filesystem::remove(node.pid_file);
  }
  SUBCASE("another") {
    std::ofstream{node.pid_file} << ::getpid() << '\n';
  }
  CHECK(atl::node::running(node) == started->process);
  CHECK(atl::node::stop(node, std::chrono::seconds{10}) == true);
  CHECK(atl::node::processes_of(folder.path()).empty());
}

TEST_CASE("only a process that runs with a file of the folder is a node of the folder") {
  temporary_folder folder;
  temporary_folder other;
  auto [node, program] = endless(folder);
  auto started = atl::node::start(node, program);
  REQUIRE(started.has_value());
  REQUIRE(atl::node::runs_with(started->process, node.config));
  CHECK(atl::node::processes_of(other.path()).empty());
  auto found = atl::node::processes_of(folder.path());
  REQUIRE(found.size() == 1);
  CHECK(found[0].pid == started->process);
  CHECK(found[0].config == node.config);
  auto of_the_same_name = node;
  of_the_same_name.config = other / "node.toml";
  of_the_same_name.pid_file = other / "node.pid";
  CHECK_FALSE(atl::node::running(of_the_same_name).has_value());
  CHECK(atl::node::stop(node, std::chrono::seconds{10}) == true);
}

TEST_CASE("a process that checks a node's file does not count as a running node") {
  temporary_folder folder;
  auto [node, program] = endless(folder);
  auto started = atl::node::start(node, program, {"--check"});
  REQUIRE(started.has_value());
  CHECK_FALSE(atl::node::running(node).has_value());
  CHECK(atl::node::stop(started->process, std::chrono::seconds{10}) == true);
}

TEST_CASE("the end of a node is reported with its exit code or signal and the output of that run") {
  temporary_folder folder;
  std::string expected;
  std::string script;
  SUBCASE("by an exit code") {
    expected = "ended with exit code 3";
    script = "echo last words; exit 3";
  }
  SUBCASE("by a signal") {
    expected = "was ended by signal 9 (Killed)";
    script = "echo last words; kill -9 $$";
  }
  auto [node, program] = scripted(folder, script);
  std::filesystem::create_directories(node.log.parent_path());
  std::ofstream{node.log} << "of an earlier start\n";
  auto started = atl::node::start(node, program);
  REQUIRE(started.has_value());
  wait_until_ended(started->process);
  CHECK(atl::node::end_of_child(started->process) == expected);
  CHECK(atl::node::log_tail(node, started->log_begin) == "  last words");
}

TEST_CASE("further arguments are passed to a node's program after the file") {
  temporary_folder folder;
  auto [node, program] = scripted(folder, "echo \"$@\"");
  auto started = atl::node::start(node, program, {"--more", "a b"});
  REQUIRE(started.has_value());
  wait_until_ended(started->process);
  CHECK(atl::node::end_of_child(started->process) == "ended with exit code 0");
  CHECK(atl::node::log_tail(node) == "  --config " + node.config.string() + " --more a b");
}

TEST_CASE("the configuration that a node was started with is known only for that process") {
  temporary_folder folder;
  auto [node, program] = endless(folder);
  node.configuration = {{"node.name", "\"node\""}, {"node.weight", "2.0"}};
  auto started = atl::node::start(node, program);
  REQUIRE(started.has_value());
  CHECK(atl::node::started_configuration(node, started->process) == node.configuration);
  CHECK_FALSE(atl::node::started_configuration(node, started->process + 1).has_value());
  CHECK(atl::node::stop(node, std::chrono::seconds{10}) == true);
  CHECK_FALSE(atl::node::started_configuration(node, started->process).has_value());
}

TEST_CASE("one process at a time has a folder's lock, which ends with the process") {
  temporary_folder folder;
  int waited = 0;
  auto take = [&](int seconds) {
    return atl::node::run_lock::take(folder.path(), "dfs", std::chrono::seconds{seconds},
                                     [&] { ++waited; });
  };
  {
    auto first = take(0);
    REQUIRE(first.has_value());
    auto second = take(0);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == atl::errc::busy);
    CHECK(waited == 1);
  }
  CHECK(take(0).has_value());
  auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    auto taken = take(0);
    ::_exit(taken ? 0 : 1); // as if killed: nothing is released
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK(take(0).has_value());
}
