#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>

#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <vector>

namespace dfs {

/// The addresses of a host, given by name or address. Waits for a name server until `deadline` at
/// most. Thread-safe. Errors: unavailable, timeout, busy.
atl::result<std::vector<boost::asio::ip::tcp::endpoint>>
resolve(const atl::endpoint& host, std::chrono::steady_clock::time_point deadline);

} // namespace dfs
