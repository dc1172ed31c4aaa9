#include "cli/partial_file.hpp"

#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace dfs::cli {

namespace {

constexpr std::size_t note_bytes_max = 4096;
constexpr int attempts_at_opening = 10;

/// FNV-1a. Names that share a hash are told apart by the note.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char byte : text)
    hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

std::string read_up_to(int fd, std::size_t most) {
  std::string text(most, '\0');
  auto got = ::read(fd, text.data(), text.size());
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

/// Another one after each start of the machine. A crash of the machine may lose bytes in the middle
/// of a file, and the end of a program doesn't.
std::string boot_id() {
  int fd = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return "unknown\n";
  auto text = read_up_to(fd, 100);
  ::close(fd);
  return text;
}

std::string describe(const content_identity& content, const std::string& final_name) {
  return fmt::format("dfs partial file 1\nname {}\ncluster {}\ninode {}\nmade {}\nversion {}\n"
                     "bytes {}\nboot {}",
                     final_name, content.cluster, content.inode, content.btime_ns,
                     content.data_version, content.size_bytes, boot_id());
}

} // namespace

partial_file::partial_file(std::string path, int folder, std::string final_name)
    : path_{std::move(path)}, folder_{folder}, final_name_{std::move(final_name)},
      part_name_{fmt::format(".dfs-part-{:016x}", hash_of(final_name_))},
      note_name_{fmt::format(".dfs-note-{:016x}", hash_of(final_name_))} {}

partial_file::partial_file(partial_file&& other) noexcept
    : path_{std::move(other.path_)}, folder_{std::exchange(other.folder_, -1)},
      final_name_{std::move(other.final_name_)}, part_name_{std::move(other.part_name_)},
      note_name_{std::move(other.note_name_)}, file_{std::exchange(other.file_, -1)},
      bytes_there_{other.bytes_there_}, has_begun_again_{other.has_begun_again_} {}

partial_file::~partial_file() {
  if (file_ >= 0)
    ::close(file_);
  if (folder_ >= 0)
    ::close(folder_);
}

tl::unexpected<atl::error> partial_file::failure(int error_number, const char* doing) const {
  return tl::unexpected{atl::system_error(error_number, fmt::format("{} {}", doing, path_))};
}

atl::result<partial_file> partial_file::open(const std::string& path,
                                             const content_identity& content) {
  auto slash = path.rfind('/');
  auto folder = slash == path.npos ? std::string{"."} : path.substr(0, slash + 1);
  int fd = ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return tl::unexpected{atl::system_error(errno, "opening the folder " + folder)};
  partial_file made{path, fd, slash == path.npos ? path : path.substr(slash + 1)};
  if (auto opened = made.open_locked(); !opened)
    return tl::unexpected{opened.error()};
  if (auto taken = made.take_over(content); !taken)
    return tl::unexpected{taken.error()};
  return made;
}

/// The lock is held by the descriptor. A program that was quicker may have given the file its final
/// name before this one got the lock: then the name leads to another file, or to none.
atl::status partial_file::open_locked() {
  for (int attempt = 0; attempt < attempts_at_opening; ++attempt) {
    if (file_ >= 0)
      ::close(std::exchange(file_, -1));
    file_ = ::openat(folder_, part_name_.c_str(), O_CREAT | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file_ < 0)
      return failure(errno, "making the partial file of");
    if (::flock(file_, LOCK_EX | LOCK_NB) != 0)
      return errno == EWOULDBLOCK
                 ? atl::fail(atl::errc::busy,
                             fmt::format("another program reads into {} just now", path_))
                 : failure(errno, "locking the partial file of");
    struct stat opened {};
    struct stat named {};
    if (::fstat(file_, &opened) != 0)
      return failure(errno, "looking at the partial file of");
    if (::fstatat(folder_, part_name_.c_str(), &named, AT_SYMLINK_NOFOLLOW) != 0 ||
        opened.st_ino != named.st_ino || opened.st_dev != named.st_dev)
      continue;
    auto is_own = S_ISREG(opened.st_mode) && opened.st_uid == ::geteuid() && opened.st_nlink == 1;
    if (!is_own)
      return atl::fail(
          atl::errc::refused,
          fmt::format("{} beside {} is no file of yours: remove it", part_name_, path_));
    bytes_there_ = static_cast<std::uint64_t>(opened.st_size);
    return {};
  }
  return atl::fail(atl::errc::busy, fmt::format("other programs read into {} just now", path_));
}

/// The file is emptied before its note changes: a note never speaks of bytes of another content.
atl::status partial_file::take_over(const content_identity& content) {
  auto note = describe(content, final_name_);
  auto is_same = read_note() == note && bytes_there_ <= content.size_bytes;
  if (!is_same) {
    has_begun_again_ = bytes_there_ > 0;
    bytes_there_ = 0;
    if (::ftruncate(file_, 0) != 0)
      return failure(errno, "emptying the partial file of");
    if (auto written = write_note(note); !written)
      return written;
  }
  if (::lseek(file_, 0, SEEK_END) < 0)
    return failure(errno, "reading the partial file of");
  return {};
}

std::string partial_file::read_note() const {
  int fd = ::openat(folder_, note_name_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0)
    return {};
  struct stat opened {};
  auto is_own = ::fstat(fd, &opened) == 0 && opened.st_uid == ::geteuid();
  auto text = is_own ? read_up_to(fd, note_bytes_max) : std::string{};
  ::close(fd);
  return text;
}

atl::status partial_file::write_note(const std::string& text) const {
  ::unlinkat(folder_, note_name_.c_str(), 0);
  int fd = ::openat(folder_, note_name_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0)
    return failure(errno, "making the note on the partial file of");
  auto put = ::write(fd, text.data(), text.size());
  auto problem = put < 0 ? errno : EIO;
  auto is_whole = put == static_cast<ssize_t>(text.size());
  ::close(fd);
  return is_whole ? atl::status{} : failure(problem, "writing the note on the partial file of");
}

atl::status partial_file::publish() {
  if (::renameat(folder_, part_name_.c_str(), folder_, final_name_.c_str()) != 0)
    return failure(errno, "renaming to");
  ::unlinkat(folder_, note_name_.c_str(), 0);
  if (::close(std::exchange(file_, -1)) != 0)
    return failure(errno, "writing");
  return {};
}

} // namespace dfs::cli
