#include "cli/transfer_threads.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace dfs::cli {

transfer_threads::transfer_threads(std::size_t count) : count_{count} {
  if (count_ > 1)
    threads_.emplace(count_);
}

transfer_threads::~transfer_threads() {
  wait();
  if (threads_)
    threads_->join();
}

void transfer_threads::run(std::function<void()> work) {
  if (!threads_)
    return work();
  {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return under_way_ < count_; });
    ++under_way_;
  }
  boost::asio::post(*threads_, [this, work = std::move(work)] {
    work();
    std::lock_guard lock{mutex_};
    --under_way_;
    changed_.notify_all();
  });
}

void transfer_threads::wait() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return under_way_ == 0; });
}

} // namespace dfs::cli
