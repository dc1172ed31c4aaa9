// How often a source of a repair is read again.
#include "node/repair_run.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <random>

namespace dfs {

using boost::asio::awaitable;

/// Reads from a source that doesn't answer as often as the cluster's policy says. @returns true if
/// no other source need be tried.
awaitable<bool> repair_run::copy_patiently(const protocol::task_source& source) {
  transfer_attempts attempts{tools_.transfers, std::chrono::steady_clock::now()};
  for (;;) {
    auto ended = co_await copy_from(source);
    if (ended)
      co_return true;
    auto again = co_await pause_before_reading_again(attempts);
    if (!again)
      co_return false;
  }
}

/// @returns false at once if the source has failed for good.
awaitable<bool> repair_run::pause_before_reading_again(transfer_attempts& attempts) {
  if (is_interrupted_ ||
      (last_failure_ != atl::errc::unavailable && last_failure_ != atl::errc::timeout))
    co_return false;
  thread_local std::minstd_rand random{std::random_device{}()};
  auto now = std::chrono::steady_clock::now();
  auto length = attempts.after_failure(now, {}, std::uniform_real_distribution<>{}(random));
  if (!length)
    co_return false;
  pause_.expires_after(*length);
  boost::system::error_code ignored;
  co_await pause_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  co_return !is_interrupted_;
}

} // namespace dfs
