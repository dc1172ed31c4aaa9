#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

namespace atl::runtime {

/// Keeps connections to CAF's port from using up the files that this process may have open. CAF
/// accepts whatever comes, and when there are no descriptors left it tries again without a pause.
/// So when only a reserve is left, this turns away who waits to be accepted, and hangs up on who
/// has connected and never sent a byte: peers of ours speak at once.
class port_guard {
 public:
  explicit port_guard(std::uint16_t port);
  ~port_guard();
  port_guard(const port_guard&) = delete;
  port_guard& operator=(const port_guard&) = delete;

 private:
  class open_descriptors;

  void run();
  std::size_t turn_away_waiting();
  std::size_t hang_up_on_silent();

  const std::uint16_t port_;
  const std::uint64_t limit_;
  const std::uint64_t reserve_;
  const std::unique_ptr<open_descriptors> descriptors_;
  int spare_ = -1; ///< given up for a moment to accept those who are turned away
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace atl::runtime
