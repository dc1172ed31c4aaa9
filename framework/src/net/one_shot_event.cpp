#include <atoll/net/one_shot_event.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>

#include <utility>

namespace atl::net {

namespace asio = boost::asio;

asio::awaitable<void> one_shot_event::wait() {
  if (is_set_)
    co_return;
  auto keep = [this](suspended waiter) { waiting_.emplace(std::move(waiter)); };
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(keep, asio::use_awaitable);
}

void one_shot_event::set() {
  is_set_ = true;
  if (!waiting_)
    return;
  auto waiter = std::move(*waiting_);
  waiting_.reset();
  auto executor = asio::get_associated_executor(waiter);
  asio::post(executor, std::move(waiter));
}

} // namespace atl::net
