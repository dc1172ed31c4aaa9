#include "bulk/resolve.hpp"

#include <boost/asio/ip/address.hpp>
#include <fmt/format.h>

#include <atomic>
#include <cstring>
#include <future>
#include <memory>
#include <netdb.h>
#include <system_error>
#include <thread>

namespace dfs {

namespace {

using boost::asio::ip::tcp;
using addresses = std::vector<tcp::endpoint>;

/// getaddrinfo has no time limit and can't be cancelled, so it runs in a thread that is abandoned
/// when it takes too long. Bound of such threads.
constexpr int lookups_max = 16;
std::atomic<int> lookups = 0;

atl::result<addresses> look_up(const atl::endpoint& host) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  auto failed = ::getaddrinfo(host.host.c_str(), nullptr, &hints, &found);
  if (failed != 0)
    return atl::fail(atl::errc::unavailable, fmt::format("cannot resolve the host '{}': {}",
                                                         host.host, ::gai_strerror(failed)));
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner{found, &::freeaddrinfo};
  addresses out;
  for (auto* each = found; each != nullptr; each = each->ai_next) {
    tcp::endpoint address;
    if (each->ai_addrlen > address.capacity())
      continue;
    std::memcpy(address.data(), each->ai_addr, each->ai_addrlen);
    address.resize(each->ai_addrlen);
    address.port(host.port);
    out.push_back(address);
  }
  return out;
}

} // namespace

atl::result<addresses> resolve(const atl::endpoint& host,
                               std::chrono::steady_clock::time_point deadline) {
  boost::system::error_code no_address;
  auto address = boost::asio::ip::make_address(host.host, no_address);
  if (!no_address)
    return addresses{{address, host.port}};
  if (lookups.fetch_add(1) >= lookups_max) {
    --lookups;
    return atl::fail(atl::errc::busy, fmt::format("cannot resolve the host '{}': {} other look-ups "
                                                  "are waiting for the name server",
                                                  host.host, lookups_max));
  }
  std::promise<atl::result<addresses>> promise;
  auto answer = promise.get_future();
  try {
    std::thread{[host, promise = std::move(promise)]() mutable {
      try {
        promise.set_value(look_up(host));
      } catch (...) { // out of memory
        promise.set_exception(std::current_exception());
      }
      --lookups;
    }}.detach();
  } catch (const std::system_error& problem) {
    --lookups;
    return atl::fail(atl::errc::busy, fmt::format("cannot resolve the host '{}': no thread for it "
                                                  "({})",
                                                  host.host, problem.what()));
  }
  if (answer.wait_until(deadline) != std::future_status::ready)
    return atl::fail(atl::errc::timeout,
                     fmt::format("the name server did not find the host '{}' in time", host.host));
  try {
    return answer.get();
  } catch (const std::exception& problem) {
    return atl::fail(atl::errc::internal,
                     fmt::format("cannot resolve the host '{}': {}", host.host, problem.what()));
  }
}

} // namespace dfs
