#pragma once

#include <functional>
#include <mutex>
#include <signal.h>
#include <thread>

namespace dfs::cli {

/// While it lives, a SIGINT, SIGTERM or SIGHUP calls a function instead of ending the program; a
/// second one ends it. Must be made before the program's other threads, which inherit its signal
/// mask. A signal that is ignored, as under `nohup`, stays ignored.
class interrupt_watch {
 public:
  interrupt_watch();
  interrupt_watch(const interrupt_watch&) = delete;
  interrupt_watch& operator=(const interrupt_watch&) = delete;
  ~interrupt_watch();

  /// What the first signal calls, in a thread of its own; null: a signal ends the program.
  void on_signal(std::function<void()> what);
  /// The signal that was caught; 0: none.
  int caught() const;

 private:
  void serve();

  sigset_t signals_{};
  sigset_t before_{};
  mutable std::mutex mutex_;
  std::function<void()> what_;
  int caught_ = 0;
  bool ends_ = false;
  std::thread thread_;
};

/// The exit code of a program that was ended by a signal.
constexpr int exit_code_of_signal(int signal) {
  return 128 + signal;
}

} // namespace dfs::cli
