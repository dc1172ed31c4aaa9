#include "plugin_image.hpp"

#include <atoll/core/child_process.hpp>

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <dlfcn.h>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace atl {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t copy_bytes_at_once = 1 << 20;
constexpr std::size_t name_bytes_max = 200; // the kernel takes 249

/// An empty file in memory. Debuggers and /proc/PID/maps show the name.
file_descriptor make_memory_file(const fs::path& named_after) {
  auto name = named_after.filename().string().substr(0, name_bytes_max);
  constexpr unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  file_descriptor made{::memfd_create(name.c_str(), flags | MFD_NOEXEC_SEAL)};
  if (made.number() < 0 && errno == EINVAL) // before Linux 6.3
    return file_descriptor{::memfd_create(name.c_str(), flags)};
  return made;
}

/// Copies exactly `size` bytes. @returns 0 or an error number; ESTALE when the file ended early.
int copy_bytes(int from, int to, std::uint64_t size) {
  std::vector<char> buffer(std::min<std::uint64_t>(size, copy_bytes_at_once));
  for (std::uint64_t left = size; left > 0;) {
    auto got = ::read(from, buffer.data(), std::min<std::uint64_t>(left, buffer.size()));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return got < 0 ? errno : ESTALE;
    auto count = static_cast<std::size_t>(got);
    if (!write_all(to, {buffer.data(), count}))
      return errno;
    left -= count;
  }
  return 0;
}

bool is_same_content(const struct stat& before, const struct stat& after) {
  return before.st_size == after.st_size && before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
         before.st_mtim.tv_nsec == after.st_mtim.tv_nsec;
}

/// Names the process by its number where that is possible, so that a debugger can open the path.
fs::path path_of_descriptor(int number) {
  std::error_code problem;
  auto own = std::to_string(::getpid());
  auto process = fs::read_symlink("/proc/self", problem) == own ? own : "self";
  return fmt::format("/proc/{}/fd/{}", process, number);
}

} // namespace

plugin_image::plugin_image(file_descriptor file, std::uint64_t size)
    : file_{std::move(file)}, size_{size}, path_{path_of_descriptor(file_.number())} {}

plugin_image::~plugin_image() {
  if (file_.number() < 0)
    return;
  // A library may ask never to be unmapped. The linker then knows it by this path for good, and the
  // path must not refer to another library later.
  if (auto* mapped = ::dlopen(path_.c_str(), RTLD_LAZY | RTLD_NOLOAD)) {
    ::dlclose(mapped);
    file_.release();
  }
}

result<plugin_image> plugin_image::copy_of(const plugin_file& plugin) {
  auto refuse = [&](std::string_view why) {
    return fail(errc::refused, fmt::format("{}: {}", plugin.path.string(), why));
  };
  auto cannot_be_copied = [&](int error_number) {
    return refuse("can't be copied into memory: " + std::generic_category().message(error_number));
  };
  auto changed = [&] { return refuse("was changed while it was read; try again"); };

  auto opened = open_plugin_bytes(plugin.path);
  if (!opened)
    return refuse(opened.error().message);
  auto copy = make_memory_file(plugin.path);
  if (copy.number() < 0)
    return cannot_be_copied(errno);
  auto failed = copy_bytes(opened->file.number(), copy.number(), opened->size());
  struct stat after {};
  if (failed == ESTALE || ::fstat(opened->file.number(), &after) != 0 ||
      !is_same_content(opened->info, after))
    return changed();
  if (failed != 0)
    return cannot_be_copied(failed);
  if (::fcntl(copy.number(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
    return cannot_be_copied(errno);

  auto judged = judge_plugin_bytes(copy.number(), opened->size());
  if (!judged.refusal.empty())
    return refuse(judged.refusal);
  if (!plugin.identity || judged.identity->symbol != plugin.identity->symbol)
    return changed();
  return plugin_image{std::move(copy), opened->size()};
}

} // namespace atl
