#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <vector>

namespace dfs {

using steady = std::chrono::steady_clock;

/// How long to wait for a peer.
struct io_timeout {
  std::chrono::milliseconds progress;                      ///< longest time without a byte
  steady::time_point deadline = steady::time_point::max(); ///< bound of the total time
};

class tcp_socket;

/// Drives the sockets of one thread with poll(2), so that a connection needs one descriptor and the
/// loop none.
class io_loop {
 public:
  io_loop() = default;
  io_loop(const io_loop&) = delete;
  io_loop& operator=(const io_loop&) = delete;

  /// Ends all waits, also future ones, and shuts the connections down. The only function that other
  /// threads may call.
  void interrupt();
  bool interrupted() const { return interrupted_; }

  /// Serves the sockets that are ready, or waits until one is, at most until `deadline`. @returns
  /// false if none was ready.
  bool run_once(steady::time_point deadline);

 private:
  friend class tcp_socket;
  void add(tcp_socket& socket);
  void remove(tcp_socket& socket);

  std::mutex mutex_; ///< guards the list and the open state of its sockets against `interrupt`
  std::vector<tcp_socket*> sockets_; ///< the open ones
  std::atomic<bool> interrupted_ = false;
};

/// The timeout for poll(2) in milliseconds: 0 for a time in the past, rounded up, and bounded.
int poll_timeout(steady::time_point deadline);

} // namespace dfs
