#include <atoll/core/logging.hpp>
#include <atoll/net/coroutine_group.hpp>

#include <boost/asio/co_spawn.hpp>

#include <utility>

namespace atl::net {

void coroutine_group::start(boost::asio::io_context& in, boost::asio::awaitable<void> work) {
  {
    std::lock_guard lock{mutex_};
    ++running_;
  }
  auto ended = [this](std::exception_ptr problem) { on_end(problem); };
  boost::asio::co_spawn(in, std::move(work), ended);
}

void coroutine_group::on_end(std::exception_ptr problem) {
  try {
    if (problem)
      std::rethrow_exception(problem);
  } catch (const std::exception& failure) { // for example out of memory
    log::error(name_, "", "a connection was ended: {}", failure.what());
  }
  std::lock_guard lock{mutex_};
  if (--running_ == 0)
    changed_.notify_all();
}

void coroutine_group::wait() {
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return running_ == 0; });
}

} // namespace atl::net
