// Loaded before the C library (LD_PRELOAD): the disk of a storage node turns over one bit of the
// data of fragments, of the first ATOLL_FLIP_WRITES large writes.

#include <sys/types.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <string>
#include <string_view>
#include <unistd.h>

namespace {

constexpr std::size_t large = 1000; // a footer isn't, nor are other files

std::atomic<long>& flips_left() {
  static std::atomic<long> left = [] {
    auto* text = std::getenv("ATOLL_FLIP_WRITES");
    return text != nullptr ? std::strtol(text, nullptr, 10) : 0;
  }();
  return left;
}

bool is_fragment(int fd) {
  char link[64], path[4096];
  std::snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  auto length = ::readlink(link, path, sizeof(path));
  return length > 0 && std::string_view{path, static_cast<std::size_t>(length)}.find(
                           "/chunks/tmp/") != std::string_view::npos;
}

ssize_t write_at(const char* name, int fd, const void* data, std::size_t size, off64_t offset) {
  using function = ssize_t (*)(int, const void*, std::size_t, off64_t);
  auto original = reinterpret_cast<function>(::dlsym(RTLD_NEXT, name));
  if (size < large || !is_fragment(fd) || flips_left()-- <= 0)
    return original(fd, data, size, offset);
  std::string changed{static_cast<const char*>(data), size};
  changed[size / 2] ^= 0x10;
  return original(fd, changed.data(), size, offset);
}

} // namespace

extern "C" [[gnu::visibility("default")]] ssize_t pwrite(int fd, const void* data, size_t size,
                                                         off_t offset) {
  return write_at("pwrite", fd, data, size, offset);
}

extern "C" [[gnu::visibility("default")]] ssize_t pwrite64(int fd, const void* data, size_t size,
                                                           off64_t offset) {
  return write_at("pwrite64", fd, data, size, offset);
}
