#include "faulty_disk.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unistd.h>

namespace dfs::test {

namespace {

std::string content(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::string folder_of(const std::string& path) {
  return std::filesystem::path{path}.parent_path().string();
}

} // namespace

void faulty_disk::fail_next(call which, int error_number) {
  std::lock_guard lock{mutex_};
  failures_[which].push_back(error_number);
}

void faulty_disk::limit_writes(std::size_t bytes) {
  std::lock_guard lock{mutex_};
  write_limit_ = bytes;
}

void faulty_disk::full_after(std::uint64_t bytes) {
  std::lock_guard lock{mutex_};
  room_ = bytes;
}

void faulty_disk::die_after(std::size_t calls) {
  std::lock_guard lock{mutex_};
  incarnation_ = calls;
}

bool faulty_disk::is_dead() {
  std::lock_guard lock{mutex_};
  return dead_;
}

std::size_t faulty_disk::changes() {
  std::lock_guard lock{mutex_};
  return changes_;
}

std::size_t faulty_disk::syncs() {
  std::lock_guard lock{mutex_};
  return syncs_;
}

void faulty_disk::hold_syncs(bool hold) {
  {
    std::lock_guard lock{mutex_};
    hold_ = hold;
  }
  released_.notify_all();
}

void faulty_disk::cut_power() {
  std::lock_guard lock{mutex_};
  dead_ = true;
  for (const auto& [path, kept] : synced_)
    if (std::filesystem::exists(path))
      std::ofstream{path, std::ios::binary | std::ios::trunc} << kept;
  for (auto i = renames_.rbegin(); i != renames_.rend(); ++i)
    (void)::rename(i->to.c_str(), i->from.c_str());
  synced_.clear();
  renames_.clear();
}

std::optional<int> faulty_disk::failure(call which) {
  auto& queue = failures_[which];
  if (queue.empty())
    return std::nullopt;
  auto error_number = queue.front();
  queue.pop_front();
  return -error_number;
}

/// Counts a change of the disk. @returns true when the disk is dead.
bool faulty_disk::dies_now() {
  if (incarnation_ && changes_ >= *incarnation_)
    dead_ = true;
  ++changes_;
  return dead_;
}

int faulty_disk::open(const std::string& path, int flags) {
  std::lock_guard lock{mutex_};
  bool writes = (flags & O_ACCMODE) != O_RDONLY;
  if (writes ? dies_now() : dead_)
    return -EIO;
  if (auto failed = failure(call::open))
    return *failed;
  auto fd = real_disk().open(path, flags);
  if (fd >= 0 && writes) {
    open_files_[fd] = path;
    synced_.try_emplace(path, content(path));
  }
  return fd;
}

int faulty_disk::close(int fd) {
  std::lock_guard lock{mutex_};
  open_files_.erase(fd);
  auto done = real_disk().close(fd);
  if (dead_)
    return -EIO;
  return failure(call::close).value_or(done);
}

ssize_t faulty_disk::pwrite(int fd, const void* data, std::size_t size, std::uint64_t offset) {
  std::lock_guard lock{mutex_};
  if (dies_now())
    return -EIO;
  if (auto failed = failure(call::pwrite))
    return *failed;
  if (write_limit_)
    size = std::min(size, *write_limit_);
  if (room_) {
    if (*room_ == 0)
      return -ENOSPC;
    size = std::min<std::size_t>(size, *room_);
    *room_ -= size;
  }
  if (auto& path = open_files_.at(fd); !synced_.contains(path))
    synced_.emplace(path, content(path));
  return real_disk().pwrite(fd, data, size, offset);
}

ssize_t faulty_disk::pread(int fd, void* data, std::size_t size, std::uint64_t offset) {
  std::lock_guard lock{mutex_};
  if (dead_)
    return -EIO;
  if (auto failed = failure(call::pread))
    return *failed;
  return real_disk().pread(fd, data, size, offset);
}

int faulty_disk::fdatasync(int fd) {
  std::unique_lock lock{mutex_};
  released_.wait(lock, [&] { return !hold_; });
  ++syncs_;
  if (dies_now())
    return -EIO;
  if (auto failed = failure(call::fdatasync))
    return *failed;
  auto found = open_files_.find(fd);
  if (found != open_files_.end())
    synced_.erase(found->second);
  return 0;
}

int faulty_disk::fsync_dir(const std::string& path) {
  std::lock_guard lock{mutex_};
  ++syncs_;
  if (dies_now())
    return -EIO;
  if (auto failed = failure(call::fsync_dir))
    return *failed;
  std::erase_if(renames_, [&](const moved& each) { return folder_of(each.to) == path; });
  return 0;
}

int faulty_disk::rename(const std::string& from, const std::string& to) {
  std::lock_guard lock{mutex_};
  if (dies_now())
    return -EIO;
  if (auto failed = failure(call::rename))
    return *failed;
  auto done = real_disk().rename(from, to);
  if (done < 0)
    return done;
  renames_.push_back({from, to});
  if (auto unsynced = synced_.extract(from)) {
    unsynced.key() = to;
    synced_.insert(std::move(unsynced));
  }
  for (auto& [fd, path] : open_files_)
    if (path == from)
      path = to;
  return 0;
}

int faulty_disk::unlink(const std::string& path) {
  std::lock_guard lock{mutex_};
  if (dies_now())
    return -EIO;
  if (auto failed = failure(call::unlink))
    return *failed;
  synced_.erase(path);
  return real_disk().unlink(path);
}

} // namespace dfs::test
