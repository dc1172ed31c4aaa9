#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// What a proxy does about a server that doesn't answer.
enum class protection {
  none,    ///< a request waits for its server
  retries, ///< after 100 ms the request goes to another server
  hedges, ///< as `retries`; and what takes longer than 90 % of the requests goes to a second server
};

struct front_settings {
  std::uint16_t port = 0;
  std::vector<std::uint16_t> servers; ///< ports of 127.0.0.1
  std::string balancer;               ///< name of the plugin
  protection against_stalls = protection::none;
};

/// Serves HTTP until the process is ended: each request goes through an `atl::runtime::dispatcher`
/// to one of three workers, actors that each hold the connections to one server.
/// @throws std::runtime_error if the plugin can't be used
void run_dispatcher_front(const front_settings& settings);
