#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

/// A network between hosts, one for each node of a cluster, that a test can cut. Messages
/// in flight when the network is cut are lost or delayed without notice.
class host_network {
 public:
  virtual ~host_network() = default;

  /// The address under which other hosts reach a port of a host.
  virtual std::string address_of(const std::string& host, std::uint16_t port) = 0;
  /// The address to listen on for a port of a host.
  virtual std::string listens_at(const std::string& host, std::uint16_t port) = 0;
  /// The prefix of a command that runs on a host.
  virtual std::vector<std::string> run_on(const std::string& host) const = 0;
  /// Sets the process of the host.
  virtual void runs(const std::string& host, pid_t process) = 0;

  /// Cuts all messages to and from the host.
  virtual void isolate(const std::string& host) = 0;
  virtual void rejoin(const std::string& host) = 0;
  /// Cuts all messages from `from` to `to`.
  virtual void cut(const std::string& from, const std::string& to) = 0;
  virtual void join(const std::string& from, const std::string& to) = 0;
};
