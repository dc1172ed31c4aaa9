#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

/// A network of hosts in this machine's kernel, for tests of what a network does to a cluster: each
/// host is a network namespace, joined to the others by a bridge. All of it belongs to this process
/// and goes with it; the rest of the machine sees nothing of it. Wants root and iproute2.
class host_network {
 public:
  /// Whether this machine lets us.
  static bool possible();

  /// Takes this process, and all that it starts from now on, into the network as well.
  explicit host_network(std::vector<std::string> hosts);
  ~host_network();
  host_network(const host_network&) = delete;
  host_network& operator=(const host_network&) = delete;

  std::string address_of(const std::string& host) const;
  /// What stands before a command that is to run on a host.
  std::vector<std::string> run_on(const std::string& host) const;

  /// Nothing reaches the host, and nothing leaves it.
  void unplug(const std::string& host);
  void plug_in(const std::string& host);
  /// Nothing that `from` sends reaches `to`, which also loses what `to` wants acknowledged.
  void cut(const std::string& from, const std::string& to);
  void join(const std::string& from, const std::string& to);

 private:
  struct host {
    int number = 0;
    pid_t holder = 0; ///< a process that keeps its namespace
  };
  std::map<std::string, host> hosts_;
};
