#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace atl {

/// An address at which a process listens.
struct endpoint {
  std::string host;
  std::uint16_t port = 0;

  friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// From `host:port` or `[v6]:port`, with a port of 1 … 65535.
result<endpoint> parse_endpoint(std::string_view text);
std::string to_string(const endpoint& where);

} // namespace atl
