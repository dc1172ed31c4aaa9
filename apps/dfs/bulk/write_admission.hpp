#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

namespace dfs {

/// Bounds the bytes of the writes under way at a storage node. Writes beyond the bound are turned
/// away instead of queued, so that the writer waits and not the node's memory and disk.
/// Thread-safe.
class write_admission {
 public:
  explicit write_admission(std::uint64_t bytes_max) : bytes_max_{bytes_max} {}

  /// Counts a write until it is destroyed.
  class ticket {
   public:
    ticket(write_admission& from, std::uint64_t bytes) : from_{&from}, bytes_{bytes} {}
    ticket(ticket&& other) noexcept;
    ticket& operator=(ticket&&) = delete;
    ~ticket();

   private:
    write_admission* from_;
    std::uint64_t bytes_;
  };

  /// @returns none if too many bytes are under way. A write above the bound is admitted alone.
  std::optional<ticket> admit(std::uint64_t bytes);
  std::uint64_t bytes_under_way() const;
  std::uint64_t bytes_max() const { return bytes_max_; }

 private:
  const std::uint64_t bytes_max_;
  mutable std::mutex mutex_;
  std::uint64_t bytes_ = 0;
};

} // namespace dfs
