#include "cli/temporary_file.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <random>
#include <signal.h>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace dfs::cli {

namespace {

constexpr int attempts_at_a_name = 100;

// -- the name that a deadly signal removes ----------------------------------------------------

constexpr std::size_t leftovers_max = 64;

struct leftover {
  std::array<char, 32> name{};
  std::atomic<int> folder{-1}; ///< -1: there is no such name
  bool is_taken = false;       ///< guarded by the mutex
};
std::array<leftover, leftovers_max> leftovers;
std::mutex leftovers_mutex;

/// A signal handler, so it calls only async-signal-safe functions. The signal's default action is
/// restored when the handler begins, so the raised signal ends the program once it returns.
void remove_leftover(int signal) {
  for (auto& each : leftovers)
    if (auto folder = each.folder.load(); folder >= 0)
      ::unlinkat(folder, each.name.data(), 0);
  ::raise(signal);
}

void handle_deadly_signals() {
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction now {};
    ::sigaction(signal, nullptr, &now);
    if (now.sa_handler != SIG_DFL) // ignored (nohup), or handled already
      continue;
    struct sigaction action {};
    action.sa_handler = remove_leftover;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(signal, &action, nullptr);
  }
}

/// @returns its number; -1 if there are too many.
int remember_leftover(int folder, const std::string& name) {
  std::lock_guard lock{leftovers_mutex};
  handle_deadly_signals();
  auto free = std::ranges::find(leftovers, false, &leftover::is_taken);
  if (free == leftovers.end())
    return -1;
  auto size = std::min(name.size(), free->name.size() - 1);
  std::copy_n(name.data(), size, free->name.data());
  free->name[size] = '\0';
  free->is_taken = true;
  free->folder = folder;
  return static_cast<int>(free - leftovers.begin());
}

void forget_leftover(int& number) {
  if (number < 0)
    return;
  std::lock_guard lock{leftovers_mutex};
  auto& forgotten = leftovers[static_cast<std::size_t>(std::exchange(number, -1))];
  forgotten.folder = -1;
  forgotten.is_taken = false;
}

// ---------------------------------------------------------------------------------------------

/// Short, so that it fits wherever the file's own name does.
std::string random_name() {
  constexpr std::string_view characters = "abcdefghijklmnopqrstuvwxyz0123456789";
  static std::random_device source;
  std::string name = ".dfs-";
  for (int i = 0; i < 8; ++i)
    name += characters[source() % characters.size()];
  return name;
}

} // namespace

temporary_file::temporary_file(std::string path, int folder, std::string final_name)
    : path_{std::move(path)}, folder_{folder}, final_name_{std::move(final_name)} {}

temporary_file::temporary_file(temporary_file&& other) noexcept
    : path_{std::move(other.path_)}, folder_{std::exchange(other.folder_, -1)},
      final_name_{std::move(other.final_name_)}, temporary_name_{std::exchange(
                                                     other.temporary_name_, {})},
      leftover_{std::exchange(other.leftover_, -1)}, file_{std::exchange(other.file_, -1)} {}

temporary_file::~temporary_file() {
  if (file_ >= 0)
    ::close(file_);
  if (!temporary_name_.empty()) {
    ::unlinkat(folder_, temporary_name_.c_str(), 0);
    forget_leftover(leftover_);
  }
  if (folder_ >= 0)
    ::close(folder_);
}

tl::unexpected<atl::error> temporary_file::failure(int error_number, const char* doing) const {
  return tl::unexpected{atl::system_error(error_number, fmt::format("{} {}", doing, path_))};
}

atl::result<temporary_file> temporary_file::in_folder_of(const std::string& path) {
  auto slash = path.rfind('/');
  auto folder = slash == path.npos ? std::string{"."} : path.substr(0, slash + 1);
  int fd = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return tl::unexpected{atl::system_error(errno, "opening the folder " + folder)};
  return temporary_file{path, fd, slash == path.npos ? path : path.substr(slash + 1)};
}

atl::result<temporary_file> temporary_file::beside(const std::string& path, mode_t mode) {
  auto made = in_folder_of(path);
  if (!made)
    return made;
  if (!made->open_nameless(mode))
    if (auto opened = made->open_named(mode); !opened)
      return tl::unexpected{opened.error()};
  return made;
}

atl::result<temporary_file> temporary_file::named_beside(const std::string& path, mode_t mode) {
  auto made = in_folder_of(path);
  if (!made)
    return made;
  if (auto opened = made->open_named(mode); !opened)
    return tl::unexpected{opened.error()};
  return made;
}

/// Fails on file systems without nameless files, and without /proc, which is needed to give such a
/// file a name.
atl::status temporary_file::open_nameless(mode_t mode) {
  int fd = ::openat(folder_, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
  if (fd < 0)
    return failure(errno, "making a nameless file for");
  struct stat found {};
  if (::stat(fmt::format("/proc/self/fd/{}", fd).c_str(), &found) != 0) {
    auto problem = errno;
    ::close(fd);
    return failure(problem, "finding in /proc the file for");
  }
  file_ = fd;
  return {};
}

atl::status temporary_file::open_named(mode_t mode) {
  int problem = 0;
  for (int attempt = 0; attempt < attempts_at_a_name; ++attempt) {
    auto name = random_name();
    leftover_ =
        remember_leftover(folder_, name); // first: a signal may come right after the file is made
    file_ = ::openat(folder_, name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode);
    if (file_ >= 0) {
      temporary_name_ = name;
      return {};
    }
    problem = errno;
    forget_leftover(leftover_);
    if (problem != EEXIST)
      break;
  }
  return failure(problem, "making a file beside");
}

int temporary_file::link_to(const std::string& name) const {
  auto nameless = fmt::format("/proc/self/fd/{}", file_);
  auto linked = ::linkat(AT_FDCWD, nameless.c_str(), folder_, name.c_str(), AT_SYMLINK_FOLLOW);
  return linked == 0 ? 0 : errno;
}

/// Only a rename can replace an existing file, and a rename needs a name.
atl::status temporary_file::name_for_rename() {
  auto name = random_name();
  leftover_ = remember_leftover(folder_, name);
  if (auto problem = link_to(name); problem != 0) {
    forget_leftover(leftover_);
    return failure(problem, "making a file beside");
  }
  temporary_name_ = name;
  return {};
}

atl::status temporary_file::publish() {
  if (temporary_name_.empty()) {
    auto problem = link_to(final_name_);
    if (problem == 0)
      return {};
    if (problem != EEXIST)
      return failure(problem, "naming");
    if (auto named = name_for_rename(); !named)
      return named;
  }
  if (::close(std::exchange(file_, -1)) != 0)
    return failure(errno, "writing");
  if (::renameat(folder_, temporary_name_.c_str(), folder_, final_name_.c_str()) != 0)
    return failure(errno, "renaming to");
  temporary_name_.clear();
  forget_leftover(leftover_);
  return {};
}

} // namespace dfs::cli
