#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <optional>

namespace atl::net {

/// A suspended coroutine, which continues when this is called.
using suspended = boost::asio::async_result<boost::asio::use_awaitable_t<>, void()>::handler_type;

/// Something that happens once, and that one coroutine waits for. For one thread.
class one_shot_event {
 public:
  one_shot_event() = default;
  one_shot_event(const one_shot_event&) = delete;
  one_shot_event& operator=(const one_shot_event&) = delete;

  /// Returns once `set` was called.
  boost::asio::awaitable<void> wait();
  /// The waiting coroutine continues later, not within this call.
  void set();
  bool is_set() const { return is_set_; }

 private:
  bool is_set_ = false;
  std::optional<suspended> waiting_;
};

} // namespace atl::net
