#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

/// Files of many mebibytes, which a test doesn't hold in memory: a child's peak includes that of
/// its parent when it began.

inline constexpr std::uint64_t mebibyte = 1 << 20;

/// The same content for the same size.
void write_random_file(const std::filesystem::path& path, std::uint64_t bytes);
bool is_same_content(const std::filesystem::path& a, const std::filesystem::path& b);

struct ended_program {
  int code = -1;          ///< 0 to 255; -1: a signal has ended it
  std::uint64_t peak = 0; ///< bytes of memory that it had at most
};
ended_program wait_with_peak(pid_t program);

/// A client with large chunks of an erasure code takes no more than 64 MiB. Not checked with
/// sanitizers, which take memory themselves.
void check_peak(const std::string& what, std::uint64_t peak);
