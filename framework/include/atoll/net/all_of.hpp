#pragma once

#include <atoll/net/one_shot_event.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include <cstddef>
#include <exception>
#include <utility>
#include <vector>

namespace atl::net {

/// Runs several operations at the same time, in the thread of the calling coroutine, and waits for
/// all of them. @returns their results, in their order. If an operation throws, the first exception
/// is thrown once all have ended.
template <class T>
boost::asio::awaitable<std::vector<T>> all_of(std::vector<boost::asio::awaitable<T>> operations) {
  std::vector<T> results(operations.size());
  if (operations.size() == 1) {
    results[0] = co_await std::move(operations[0]);
    co_return results;
  }
  auto running = operations.size();
  std::exception_ptr failure;
  one_shot_event all_ended;
  auto executor = co_await boost::asio::this_coro::executor;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    auto on_end = [&results, &running, &failure, &all_ended, i](std::exception_ptr problem,
                                                                T value) {
      if (!problem)
        results[i] = std::move(value);
      else if (!failure)
        failure = problem;
      if (--running == 0)
        all_ended.set();
    };
    boost::asio::co_spawn(executor, std::move(operations[i]), on_end);
  }
  if (running > 0)
    co_await all_ended.wait();
  if (failure)
    std::rethrow_exception(failure);
  co_return results;
}

} // namespace atl::net
