#include "bulk/pulse.hpp"

#include "bulk/bulk_limits.hpp"
#include "bulk/bulk_protocol.hpp"

#include <sys/socket.h>

#include <algorithm>

namespace dfs {

pulse::pulse() : frame_{wire::encode_frame(wire::op::working, {})}, thread_{[this] { run(); }} {}

pulse::~pulse() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

pulse::guard::guard(pulse& from, int fd, std::chrono::milliseconds interval) : from_{from} {
  auto now = steady::now();
  interval = std::max(interval, std::chrono::milliseconds{1});
  std::lock_guard lock{from_.mutex_};
  from_.all_.push_back({fd, interval, now + interval, now + working_time_max});
  entry_ = std::prev(from_.all_.end());
  from_.changed_.notify_all();
}

pulse::guard::~guard() {
  std::lock_guard lock{from_.mutex_};
  from_.all_.erase(entry_);
}

void pulse::run() {
  std::unique_lock lock{mutex_};
  while (!stopping_) {
    auto next = send_due(steady::now());
    if (next == steady::time_point::max())
      changed_.wait(lock);
    else
      changed_.wait_until(lock, next);
  }
}

steady::time_point pulse::send_due(steady::time_point now) {
  auto next = steady::time_point::max();
  for (auto& each : all_) {
    if (each.next >= each.until)
      continue;
    if (each.next <= now) {
      // Fits into the buffer of a connection over which nothing else is sent.
      (void)::send(each.fd, frame_.data(), frame_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      each.next = now + each.interval;
    }
    next = std::min(next, each.next);
  }
  return next;
}

} // namespace dfs
