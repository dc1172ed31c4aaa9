#include <atoll/core/endpoint.hpp>

#include <fmt/format.h>

#include <charconv>

namespace atl {

result<endpoint> parse_endpoint(std::string_view text) {
  auto bad = [&](std::string_view why) {
    return fail(errc::invalid, fmt::format("'{}' is no address: {} (write host:port, such as "
                                           "127.0.0.1:7101 or [::1]:7101)",
                                           text, why));
  };
  auto colon = text.rfind(':');
  if (colon == text.npos)
    return bad("the port is missing");
  auto host = text.substr(0, colon);
  auto digits = text.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != host.npos)
    return bad("an IPv6 address stands in brackets");
  if (host.empty() || host.size() > 253)
    return bad("the host is missing or too long");
  unsigned port = 0;
  auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (problem != std::errc{} || end != digits.data() + digits.size() || port == 0 || port > 65535)
    return bad("a port is a number from 1 to 65535");
  return endpoint{std::string{host}, static_cast<std::uint16_t>(port)};
}

std::string to_string(const endpoint& where) {
  if (where.host.find(':') != std::string::npos)
    return fmt::format("[{}]:{}", where.host, where.port);
  return fmt::format("{}:{}", where.host, where.port);
}

} // namespace atl
