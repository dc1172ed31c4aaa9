#pragma once

#include "load.hpp"
#include "temporary_folder.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

/// Three members of etcd as processes of this machine, driven through their HTTP gateway; stopped
/// with the object.
class etcd_group {
 public:
  /// Whether etcd is installed here.
  static bool available();
  static std::string version();

  etcd_group();
  ~etcd_group();

  /// `put` of 256 bytes, each client to a key of its own, over a connection of its own to the
  /// leader.
  operation put(int clients);
  /// Linearizable `range` of one such key, over connections spread over all members.
  operation range(int clients);
  double processor_seconds() const;
  /// What `etcdctl check perf` says, one line an item.
  std::string check_perf();

 private:
  struct http;
  std::size_t leader() const;
  std::vector<std::string> endpoints() const;

  temporary_folder folder_;
  std::vector<std::uint16_t> ports_;
  std::vector<int> processes_;
  std::vector<std::shared_ptr<http>> clients_;
};
