#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

/// A network between hosts, one for each node of a cluster, that a test can cut as it likes. What
/// is under way when the network is cut is lost or late, as the network pleases; nobody is told.
class host_network {
 public:
  virtual ~host_network() = default;

  /// Where others find what listens on a port of a host.
  virtual std::string address_of(const std::string& host, std::uint16_t port) = 0;
  /// Where that listens.
  virtual std::string listens_at(const std::string& host, std::uint16_t port) = 0;
  /// What stands before a command that is to run on a host.
  virtual std::vector<std::string> run_on(const std::string& host) const = 0;
  /// From now on this is the process of the host.
  virtual void runs(const std::string& host, pid_t process) = 0;

  /// Nothing reaches the host, and nothing leaves it.
  virtual void unplug(const std::string& host) = 0;
  virtual void plug_in(const std::string& host) = 0;
  /// Nothing that `from` sends reaches `to`.
  virtual void cut(const std::string& from, const std::string& to) = 0;
  virtual void join(const std::string& from, const std::string& to) = 0;
};
