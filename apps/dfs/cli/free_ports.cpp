#include "cli/free_ports.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <random>
#include <unistd.h>

namespace dfs {

namespace {

constexpr std::uint32_t lowest_port = 10'000;
constexpr std::uint32_t highest_port = 32'000; ///< Linux hands out those from 32768 on
constexpr int attempts_max = 500;

bool is_free(std::uint32_t port) {
  int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0)
    return false;
  int yes = 1; // ignore connections that have just ended
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  auto bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
               ::listen(socket, 1) == 0;
  ::close(socket);
  return bound;
}

bool are_free(std::uint32_t first, std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i)
    if (!is_free(first + i))
      return false;
  return true;
}

} // namespace

atl::result<std::uint16_t> free_ports(std::uint32_t count) {
  // Drawn, so that two clusters that don't run yet have different ports.
  std::random_device random;
  std::uniform_int_distribution<std::uint32_t> any{lowest_port, highest_port - count};
  for (int attempt = 0; attempt < attempts_max; ++attempt)
    if (auto first = any(random) / 10 * 10 + 1; are_free(first, count))
      return static_cast<std::uint16_t>(first);
  return atl::fail(atl::errc::unavailable,
                   fmt::format("found no {} free ports in a row between {} and {}", count,
                               lowest_port, highest_port));
}

} // namespace dfs
