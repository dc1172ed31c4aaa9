#pragma once

#include "test_cluster.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// The TCP ports on which a process listens.
std::vector<std::uint16_t> listening_ports(pid_t process);
/// The resident memory of a process.
std::size_t resident_bytes(pid_t process);

/// An open port of a node.
struct node_port {
  std::string node;
  std::uint16_t port = 0;
};
/// All open ports of a cluster's nodes.
std::vector<node_port> ports_of(test_cluster& cluster);

/// Compares the processes of a cluster with how they were when this object was made.
class node_watch {
 public:
  explicit node_watch(test_cluster& cluster);

  /// Checks that no process has ended, that the cluster stores and reads a file, and that the nodes
  /// have logged at most about one refusal a second and port.
  void check();
  /// Checks that the resident memory of no node has grown by more than this.
  void check_memory(std::size_t bytes_max);
  /// How many refused connections the nodes have logged.
  std::size_t logged_refusals() const;

 private:
  struct state {
    pid_t process = 0;
    std::size_t memory = 0;
    std::size_t ports = 0;
  };
  test_cluster& cluster_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::map<std::string, state> nodes_;
  std::size_t refusals_ = 0;
};
