#include "large_files.hpp"

#include "test_cluster.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <vector>

namespace fs = std::filesystem;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool is_memory_measured = false;
#else
constexpr bool is_memory_measured = true;
#endif

} // namespace

void write_random_file(const fs::path& path, std::uint64_t bytes) {
  std::ofstream out{path, std::ios::binary};
  for (std::uint64_t at = 0; at < bytes; at += mebibyte)
    out << random_bytes(std::min(mebibyte, bytes - at), at + 1);
  REQUIRE(out.flush());
}

bool is_same_content(const fs::path& a, const fs::path& b) {
  if (fs::file_size(a) != fs::file_size(b))
    return false;
  std::ifstream one{a, std::ios::binary}, other{b, std::ios::binary};
  std::vector<char> left(mebibyte), right(mebibyte);
  while (one && other) {
    one.read(left.data(), static_cast<std::streamsize>(left.size()));
    other.read(right.data(), static_cast<std::streamsize>(right.size()));
    if (one.gcount() != other.gcount() ||
        !std::equal(left.begin(), left.begin() + one.gcount(), right.begin()))
      return false;
  }
  return true;
}

ended_program wait_with_peak(pid_t program) {
  int status = 0;
  rusage usage{};
  while (::wait4(program, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1,
          static_cast<std::uint64_t>(usage.ru_maxrss) * 1024};
}

void check_peak(const std::string& what, std::uint64_t peak) {
  MESSAGE(what << " took " << peak / mebibyte << " MiB of memory");
  if (is_memory_measured)
    CHECK(peak <= 64 * mebibyte);
}
