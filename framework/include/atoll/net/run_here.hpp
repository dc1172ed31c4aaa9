#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace atl::net {

/// A context that belongs to the calling thread and that `run_here` runs. It exists as long as the
/// thread, or somebody who holds it.
std::shared_ptr<boost::asio::io_context> context_of_this_thread();

/// Runs a coroutine to its end in the calling thread. For code that blocks; a coroutine must not
/// call this.
/// @param context run by no other thread
/// @param look is called from time to time, at least every `look_interval`, and may make the
/// coroutine end soon, for example by closing its stream
template <class T, class Look>
T run_here(boost::asio::io_context& context, boost::asio::awaitable<T> work,
           std::chrono::milliseconds look_interval, Look look) {
  std::optional<T> made;
  std::exception_ptr failure;
  auto on_end = [&made, &failure](std::exception_ptr problem, T value) {
    failure = problem;
    made.emplace(std::move(value));
  };
  boost::asio::co_spawn(context, std::move(work), on_end);
  context.restart();
  // Other work may wait for longer, such as a timer that is of no interest any more.
  while (!made) {
    context.run_one_for(look_interval);
    look();
  }
  if (failure)
    std::rethrow_exception(failure);
  return std::move(*made);
}

template <class T>
T run_here(boost::asio::io_context& context, boost::asio::awaitable<T> work) {
  return run_here(context, std::move(work), std::chrono::hours{1}, [] {});
}

} // namespace atl::net
