#include "quiet_thread.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/net/worker_pool.hpp>

#include <boost/asio/async_result.hpp>

#include <system_error>

namespace atl::net {

namespace asio = boost::asio;

worker_pool::worker_pool(std::size_t threads_max) : threads_max_{threads_max} {
  threads_.push_back(start_quiet_thread([this] { run(); }));
}

worker_pool::~worker_pool() {
  stop();
}

void worker_pool::stop() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  changed_.notify_all();
  for (auto& each : threads_)
    if (each.joinable())
      each.join();
}

std::size_t worker_pool::threads() const {
  std::lock_guard lock{mutex_};
  return threads_.size();
}

asio::awaitable<void> worker_pool::enter() {
  entry self;
  auto queue = [this, &self](suspended waiter) {
    self.waiter.emplace(std::move(waiter));
    push(self); // from here on the coroutine may run in another thread, and `self` be gone
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(queue, asio::use_awaitable);
}

void worker_pool::push(entry& waiting) {
  std::lock_guard lock{mutex_};
  (last_ ? last_->next : first_) = &waiting;
  last_ = &waiting;
  ++waiting_;
  if (waiting_ > idle_ && threads_.size() < threads_max_)
    start_thread();
  changed_.notify_one();
}

void worker_pool::start_thread() {
  try {
    threads_.push_back(start_quiet_thread([this] { run(); }));
  } catch (const std::system_error& problem) { // the threads that run do the work
    log::warning("net", "", "no further thread for work that blocks: {}", problem.what());
  }
}

void worker_pool::run() {
  std::unique_lock lock{mutex_};
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return stopping_ || first_; });
    --idle_;
    if (!first_)
      return;
    auto* next = first_;
    first_ = next->next;
    if (!first_)
      last_ = nullptr;
    --waiting_;
    auto waiter = std::move(*next->waiter);
    next->waiter.reset();
    lock.unlock();
    std::move(waiter)();
    lock.lock();
  }
}

} // namespace atl::net
