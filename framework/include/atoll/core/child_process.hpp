#pragma once

#include <atoll/core/error.hpp>

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

namespace atl {

/// A forked copy of this process, for code that may crash, hang, or end the process. The child is
/// killed when the object is destroyed or this process ends.
class child_process {
 public:
  /// How a process ended: with an exit code, or by a signal.
  struct ending {
    int code = 0;
    int signal = 0; ///< 0: none
  };

  /// Forks. The child runs `work`, which may write to the descriptor `to`, and ends with the exit
  /// code that `work` returns; nothing that this process does at its own end is done there. No
  /// other thread may run.
  static result<child_process> start(const std::function<int(int to)>& work);

  child_process(child_process&& other) noexcept;
  child_process& operator=(child_process&&) = delete;
  ~child_process();

  /// Waits for the next bytes that the child writes. Empty: the child has closed its end.
  /// @param limit how long to wait; zero: without limit. The error is `errc::timeout`.
  result<std::string> read_some(std::chrono::milliseconds limit);

  /// Waits until the child ends.
  ending wait();
  /// Ends the child at once.
  ending kill();

 private:
  child_process(pid_t process, int from) : process_{process}, from_{from} {}

  pid_t process_; ///< 0: waited for
  int from_;      ///< -1: moved away
};

/// Writes all bytes. False: the other end of the pipe is closed.
bool write_all(int to, std::string_view bytes);

/// A signal's short name, `SEGV`.
std::string signal_name(int number);

} // namespace atl
