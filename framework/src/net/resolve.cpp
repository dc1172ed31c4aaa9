#include <atoll/net/resolve.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <atomic>
#include <cstring>
#include <future>
#include <memory>
#include <netdb.h>
#include <system_error>
#include <thread>

namespace atl::net {

namespace {

using boost::asio::ip::tcp;

/// getaddrinfo has no time limit and can't be cancelled, so it runs in a thread that is abandoned
/// when it takes too long. Bound of such threads.
constexpr int lookups_max = 16;
std::atomic<int> lookups = 0;

result<addresses> look_up(const endpoint& host) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  auto failed = ::getaddrinfo(host.host.c_str(), nullptr, &hints, &found);
  if (failed != 0)
    return fail(errc::unavailable,
                fmt::format("cannot resolve the host '{}': {}", host.host, ::gai_strerror(failed)));
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
  if (out.empty())
    return fail(errc::unavailable, fmt::format("the host '{}' has no address", host.host));
  return out;
}

/// An address needs no name server.
bool parse_address(const endpoint& host, addresses& into) {
  boost::system::error_code no_address;
  auto address = boost::asio::ip::make_address(host.host, no_address);
  if (no_address)
    return false;
  into = {{address, host.port}};
  return true;
}

/// Looks the host up in a thread of its own, which then calls `done`.
status start_lookup(const endpoint& host, std::function<void(result<addresses>)> done) {
  auto failed = [&](std::string_view why) {
    return fail(errc::busy, fmt::format("cannot resolve the host '{}': {}", host.host, why));
  };
  if (lookups.fetch_add(1) >= lookups_max) {
    --lookups;
    return failed(fmt::format("{} other look-ups are waiting for the name server", lookups_max));
  }
  try {
    std::thread{[host, done = std::move(done)] {
      try {
        done(look_up(host));
      } catch (const std::exception& problem) { // out of memory
        done(fail(errc::internal,
                  fmt::format("cannot resolve the host '{}': {}", host.host, problem.what())));
      }
      --lookups;
    }}.detach();
  } catch (const std::system_error& problem) {
    --lookups;
    return failed(fmt::format("no thread for it ({})", problem.what()));
  }
  return {};
}

} // namespace

result<addresses> resolve(const endpoint& host, std::chrono::steady_clock::time_point deadline) {
  addresses known;
  if (parse_address(host, known))
    return known;
  auto promise = std::make_shared<std::promise<result<addresses>>>();
  auto answer = promise->get_future();
  auto started = start_lookup(
      host, [promise](result<addresses> found) { promise->set_value(std::move(found)); });
  if (!started)
    return tl::unexpected{started.error()};
  if (answer.wait_until(deadline) != std::future_status::ready)
    return fail(errc::timeout,
                fmt::format("the name server did not find the host '{}' in time", host.host));
  return answer.get();
}

void resolve(const std::shared_ptr<boost::asio::io_context>& context, const endpoint& host,
             std::function<void(result<addresses>)> done) {
  addresses known;
  if (parse_address(host, known))
    return boost::asio::post(*context, [done = std::move(done), known] { done(known); });
  // The context may be gone when the name server answers.
  std::weak_ptr<boost::asio::io_context> weak = context;
  auto started = start_lookup(host, [weak, done](result<addresses> found) {
    if (auto alive = weak.lock())
      boost::asio::post(*alive, [done, found = std::move(found)] { done(found); });
  });
  if (!started)
    boost::asio::post(*context, [done, started] { done(tl::unexpected{started.error()}); });
}

} // namespace atl::net
