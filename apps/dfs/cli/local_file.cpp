#include "cli/local_file.hpp"

#include "cli/file_attributes.hpp"

#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <limits>
#include <unistd.h>
#include <utility>

namespace dfs::cli {

namespace {

tl::unexpected<atl::error> system_failure(std::string what, const std::string& path) {
  return tl::unexpected{atl::system_error(errno, std::move(what) + " " + path)};
}

/// A shared descriptor, closed with its last owner.
std::shared_ptr<const int> own(int fd) {
  return {new int{fd}, [](const int* it) {
            ::close(*it);
            delete it;
          }};
}

} // namespace

atl::result<local_source> open_source(const std::string& path) {
  local_source source;
  if (path == "-") {
    source.read = read_from(STDIN_FILENO, "standard input");
    return source;
  }
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return system_failure("opening", path);
  source.file = std::shared_ptr<void>{nullptr, [fd](void*) { ::close(fd); }};
  struct stat found {};
  if (::fstat(fd, &found) != 0)
    return system_failure("reading", path);
  if (S_ISREG(found.st_mode)) {
    source.size = static_cast<std::uint64_t>(found.st_size);
    source.found = found;
    source.read_at = read_at(fd, path);
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  source.read = read_from(fd, path);
  return source;
}

atl::result<local_kind> find_local_kind(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0)
    return S_ISREG(found.st_mode)   ? local_kind::file
           : S_ISDIR(found.st_mode) ? local_kind::folder
                                    : local_kind::other;
  if (errno == ENOENT)
    return local_kind::missing;
  return system_failure("looking at", path);
}

bool is_link(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0 && S_ISLNK(found.st_mode);
}

// -- local_file -------------------------------------------------------------------------------

atl::result<local_file> local_file::create(const std::string& path) {
  return make(path, nullptr);
}

atl::result<local_file> local_file::resume(const std::string& path,
                                           const content_identity& content) {
  return make(path, &content);
}

atl::result<local_file> local_file::make(const std::string& path, const content_identity* content) {
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0)
    return S_ISREG(found.st_mode) ? in_place_of(path, found, content) : in_place(path);
  if (errno != ENOENT)
    return system_failure("looking at", path);
  if (is_link(path))
    return atl::fail(atl::errc::refused, path + " is a symbolic link that leads to nothing: remove "
                                                "it, or name another file");
  local_file made;
  made.path_ = path;
  if (auto opened = made.open_beside(path, 0666, content); !opened)
    return tl::unexpected{opened.error()};
  return made;
}

atl::status local_file::open_beside(const std::string& target, mode_t mode,
                                    const content_identity* content) {
  if (content) {
    auto partial = partial_file::open(target, *content);
    if (!partial)
      return tl::unexpected{partial.error()};
    partial_.emplace(std::move(*partial));
    return {};
  }
  auto temporary = temporary_file::beside(target, mode);
  if (!temporary)
    return tl::unexpected{temporary.error()};
  temporary_.emplace(std::move(*temporary));
  return {};
}

atl::result<local_file> local_file::in_place(const std::string& path) {
  int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC); // /dev/null, a pipe
  if (fd < 0)
    return system_failure("opening", path);
  local_file made;
  made.path_ = path;
  made.device_ = own(fd);
  return made;
}

atl::result<local_file> local_file::in_place_of(const std::string& path,
                                                const struct stat& replaced,
                                                const content_identity* content) {
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0)
    return system_failure("writing", path);
  auto target =
      std::unique_ptr<char, decltype(&std::free)>{::realpath(path.c_str(), nullptr), &std::free};
  if (!target)
    return system_failure("following", path);
  local_file made;
  made.path_ = path;
  made.replaced_ = replaced;
  constexpr mode_t private_mode = 0600; // until it is complete
  if (auto opened = made.open_beside(target.get(), private_mode, content); !opened)
    return tl::unexpected{opened.error()};
  return made;
}

int local_file::descriptor() const {
  return device_ ? *device_ : partial_ ? partial_->descriptor() : temporary_->descriptor();
}

byte_sink local_file::sink() const {
  return write_to(descriptor(), path_);
}

byte_retraction local_file::retraction() const {
  return device_ ? byte_retraction{} : take_back_from(descriptor(), path_);
}

void local_file::take_permissions_of_replaced() const {
  // The permission bits of another user or group must not apply to a file that is not theirs.
  auto mode = replaced_->st_mode & 0777u;
  std::ignore = ::fchown(descriptor(), replaced_->st_uid, static_cast<gid_t>(-1));
  if (::fchown(descriptor(), static_cast<uid_t>(-1), replaced_->st_gid) != 0)
    mode &= ~070u | ((mode & 07u) << 3);
  ::fchmod(descriptor(), mode);
}

atl::status local_file::keep() {
  if (device_)
    return {};
  if (replaced_)
    take_permissions_of_replaced();
  else if (partial_)
    ::fchmod(descriptor(), own_inode(inode_type::file).mode);
  return partial_ ? partial_->publish() : temporary_->publish();
}

} // namespace dfs::cli
