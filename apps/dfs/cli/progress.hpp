#pragma once

#include "cli/context.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace dfs::cli {

/// A number of files, and their total size.
struct transfer_size {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0; ///< 0: not known
};

/// The progress of a transfer of one or many files.
struct transfer_state {
  std::string name; ///< of the file that is under way
  transfer_size total;
  std::uint64_t files_done = 0;
  std::uint64_t bytes_done = 0;
  std::chrono::duration<double> elapsed{};
};

/// One line that shows a state in less than `columns` columns: the least important parts are left
/// out if they don't fit. Control characters in the name are escaped.
std::string progress_line(const transfer_state& state, std::size_t columns);

/// Is there a terminal to show progress on, without `quiet` or `json`?
bool shows_progress(const context& with);

/// The progress of all files of a transfer, on standard error: one line, or one for each file where
/// several are under way at once. The lines are gone at the end. Thread-safe.
class progress_bar {
 public:
  progress_bar(const context& with, transfer_size total);
  progress_bar(const progress_bar&) = delete;
  progress_bar& operator=(const progress_bar&) = delete;
  ~progress_bar();

  /// Begins a file, whose path no other file that is under way has. @returns an empty function if
  /// no progress is shown.
  progress_report begin_file(const std::string& name);
  /// Ends a file, after so many bytes.
  void end_file(const std::string& name, std::uint64_t bytes);

 private:
  using clock = std::chrono::steady_clock;
  struct file_state {
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0; ///< 0: not known
  };
  void draw();

  const bool shown_;
  const clock::time_point began_ = clock::now();
  std::mutex mutex_; ///< guards what follows
  clock::time_point drawn_ = began_;
  transfer_state state_; ///< of what has ended
  std::map<std::string, file_state> under_way_;
};

} // namespace dfs::cli
