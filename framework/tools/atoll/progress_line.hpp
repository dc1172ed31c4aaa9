#pragma once

#include <chrono>

/// The progress of a long command, as one line on standard error that is overwritten. Shown only
/// when standard error is a terminal; the line is wiped at the end.
class progress_line {
 public:
  progress_line();
  ~progress_line();
  progress_line(const progress_line&) = delete;
  progress_line& operator=(const progress_line&) = delete;

  /// @param done share of the work, from 0 to 1
  void show(double done);

 private:
  bool on_terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point began_;
};
