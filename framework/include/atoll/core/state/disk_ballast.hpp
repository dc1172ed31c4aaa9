#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>

namespace atl {

/// A file that occupies a part of a replica's reserve on its disk, so that no other program can
/// take it. On a disk that other programs have filled, the file's removal frees the space that a
/// start needs. Not thread-safe.
class disk_ballast {
 public:
  /// @param file empty: there is none. @param reserve in bytes, of the disk
  disk_ballast(std::filesystem::path file, std::uint64_t reserve);

  /// Removes the file if the disk has less space left than the file takes.
  /// @returns whether a file was removed
  bool release_if_short();

  /// Creates the file if it is missing and the disk keeps its whole reserve beside it; checks only
  /// at intervals. A failed creation is retried later.
  void restore();

  std::uint64_t bytes() const { return bytes_; }

 private:
  std::filesystem::path file_;
  std::uint64_t reserve_;
  std::uint64_t bytes_;
  std::optional<std::chrono::steady_clock::time_point> checked_at_;
};

} // namespace atl
