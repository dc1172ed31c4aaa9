#pragma once

#include "bulk/async_connection.hpp"

#include <utility>

/// For the sources of `async_bulk_connection`.
namespace dfs {

/// Makes a request. The node may have closed a connection that was kept from earlier requests, so
/// if such a connection breaks before the answer, the request is sent over a new one.
/// @param request starts a coroutine; no coroutine itself
template <class T, class Request>
boost::asio::awaitable<atl::result<T>> async_bulk_connection::attempt(Request request) {
  is_cancelled_ = false;
  answered_ = false;
  if (stream_.is_quiet()) {
    boost::asio::awaitable<atl::result<T>> started = request();
    auto done = co_await std::move(started);
    bool closed_meanwhile = !done && !answered_ && !is_cancelled_ && !stream_.is_open() &&
                            done.error().code == atl::errc::unavailable;
    if (!closed_meanwhile)
      co_return done;
  }
  auto connected = co_await connect();
  if (!connected)
    co_return tl::unexpected{connected.error()};
  boost::asio::awaitable<atl::result<T>> started = request();
  co_return co_await std::move(started);
}

} // namespace dfs
