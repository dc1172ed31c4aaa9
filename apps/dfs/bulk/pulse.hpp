#pragma once

#include "bulk/io_loop.hpp"

#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <string>
#include <thread>

namespace dfs {

/// Reports to peers that this node is alive while their connection's thread waits for the disk:
/// sends `wire::op::working` at an interval, for `working_time_max` at most. One thread serves all
/// connections. Thread-safe.
class pulse {
 public:
  pulse();
  ~pulse();
  pulse(const pulse&) = delete;
  pulse& operator=(const pulse&) = delete;

 private:
  struct beating {
    int fd = -1;
    std::chrono::milliseconds interval{0};
    steady::time_point next;
    steady::time_point until;
  };

 public:
  /// Sends over a connection until the object is destroyed. During that time no other code may
  /// write to the connection.
  class guard {
   public:
    guard(pulse& from, int fd, std::chrono::milliseconds interval);
    ~guard();
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;

   private:
    pulse& from_;
    std::list<beating>::iterator entry_;
  };

 private:
  void run();
  /// Sends the reports that are due. @pre `mutex_` is held. @returns when the next report is due
  steady::time_point send_due(steady::time_point now);

  const std::string frame_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<beating> all_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace dfs
