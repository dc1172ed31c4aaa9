#pragma once

#include <atoll/core/state_machine.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace atl {

/// Calls `state_machine::prepare` for commands, on threads of its own, with a lower priority than
/// the threads that apply. Threads start when they are needed first, so a state that fits into
/// memory has none. Of more commands than the threads can prepare the oldest are dropped: they are
/// applied next, and preparing them would come too late. Thread-safe; no call waits for a disk.
class command_preparer {
 public:
  explicit command_preparer(const state_machine& machine) : machine_{machine} {}
  command_preparer(const command_preparer&) = delete;
  command_preparer& operator=(const command_preparer&) = delete;
  ~command_preparer() { stop(); }

  void add(std::string_view command);
  /// Waits for the calls that run, and drops the commands that wait. Later commands are ignored.
  void stop();

 private:
  void start_thread();
  void run();

  const state_machine& machine_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::string> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::size_t idle_ = 0; ///< threads that wait for commands
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

} // namespace atl
