#include "storage/sync_queue.hpp"

#include "storage/storage_limits.hpp"

#include <new>
#include <set>

namespace dfs {

sync_queue::sync_queue(disk& on, std::function<void(const atl::error&)> on_failure,
                       std::size_t files_max)
    : disk_{on}, on_failure_{std::move(on_failure)}, files_max_{files_max}, thread_{[this] {
        run();
      }} {}

sync_queue::~sync_queue() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool sync_queue::push(disk_file file, std::string folder, std::uint64_t bytes) {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [&] {
    return failed_ || (backlog_ < files_max_ && backlog_bytes_ < sync_backlog_bytes_max);
  });
  if (failed_)
    return false;
  waiting_.push_back({std::move(file), std::move(folder), bytes});
  ++backlog_;
  backlog_bytes_ += bytes;
  changed_.notify_all();
  return true;
}

bool sync_queue::flush() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [&] { return failed_ || backlog_ == 0; });
  return !failed_;
}

void sync_queue::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty())
      return;
    std::deque<item> batch;
    batch.swap(waiting_);
    if (!failed_) {
      lock.unlock();
      auto done = sync(batch);
      if (!done)
        on_failure_(done.error());
      lock.lock();
      failed_ = !done;
    }
    for (auto& each : batch)
      backlog_bytes_ -= each.bytes;
    backlog_ -= batch.size();
    changed_.notify_all();
  }
}

atl::status sync_queue::sync(std::deque<item>& batch) {
  try {
    return sync_each(batch);
  } catch (const std::bad_alloc&) { // it is unknown which files were synced
    return atl::fail(atl::errc::io, "no memory to sync what was acknowledged");
  }
}

atl::status sync_queue::sync_each(std::deque<item>& batch) {
  auto failure = [](int code, std::string_view what) {
    return tl::unexpected{atl::system_error(-code, what)};
  };
  std::set<std::string> folders;
  for (auto& each : batch) {
    if (auto done = disk_.fdatasync(each.file.fd()); done < 0)
      return failure(done, "cannot sync a file of " + each.folder + " that was acknowledged");
    if (auto done = each.file.close(); done < 0)
      return failure(done, "cannot close a file of " + each.folder + " that was acknowledged");
    folders.insert(each.folder);
  }
  for (const auto& folder : folders)
    if (auto done = disk_.fsync_dir(folder); done < 0)
      return failure(done, "cannot sync the folder " + folder);
  return {};
}

} // namespace dfs
