#include <atoll/node/node_process.hpp>
#include <atoll/node/process_table.hpp>
#include <atoll/node/run_folder.hpp>

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <fstream>
#include <signal.h>
#include <spawn.h>
#include <thread>
#include <unistd.h>

extern char** environ;

namespace atl::node {

namespace {

namespace fs = std::filesystem;

constexpr auto poll_interval = std::chrono::milliseconds{10};
constexpr std::size_t last_lines = 5;

std::vector<char*> as_arguments(std::vector<std::string>& words) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (auto& word : words)
    arguments.push_back(word.data());
  arguments.push_back(nullptr);
  return arguments;
}

/// Runs a program in a new session, with its output appended to `log`.
result<pid_t> spawn(std::vector<std::string> words, const fs::path& log) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  auto arguments = as_arguments(words);
  pid_t pid = 0;
  auto failed = ::posix_spawn(&pid, arguments[0], &files, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0)
    return tl::unexpected{system_error(failed, "starting " + words[0])};
  return pid;
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("was ended by signal {} ({})", WTERMSIG(status),
                       ::strsignal(WTERMSIG(status)));
  return fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

/// The last lines of a file, from `begin` on.
std::deque<std::string> read_tail(const fs::path& file, std::uintmax_t begin) {
  std::ifstream in{file};
  in.seekg(static_cast<std::streamoff>(begin));
  std::deque<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back("  " + line);
    if (lines.size() > last_lines)
      lines.pop_front();
  }
  return lines;
}

void wait_for_end(pid_t process, std::chrono::steady_clock::time_point give_up) {
  while (is_alive(process) && std::chrono::steady_clock::now() < give_up)
    std::this_thread::sleep_for(poll_interval);
}

} // namespace

std::optional<pid_t> running(const local_node& node) {
  if (auto pid = noted_process(node); pid && runs_with(*pid, node.config))
    return pid;
  for (auto& process : processes_of(node.config.parent_path()))
    if (process.config == node.config)
      return process.pid;
  return std::nullopt;
}

result<started_node> start(const local_node& node, const fs::path& program,
                           const std::vector<std::string>& more) {
  std::error_code problem;
  fs::create_directories(node.log.parent_path(), problem);
  if (problem)
    return fail(errc::io,
                fmt::format("{}: {}", node.log.parent_path().string(), problem.message()));
  started_node it;
  it.log_begin = fs::file_size(node.log, problem);
  if (problem)
    it.log_begin = 0; // there is none yet
  std::vector<std::string> words{program.string(), "--config", node.config.string()};
  words.insert(words.end(), more.begin(), more.end());
  auto pid = spawn(std::move(words), node.log);
  if (!pid)
    return tl::unexpected{pid.error()};
  if (auto noted = note_process(node, *pid); !noted) {
    ::kill(*pid, SIGTERM);
    return tl::unexpected{noted.error()};
  }
  it.process = *pid;
  return it;
}

status check_configuration(const fs::path& config, const fs::path& program) {
  auto said = (fs::temp_directory_path() / "atoll-check-XXXXXX").string();
  auto file = ::mkstemp(said.data());
  if (file < 0)
    return tl::unexpected{system_error(errno, "creating " + said)};
  ::close(file);
  int status = 0;
  auto pid = spawn({program.string(), "--config", config.string(), "--check"}, said);
  while (pid && ::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  auto text = read_tail(said, 0);
  std::error_code ignored;
  fs::remove(said, ignored);
  if (!pid)
    return tl::unexpected{pid.error()};
  if (status == 0)
    return {};
  return fail(errc::invalid, fmt::format("{} {}:\n{}", program.string(), describe_end(status),
                                         fmt::join(text, "\n")));
}

std::optional<std::string> end_of_child(pid_t process) {
  int status = 0;
  if (::waitpid(process, &status, WNOHANG) != process)
    return std::nullopt;
  return describe_end(status);
}

result<bool> stop(pid_t process, std::chrono::milliseconds timeout) {
  if (::kill(process, SIGTERM) != 0 && errno != ESRCH)
    return tl::unexpected{system_error(errno, fmt::format("stopping process {}", process))};
  wait_for_end(process, std::chrono::steady_clock::now() + timeout);
  if (!is_alive(process))
    return true;
  ::kill(process, SIGKILL);
  wait_for_end(process, std::chrono::steady_clock::time_point::max());
  return false;
}

result<bool> stop(const local_node& node, std::chrono::milliseconds timeout) {
  auto pid = running(node);
  auto stopped = pid ? stop(*pid, timeout) : result<bool>{false};
  if (!stopped)
    return fail(stopped.error(), node.name);
  forget_process(node);
  return stopped;
}

std::string log_tail(const local_node& node, std::uintmax_t begin) {
  return fmt::format("{}", fmt::join(read_tail(node.log, begin), "\n"));
}

fs::path sibling_program(const std::string& name) {
  return fs::read_symlink("/proc/self/exe").parent_path() / name;
}

} // namespace atl::node
