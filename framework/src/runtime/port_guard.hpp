#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>

namespace atl::runtime {

/// Keeps connections to CAF's port from using up the descriptors of this process. CAF accepts every
/// connection, and without descriptors it retries without a pause. When only a reserve of
/// descriptors is left, the guard turns away connections that wait to be accepted, and closes those
/// on which the peer never sent a byte: nodes and clients send at once.
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
  int spare_ = -1; ///< released to accept, and close, a connection that is turned away
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace atl::runtime
