#include "haproxy.hpp"

#include "proxy_limits.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <cstdlib>

namespace haproxy {

namespace {

/// Debian's timeouts, a health check, and redispatching: what a guide for beginners has.
std::string common_settings() {
  return fmt::format(R"(  timeout connect 5s
  timeout client {0}s
  timeout server {0}s
  retries {1}
  option redispatch
  default-server check inter 2s fall 3 rise 2 maxconn {2}
)",
                     proxy_limits::deadline.count(), proxy_limits::retries,
                     proxy_limits::server_requests_max);
}

/// Retries of requests that were sent, each at another server, and servers that are taken out by
/// what becomes of the requests.
std::string careful_settings() {
  return fmt::format(R"(  timeout connect {0}ms
  timeout client {1}s
  timeout server {0}ms
  timeout check {0}ms
  retries {2}
  option redispatch 1
  retry-on conn-failure empty-response response-timeout
  default-server check inter 200ms fall 2 rise 2 maxconn {3} observe layer7 error-limit {4} on-error mark-down
)",
                     proxy_limits::attempt_timeout.count(), proxy_limits::deadline.count(),
                     proxy_limits::retries, proxy_limits::server_requests_max,
                     proxy_limits::failures_until_down);
}

} // namespace

bool available() {
  return std::system("haproxy -v > /dev/null 2>&1") == 0;
}

std::string version() {
  std::array<char, 256> line{};
  auto* pipe = ::popen("haproxy -v", "r");
  if (pipe == nullptr)
    return {};
  if (std::fgets(line.data(), line.size(), pipe) == nullptr)
    line[0] = '\0';
  ::pclose(pipe);
  std::string text{line.data()};
  return text.substr(0, text.find_first_of("+\n"));
}

std::string configuration(std::uint16_t port, const std::vector<std::uint16_t>& servers,
                          const std::string& balance, protection against_stalls) {
  auto text = fmt::format(
      R"(global
  maxconn 4000
defaults
  mode http
  timeout queue 10s
  option httpchk GET /health
  http-reuse always
{}frontend front
  bind 127.0.0.1:{}
  default_backend servers
backend servers
  balance {}
)",
      against_stalls == protection::none ? common_settings() : careful_settings(), port, balance);
  for (auto server : servers)
    text += fmt::format("  server server-{0} 127.0.0.1:{0}\n", server);
  return text;
}

} // namespace haproxy
