#include "command_preparer.hpp"

#include "thread_name.hpp"

#include <sys/resource.h>

#include <exception>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace atl {

namespace {

/// The reads from the disk at once: a solid-state disk needs several to be busy.
constexpr std::size_t threads_max = 8;
constexpr std::size_t waiting_max = 4096;
constexpr std::size_t waiting_bytes_max = 4u << 20;
/// Larger commands aren't prepared: to copy and decode them takes longer than a read.
constexpr std::size_t command_bytes_max = 64u << 10;
constexpr int niceness = 5;

} // namespace

void command_preparer::add(std::string_view command) {
  if (command.size() > command_bytes_max || !machine_.wants_prepare())
    return;
  {
    std::lock_guard lock{mutex_};
    if (stopping_)
      return;
    waiting_.emplace_back(command);
    waiting_bytes_ += command.size();
    while (waiting_.size() > waiting_max || waiting_bytes_ > waiting_bytes_max) {
      waiting_bytes_ -= waiting_.front().size();
      waiting_.pop_front();
    }
    if (idle_ == 0 && threads_.size() < threads_max)
      start_thread();
  }
  wake_.notify_one();
}

void command_preparer::start_thread() {
  try {
    threads_.emplace_back([this] { run(); });
  } catch (const std::system_error&) {
    // The system starts no more threads: fewer commands are prepared.
  }
}

void command_preparer::run() {
  name_this_thread("atoll.prepare");
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
  std::unique_lock lock{mutex_};
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    --idle_;
    if (stopping_)
      return;
    auto command = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= command.size();
    lock.unlock();
    try {
      machine_.prepare(command);
    } catch (const std::exception&) { // out of memory: `apply` reads what it needs
    }
    lock.lock();
  }
}

void command_preparer::stop() {
  std::vector<std::thread> threads;
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
    threads.swap(threads_);
  }
  wake_.notify_all();
  for (auto& thread : threads)
    thread.join();
}

} // namespace atl
