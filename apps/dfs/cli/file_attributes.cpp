#include "cli/file_attributes.hpp"

#include <fmt/format.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <grp.h>
#include <ios>
#include <map>
#include <optional>
#include <pwd.h>
#include <string>
#include <unistd.h>

namespace dfs::cli {

namespace {

constexpr std::int64_t ns_per_second = 1'000'000'000;

tl::unexpected<atl::error> system_failure(const char* doing, const std::string& path) {
  return tl::unexpected{atl::system_error(errno, fmt::format("{} {}", doing, path))};
}

char letter_of(inode_type type) {
  switch (type) {
  case inode_type::file:
    return '-';
  case inode_type::directory:
    return 'd';
  case inode_type::symlink:
    return 'l';
  case inode_type::fifo:
    return 'p';
  case inode_type::socket:
    return 's';
  case inode_type::char_device:
    return 'c';
  case inode_type::block_device:
    return 'b';
  }
  return '?';
}

/// The mask as the system shows it; none where it doesn't (before Linux 4.7, without /proc).
std::optional<mode_t> shown_umask() {
  std::ifstream status{"/proc/self/status"};
  std::string word;
  while (status >> word)
    if (unsigned mask = 0; word == "Umask:" && status >> std::oct >> mask)
      return mask;
  return std::nullopt;
}

mode_t umask_now() {
  static const mode_t mask = [] {
    if (auto shown = shown_umask())
      return *shown;
    // Setting it is the other way to read it. A file that another thread makes in between gets the
    // usual mask.
    auto value = ::umask(022);
    ::umask(value);
    return value;
  }();
  return mask;
}

std::int64_t nanoseconds(const timespec& time) {
  std::int64_t ns = 0;
  if (__builtin_mul_overflow(static_cast<std::int64_t>(time.tv_sec), ns_per_second, &ns) ||
      __builtin_add_overflow(ns, time.tv_nsec, &ns))
    return time.tv_sec < 0 ? INT64_MIN : INT64_MAX;
  return ns;
}

timespec time_of(std::int64_t ns) {
  auto seconds = ns / ns_per_second;
  auto rest = ns % ns_per_second;
  if (rest < 0) {
    --seconds;
    rest += ns_per_second;
  }
  return {static_cast<time_t>(seconds), static_cast<long>(rest)};
}

inode_type type_of(mode_t mode) {
  if (S_ISDIR(mode))
    return inode_type::directory;
  if (S_ISLNK(mode))
    return inode_type::symlink;
  if (S_ISFIFO(mode))
    return inode_type::fifo;
  if (S_ISSOCK(mode))
    return inode_type::socket;
  if (S_ISCHR(mode))
    return inode_type::char_device;
  if (S_ISBLK(mode))
    return inode_type::block_device;
  return inode_type::file;
}

mode_t format_of(inode_type type) {
  switch (type) {
  case inode_type::fifo:
    return S_IFIFO;
  case inode_type::socket:
    return S_IFSOCK;
  case inode_type::char_device:
    return S_IFCHR;
  case inode_type::block_device:
    return S_IFBLK;
  default:
    return S_IFREG;
  }
}

} // namespace

std::string_view type_text(inode_type type) {
  switch (type) {
  case inode_type::file:
    return "file";
  case inode_type::directory:
    return "directory";
  case inode_type::symlink:
    return "symlink";
  case inode_type::fifo:
    return "fifo";
  case inode_type::socket:
    return "socket";
  case inode_type::char_device:
    return "char_device";
  case inode_type::block_device:
    return "block_device";
  }
  return "unknown";
}

std::string mode_text(const inode_attributes& of) {
  std::string text(1, letter_of(of.type));
  for (int shift : {6, 3, 0}) {
    auto bits = of.mode >> shift;
    text += (bits & 4) ? 'r' : '-';
    text += (bits & 2) ? 'w' : '-';
    text += (bits & 1) ? 'x' : '-';
  }
  auto mark = [&](std::size_t at, int bit, char with_execute, char without) {
    if (of.mode & bit)
      text[at] = text[at] == 'x' ? with_execute : without;
  };
  mark(3, S_ISUID, 's', 'S');
  mark(6, S_ISGID, 's', 'S');
  mark(9, S_ISVTX, 't', 'T');
  return text;
}

std::string user_text(std::uint32_t uid) {
  static std::map<std::uint32_t, std::string> known;
  auto [found, is_new] = known.try_emplace(uid);
  if (is_new) {
    auto* entry = ::getpwuid(uid);
    found->second = entry ? entry->pw_name : std::to_string(uid);
  }
  return found->second;
}

std::string group_text(std::uint32_t gid) {
  static std::map<std::uint32_t, std::string> known;
  auto [found, is_new] = known.try_emplace(gid);
  if (is_new) {
    auto* entry = ::getgrgid(gid);
    found->second = entry ? entry->gr_name : std::to_string(gid);
  }
  return found->second;
}

std::uint16_t own_directory_mode() {
  return static_cast<std::uint16_t>(0777 & ~umask_now());
}

commands::new_inode own_inode(inode_type type) {
  commands::new_inode made;
  made.type = type;
  auto all = type == inode_type::directory || type == inode_type::symlink ? 0777u : 0666u;
  made.mode = static_cast<std::uint16_t>(all & ~umask_now());
  made.uid = ::geteuid();
  made.gid = ::getegid();
  return made;
}

commands::new_inode inode_of(const struct stat& local, bool preserve) {
  auto made = own_inode(type_of(local.st_mode));
  made.mtime_ns = nanoseconds(local.st_mtim);
  if (made.type == inode_type::char_device || made.type == inode_type::block_device)
    made.device = local.st_rdev;
  if (preserve) {
    made.mode = static_cast<std::uint16_t>(local.st_mode & 07777);
    made.uid = local.st_uid;
    made.gid = local.st_gid;
    made.atime_ns = nanoseconds(local.st_atim);
  } else {
    made.mode = static_cast<std::uint16_t>(local.st_mode & 0777 & ~umask_now());
  }
  return made;
}

atl::status apply_attributes(const std::string& path, const inode_attributes& attributes) {
  // The owner comes first, because a change of it clears set-user-id. Only root may give away.
  if (::geteuid() == 0 &&
      ::fchownat(AT_FDCWD, path.c_str(), attributes.uid, attributes.gid, AT_SYMLINK_NOFOLLOW) != 0)
    return system_failure("setting the owner of", path);
  if (attributes.type != inode_type::symlink && ::chmod(path.c_str(), attributes.mode) != 0)
    return system_failure("setting the mode of", path);
  timespec times[] = {time_of(attributes.atime_ns), time_of(attributes.mtime_ns)};
  if (::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    return system_failure("setting the times of", path);
  return {};
}

bool has_size_and_time(const std::string& path, const inode_attributes& attributes) {
  struct stat there {};
  return ::lstat(path.c_str(), &there) == 0 && S_ISREG(there.st_mode) &&
         static_cast<std::uint64_t>(there.st_size) == attributes.size_bytes &&
         nanoseconds(there.st_mtim) == attributes.mtime_ns;
}

atl::status make_special(const std::string& path, const inode_attributes& attributes,
                         const std::string& target) {
  struct stat there {};
  if (::lstat(path.c_str(), &there) == 0 && !S_ISDIR(there.st_mode))
    ::unlink(path.c_str());
  if (attributes.type == inode_type::symlink) {
    if (::symlink(target.c_str(), path.c_str()) != 0)
      return system_failure("making the symbolic link", path);
    return {};
  }
  if (::mknod(path.c_str(), format_of(attributes.type) | attributes.mode, attributes.device) != 0)
    return system_failure("making", path);
  return {};
}

} // namespace dfs::cli
