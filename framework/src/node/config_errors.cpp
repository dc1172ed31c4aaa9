#include <atoll/node/config_errors.hpp>

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <cctype>
#include <netdb.h>

namespace atl::node {

bool is_any_address(const std::string& host) {
  if (host == "*")
    return true;
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0)
    return false; // a host name
  auto is_any = [](const sockaddr* address) {
    if (address->sa_family == AF_INET)
      return reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr == INADDR_ANY;
    auto& v6 = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    return IN6_IS_ADDR_UNSPECIFIED(&v6) ||
           (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr32[3] == INADDR_ANY);
  };
  auto any = is_any(found->ai_addr);
  ::freeaddrinfo(found);
  return any;
}

void config_errors::add(const std::string& key, std::string_view what) {
  if (!text_.empty())
    text_ += '\n';
  text_ += fmt::format("{}: {}: {}", config_.where(key), key, what);
}

void config_errors::add_of_file(const std::string& key, std::string_view what) {
  if (config_.is_set(key))
    return add(key, what);
  if (!text_.empty())
    text_ += '\n';
  text_ += what;
}

void config_errors::check_name(const std::string& key) {
  auto& name = config_.text(key);
  auto plain = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; };
  if (name.empty() || name.size() > name_bytes_max || !std::all_of(name.begin(), name.end(), plain))
    add(key, fmt::format("'{}' is no name: use 1 to {} letters, digits, '-', '_' and '.'", name,
                         name_bytes_max));
}

endpoint config_errors::check_endpoint(const std::string& key) {
  auto where = parse_endpoint(config_.text(key));
  if (where)
    return *where;
  add(key, where.error().message);
  return {};
}

endpoint config_errors::check_listen(const std::string& key, endpoint otherwise) {
  if (!config_.is_set(key))
    return otherwise;
  auto where = check_endpoint(key);
  if (where.host == "*")
    add(key, "'*' is no host; write 0.0.0.0 or [::] to listen at all addresses of the machine");
  return where;
}

endpoint config_errors::check_reachable(const std::string& key, std::string_view listen_key) {
  auto where = check_endpoint(key);
  if (is_any_address(where.host))
    add(key, fmt::format("'{}' means all addresses of a machine, and the others connect to this "
                         "one: write here how they reach the node, and write {} for the address "
                         "where it listens",
                         config_.text(key), listen_key));
  return where;
}

status config_errors::finish() const {
  return text_.empty() ? status{} : status{fail(errc::invalid, text_)};
}

} // namespace atl::node
