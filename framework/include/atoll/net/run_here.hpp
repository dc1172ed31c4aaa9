#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace atl::net {

/// A context that belongs to the calling thread and that `run_here` runs. It exists as long as the
/// thread, or somebody who holds it.
std::shared_ptr<boost::asio::io_context> context_of_this_thread();

/// Runs a coroutine to its end in the calling thread. For code that blocks; a coroutine must not
/// call this.
/// @param context run by no other thread
template <class T>
T run_here(boost::asio::io_context& context, boost::asio::awaitable<T> work) {
  std::optional<T> made;
  std::exception_ptr failure;
  auto on_end = [&made, &failure](std::exception_ptr problem, T value) {
    failure = problem;
    made.emplace(std::move(value));
  };
  boost::asio::co_spawn(context, std::move(work), on_end);
  context.restart();
  // Other work may wait for longer, such as a timer that is of no interest any more.
  while (!made)
    if (context.run_one() == 0)
      throw std::logic_error{"a coroutine waits for nothing that this thread runs"};
  if (failure)
    std::rethrow_exception(failure);
  return std::move(*made);
}

} // namespace atl::net
