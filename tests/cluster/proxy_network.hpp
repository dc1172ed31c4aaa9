#pragma once

#include "host_network.hpp"

#include <memory>

/// A network on loopback, without privileges: nodes connect through proxies, which learn from
/// /proc which process opened a connection, and hold back the bytes that the network should
/// lose. The bytes are only delayed, as by a kernel that retransmits them: they
/// arrive once the network is whole. Only `unplug` cuts off a client, which is no host.
class proxy_network : public host_network {
 public:
  proxy_network();
  ~proxy_network() override;
  proxy_network(const proxy_network&) = delete;
  proxy_network& operator=(const proxy_network&) = delete;

  /// The address of a proxy, which the first call creates.
  std::string address_of(const std::string& host, std::uint16_t port) override;
  std::string listens_at(const std::string& host, std::uint16_t port) override;
  std::vector<std::string> run_on(const std::string&) const override { return {}; }
  void runs(const std::string& host, pid_t process) override;

  void isolate(const std::string& host) override;
  void rejoin(const std::string& host) override;
  void cut(const std::string& from, const std::string& to) override;
  void join(const std::string& from, const std::string& to) override;
  /// As `cut`, from the moment on at which these bytes are on their way: they are held back too.
  void cut_at(const std::string& from, const std::string& to, const std::string& bytes);
  bool is_cut(const std::string& from, const std::string& to) const;

 private:
  struct implementation;
  std::unique_ptr<implementation> impl_;
};
