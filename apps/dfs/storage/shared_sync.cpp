#include "storage/shared_sync.hpp"

#include <cerrno>
#include <fcntl.h>
#include <utility>

namespace dfs {

shared_sync::shared_sync(disk& on, const std::string& folder,
                         std::function<void(const atl::error&)> on_failure)
    : disk_{on}, folder_{on, on.open(folder, O_RDONLY | O_DIRECTORY)},
      is_supported_{folder_ && on.has_reliable_syncfs()}, on_failure_{std::move(on_failure)} {}

bool shared_sync::is_worthwhile(clock::time_point now) const {
  return is_supported_ && now.time_since_epoch() >= avoided_until_.load();
}

/// A round that runs already may have passed the caller's file, so that the caller needs the next
/// one. Whoever finds no round running runs one, for all who wait.
int shared_sync::wait() {
  std::unique_lock lock{mutex_};
  const auto needed = rounds_begun_ + 1;
  while (rounds_ended_ < needed && failure_ == 0) {
    if (is_running_)
      ended_.wait(lock);
    else
      run_round(lock);
  }
  return failure_;
}

void shared_sync::run_round(std::unique_lock<std::mutex>& lock) {
  is_running_ = true;
  const auto round = ++rounds_begun_;
  lock.unlock();
  auto began = clock::now();
  auto done = disk_.syncfs(folder_.fd());
  auto ended = clock::now();
  if (ended - began >= slow_after)
    avoided_until_ = (ended + avoided_for).time_since_epoch();
  if (done < 0)
    on_failure_(atl::system_error(-done, "cannot sync the file system"));
  lock.lock();
  is_running_ = false;
  rounds_ended_ = round;
  failure_ = done < 0 ? done : 0;
  ended_.notify_all();
}

} // namespace dfs
