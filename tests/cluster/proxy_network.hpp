#pragma once

#include "host_network.hpp"

#include <memory>

/// On loopback, for anybody: nodes find each other at the addresses of proxies, which know from
/// /proc which process a connection comes from, and stop passing on bytes that the network should
/// lose. Those aren't lost for good, as little as a kernel loses them that sends them again: they
/// arrive once the network is whole. Who is no host (a client) is cut off by `unplug` alone.
class proxy_network : public host_network {
 public:
  proxy_network();
  ~proxy_network() override;
  proxy_network(const proxy_network&) = delete;
  proxy_network& operator=(const proxy_network&) = delete;

  /// The address of a proxy, which is made the first time.
  std::string address_of(const std::string& host, std::uint16_t port) override;
  std::string listens_at(const std::string& host, std::uint16_t port) override;
  std::vector<std::string> run_on(const std::string&) const override { return {}; }
  void runs(const std::string& host, pid_t process) override;

  void unplug(const std::string& host) override;
  void plug_in(const std::string& host) override;
  void cut(const std::string& from, const std::string& to) override;
  void join(const std::string& from, const std::string& to) override;

 private:
  struct implementation;
  std::unique_ptr<implementation> impl_;
};
