#pragma once

#include "host_network.hpp"

#include <map>

/// A network in the kernel: each host is a network namespace, joined to the others by a bridge.
/// It ends with this process, and is invisible to the rest of the machine.
/// Requires root and iproute2.
class namespace_network : public host_network {
 public:
  /// Whether this machine permits such a network.
  static bool possible();

  /// Moves this process and its future children into the network.
  explicit namespace_network(const std::vector<std::string>& hosts);
  ~namespace_network() override;
  namespace_network(const namespace_network&) = delete;
  namespace_network& operator=(const namespace_network&) = delete;

  std::string address_of(const std::string& host, std::uint16_t port) override;
  std::string listens_at(const std::string& host, std::uint16_t port) override;
  std::vector<std::string> run_on(const std::string& host) const override;
  void runs(const std::string&, pid_t) override {}

  void isolate(const std::string& host) override;
  void rejoin(const std::string& host) override;
  /// `from` also loses the acknowledgements of `to`.
  void cut(const std::string& from, const std::string& to) override;
  void join(const std::string& from, const std::string& to) override;

 private:
  struct host {
    int number = 0;
    pid_t holder = 0; ///< a process that keeps the namespace alive

    std::string address() const;
  };
  std::map<std::string, host> hosts_;
};
