#include "cli/launcher.hpp"

#include "node/settings.hpp"

#include <atoll/core/config_value.hpp>

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <deque>
#include <fcntl.h>
#include <fstream>
#include <signal.h>
#include <spawn.h>
#include <sstream>
#include <thread>

extern char** environ;

namespace dfs {

namespace {

using atl::errc;
using atl::fail;
namespace fs = std::filesystem;

constexpr int looks_at_new_process = 1000; ///< a millisecond apart
constexpr std::size_t last_lines = 5;

std::string read_all(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

bool describes_node(const fs::path& file) {
  auto table = atl::parse_toml(read_all(file), file.string());
  // A file that can't be read is one to complain about, not one to pass over.
  return !table || table->find("node") != nullptr;
}

/// Has it ended, though its parent, another process, hasn't asked for its end yet (and in a
/// container may never)?
bool is_zombie(pid_t pid) {
  auto text = read_all(fmt::format("/proc/{}/stat", pid)); // 17 (name with anything) S …
  auto name_ends = text.rfind(')');
  return name_ends != text.npos && text.substr(name_ends).starts_with(") Z");
}

/// Reaps a child that ended, so that it doesn't look alive.
bool is_alive(pid_t pid) {
  ::waitpid(pid, nullptr, WNOHANG);
  return (::kill(pid, 0) == 0 || errno == EPERM) && !is_zombie(pid);
}

} // namespace

atl::result<std::vector<local_node>> nodes_in(const fs::path& folder) {
  std::error_code problem;
  std::vector<fs::path> files;
  for (auto& entry : fs::directory_iterator{folder, problem})
    if (entry.path().extension() == ".toml" && describes_node(entry.path()))
      files.push_back(fs::absolute(entry.path()).lexically_normal());
  if (problem)
    return fail(errc::not_found, fmt::format("{}: {}", folder.string(), problem.message()));
  std::sort(files.begin(), files.end());
  std::vector<local_node> nodes;
  std::string mistakes;
  auto run = fs::absolute(folder).lexically_normal() / "run";
  for (auto& file : files) {
    auto config = atl::config::load(file, node_schema());
    auto cluster = config ? read_cluster(*config) : tl::unexpected{config.error()};
    auto node = cluster ? read_node(*config, *cluster) : tl::unexpected{cluster.error()};
    if (node)
      nodes.push_back({node->name, node->is_storage, file, run / (node->name + ".log"),
                       run / (node->name + ".pid")});
    else
      mistakes += (mistakes.empty() ? "" : "\n") + node.error().message;
  }
  if (!mistakes.empty())
    return fail(errc::invalid, mistakes);
  if (nodes.empty())
    return fail(errc::not_found, fmt::format("{} holds no file that describes a node: one with a "
                                             "[node] table",
                                             folder.string()));
  return nodes;
}

std::optional<pid_t> running(const local_node& node) {
  auto text = read_all(node.pid_file);
  pid_t pid = 0;
  std::from_chars(text.data(), text.data() + text.size(), pid);
  if (pid <= 0 || !is_alive(pid))
    return std::nullopt;
  auto command_line = fmt::format("/proc/{}/cmdline", pid);
  auto words = read_all(command_line);
  // A process that was just started shows its words a moment after it replaced its parent's image;
  // one that never shows any is none of ours.
  for (int looks = 0; words.empty() && is_alive(pid) && looks < looks_at_new_process; ++looks) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
    words = read_all(command_line);
  }
  if (words.find(node.config.string()) == words.npos)
    return std::nullopt;
  return pid;
}

atl::result<pid_t> start(const local_node& node, const fs::path& program) {
  std::error_code problem;
  fs::create_directories(node.log.parent_path(), problem);
  if (problem)
    return fail(errc::io,
                fmt::format("{}: {}", node.log.parent_path().string(), problem.message()));
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, 1, node.log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0644);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  auto name = program.string();
  auto config = node.config.string();
  char option[] = "--config";
  char* arguments[] = {name.data(), option, config.data(), nullptr};
  pid_t pid = 0;
  auto failed = ::posix_spawn(&pid, name.c_str(), &files, &attributes, arguments, environ);
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0)
    return tl::unexpected{atl::system_error(failed, "starting " + name)};
  std::ofstream out{node.pid_file, std::ios::trunc};
  out << pid << '\n';
  out.close();
  if (!out) {
    ::kill(pid, SIGTERM);
    return fail(errc::io, "can't write " + node.pid_file.string());
  }
  return pid;
}

atl::result<bool> stop(const local_node& node, std::chrono::milliseconds patience) {
  auto pid = running(node);
  std::error_code ignored;
  if (!pid) {
    fs::remove(node.pid_file, ignored);
    return false;
  }
  if (::kill(*pid, SIGTERM) != 0)
    return tl::unexpected{
        atl::system_error(errno, fmt::format("stopping {} (process {})", node.name, *pid))};
  auto give_up = std::chrono::steady_clock::now() + patience;
  while (is_alive(*pid) && std::chrono::steady_clock::now() < give_up)
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  auto stopped = !is_alive(*pid);
  if (!stopped) {
    ::kill(*pid, SIGKILL);
    while (is_alive(*pid))
      std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  fs::remove(node.pid_file, ignored);
  return stopped;
}

std::string last_words(const local_node& node) {
  std::ifstream in{node.log};
  std::deque<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back("  " + line);
    if (lines.size() > last_lines)
      lines.pop_front();
  }
  return fmt::format("{}", fmt::join(lines, "\n"));
}

fs::path sibling_program(const std::string& name) {
  return fs::read_symlink("/proc/self/exe").parent_path() / name;
}

} // namespace dfs
