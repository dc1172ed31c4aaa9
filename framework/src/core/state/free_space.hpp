#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace atl {

/// Monitors that a disk keeps a reserve. For one thread.
class free_space {
 public:
  /// @param folder on the disk. @param reserve in bytes; 0: none is kept. @param content of the
  /// folder, for messages
  free_space(std::filesystem::path folder, std::uint64_t reserve, std::string content);

  /// Why nothing more should be written to the disk; none while the reserve is untouched. May be
  /// 100 ms old: the reserve must hold what is written in that time.
  std::optional<std::string> shortage();

 private:
  std::optional<std::string> look() const;

  std::filesystem::path folder_;
  std::uint64_t reserve_;
  std::string content_;
  std::optional<std::chrono::steady_clock::time_point> checked_at_;
  std::optional<std::string> shortage_;
};

} // namespace atl
