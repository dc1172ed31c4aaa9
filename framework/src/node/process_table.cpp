#include <atoll/node/process_table.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <fstream>
#include <optional>
#include <signal.h>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>

namespace atl::node {

namespace {

namespace fs = std::filesystem;

constexpr int new_process_polls_max = 1000; ///< a millisecond apart
constexpr std::string_view config_option = "--config";

fs::path proc(pid_t pid, std::string_view file) {
  return fmt::format("/proc/{}/{}", pid, file);
}

std::string read_all(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

/// Has the process other threads than its first one? When it is killed, the first one may end
/// before the others, which keep its ports and locks until they end too.
bool has_other_threads(pid_t pid) {
  std::error_code problem;
  for (fs::directory_iterator it{proc(pid, "task"), problem}, end; !problem && it != end;
       it.increment(problem))
    if (it->path().filename().string() != fmt::format("{}", pid))
      return true;
  return false;
}

/// Is the process a zombie? Its parent may not have waited for it yet, and in a container may
/// never.
bool is_zombie(pid_t pid) {
  auto text = read_all(proc(pid, "stat")); // 17 (name with anything) S …
  auto name_ends = text.rfind(')');
  return name_ends != text.npos && text.substr(name_ends).starts_with(") Z") &&
         !has_other_threads(pid);
}

/// False for a thread of the kernel, which never has a command line.
bool runs_program(pid_t pid) {
  std::error_code unknown;
  return !fs::read_symlink(proc(pid, "exe"), unknown).empty();
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    auto end = std::min(text.find('\0'), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

/// A new process has no command line until shortly after exec.
std::vector<std::string> words_of(pid_t pid, int polls) {
  auto text = read_all(proc(pid, "cmdline"));
  for (; text.empty() && polls > 0 && is_alive(pid); --polls) {
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
    text = read_all(proc(pid, "cmdline"));
  }
  return split_words(text);
}

/// The word after `--config`, unchanged.
std::optional<fs::path> config_in(const std::vector<std::string>& words) {
  std::optional<fs::path> found;
  for (std::size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--check")
      return std::nullopt;
    if (words[i] == config_option && i + 1 < words.size())
      found = words[i + 1];
    else if (words[i].starts_with(config_option) && words[i][config_option.size()] == '=')
      found = words[i].substr(config_option.size() + 1);
  }
  return found;
}

/// The file that a process runs with, absolute.
std::optional<fs::path> config_of(pid_t pid, int polls) {
  auto named = config_in(words_of(pid, polls));
  if (!named || named->is_absolute())
    return named ? std::optional{named->lexically_normal()} : std::nullopt;
  std::error_code unknown;
  auto started_in = fs::read_symlink(proc(pid, "cwd"), unknown);
  return unknown ? std::nullopt : std::optional{(started_in / *named).lexically_normal()};
}

/// Do the path `other` of another process and the path `own` here lead to the same folder? In a
/// container the same path may lead to another folder.
bool is_same_folder(pid_t pid, const fs::path& other, const fs::path& own) {
  std::error_code unknown;
  auto seen_by_process = proc(pid, "root").string() + other.string();
  auto same = fs::equivalent(seen_by_process, own, unknown);
  return unknown ? other == own : same;
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  std::error_code problem;
  for (fs::directory_iterator it{"/proc", problem}, end; !problem && it != end;
       it.increment(problem)) {
    auto name = it->path().filename().string();
    pid_t pid = 0;
    auto [stopped, wrong] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (wrong == std::errc{} && stopped == name.data() + name.size() && pid > 0)
      pids.push_back(pid);
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

} // namespace

bool is_alive(pid_t pid) {
  return (::kill(pid, 0) == 0 || errno == EPERM) && !is_zombie(pid);
}

bool runs_with(pid_t pid, const fs::path& config) {
  if (!is_alive(pid))
    return false;
  auto other = config_of(pid, new_process_polls_max);
  return other && other->filename() == config.filename() &&
         is_same_folder(pid, other->parent_path(), config.parent_path());
}

std::vector<configured_process> processes_of(const fs::path& folder) {
  std::vector<configured_process> found;
  for (auto pid : all_processes()) {
    auto config = config_of(pid, runs_program(pid) ? new_process_polls_max : 0);
    if (config && is_alive(pid) && is_same_folder(pid, config->parent_path(), folder))
      found.push_back({pid, folder / config->filename()});
  }
  return found;
}

} // namespace atl::node
