#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace atl {

class row_cache;

/// A row as the database had it; no value: it had none.
struct read_row {
  std::string key;
  std::optional<std::string> value;
};

/// Rows that other threads read from the database for commands that are applied soon, on their way
/// to the applying thread's cache. The database changes only between two epochs: rows that were
/// read in an earlier epoch may be outdated, and are dropped. Bounded; what comes above the bound
/// is dropped, too.
class prepared_rows {
 public:
  /// @param bytes_max bound of keys and values, with some overhead for each
  explicit prepared_rows(std::size_t bytes_max) : bytes_max_{bytes_max} {}

  std::uint64_t epoch() const { return epoch_; }
  /// The database has changed. For the applying thread.
  void begin_epoch();

  /// @param epoch the epoch before the first row was read. Called by any thread.
  void add(std::uint64_t epoch, std::vector<read_row> rows);
  /// Moves the rows of the present epoch to the cache. For the applying thread.
  void move_to(row_cache& known);

 private:
  const std::size_t bytes_max_;
  std::atomic<std::uint64_t> epoch_ = 0;
  std::atomic<bool> is_empty_ = true; ///< so that the applying thread seldom locks
  std::mutex mutex_;
  std::vector<read_row> rows_; ///< of the present epoch
  std::size_t bytes_ = 0;
};

} // namespace atl
