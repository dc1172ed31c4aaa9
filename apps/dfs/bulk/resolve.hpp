#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <vector>

namespace dfs {

/// The addresses of a host, which is a name or an address. A name server that doesn't answer costs
/// no more than the time until `deadline`. Thread-safe. Errors: unavailable, timeout, busy.
atl::result<std::vector<boost::asio::ip::tcp::endpoint>>
resolve(const atl::endpoint& host, std::chrono::steady_clock::time_point deadline);

} // namespace dfs
