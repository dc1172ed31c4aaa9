#pragma once

#include "host_network.hpp"

#include <map>

/// In this machine's kernel: each host is a network namespace, joined to the others by a bridge.
/// All of it belongs to this process and goes with it; the rest of the machine sees nothing of it.
/// Wants root and iproute2.
class namespace_network : public host_network {
 public:
  /// Whether this machine lets us.
  static bool possible();

  /// Takes this process, and all that it starts from now on, into the network as well.
  explicit namespace_network(const std::vector<std::string>& hosts);
  ~namespace_network() override;
  namespace_network(const namespace_network&) = delete;
  namespace_network& operator=(const namespace_network&) = delete;

  std::string address_of(const std::string& host, std::uint16_t port) override;
  std::string listens_at(const std::string& host, std::uint16_t port) override;
  std::vector<std::string> run_on(const std::string& host) const override;
  void runs(const std::string&, pid_t) override {}

  void unplug(const std::string& host) override;
  void plug_in(const std::string& host) override;
  /// `from` also loses what `to` wants acknowledged.
  void cut(const std::string& from, const std::string& to) override;
  void join(const std::string& from, const std::string& to) override;

 private:
  struct host {
    int number = 0;
    pid_t holder = 0; ///< a process that keeps its namespace

    std::string address() const;
  };
  std::map<std::string, host> hosts_;
};
