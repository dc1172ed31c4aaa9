#pragma once

#include "free_port.hpp"
#include "temporary_folder.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/node/node_process.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

/// Processes of nodes on this machine, each with the roles `jobs` and `locks`.
namespace two_groups {

/// The nodes' `links.failure_timeout`.
inline constexpr std::chrono::seconds failure_timeout{10};
/// How long `eventually` waits: a busy machine may take long.
inline constexpr std::chrono::seconds test_timeout{60};

/// Repeats a check until it holds; fails the test after `test_timeout`.
void eventually(const std::string& what, const std::function<bool()>& holds);

/// Three processes; the destructor stops them.
class node_processes {
 public:
  node_processes();
  ~node_processes();

  /// @param number from 1
  void start(int number, const std::vector<std::string>& more = {});
  /// Kills the process with SIGKILL, and waits for its end.
  void kill(int number);
  const atl::endpoint& address_of(int number) const { return addresses_.at(number); }
  std::string log_of(int number) const;
  std::filesystem::path cluster_file() const { return folder_ / "cluster.toml"; }
  /// Ends of TCP connections from one of the processes to another one.
  std::size_t connected_sockets() const;

 private:
  temporary_folder folder_;
  std::map<int, atl::endpoint> addresses_;
  std::map<int, atl::node::local_node> nodes_;
  std::map<int, pid_t> processes_;
};

} // namespace two_groups
