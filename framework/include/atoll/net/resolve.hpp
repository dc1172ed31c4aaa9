#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

namespace atl::net {

using addresses = std::vector<boost::asio::ip::tcp::endpoint>;

/// The addresses of a host, given by name or address; at least one. Waits for a name server until
/// `deadline` at most. Thread-safe. Errors: unavailable, timeout, busy.
result<addresses> resolve(const endpoint& host, std::chrono::steady_clock::time_point deadline);

/// The same without waiting: `done` is called once by the context's thread, unless the context ends
/// before that. An address needs no name server; a look-up takes a thread until the name server's
/// own timeout. That thread may be the one that destroys `done`, even after the context has ended,
/// so `done` must own nothing that belongs to the context. Thread-safe.
void resolve(const std::shared_ptr<boost::asio::io_context>& context, const endpoint& host,
             std::function<void(result<addresses>)> done);

} // namespace atl::net
