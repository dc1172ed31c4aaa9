#pragma once

#include <atoll/core/endpoint.hpp>

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace dfs {

/// A storage node's idle connections to other nodes, shared by all writes that it forwards. Bounded
/// by `idle_links_max` a node and `link_idle_time_max`. Thread-safe.
class link_pool {
 public:
  link_pool() = default;
  ~link_pool();
  link_pool(const link_pool&) = delete;
  link_pool& operator=(const link_pool&) = delete;

  /// Takes an open connection out of the pool; -1 if there is none. The peer may have closed the
  /// connection since.
  int take(const atl::endpoint& node);
  /// Keeps a connection without a request under way, or closes it if the pool is full.
  void give_back(const atl::endpoint& node, int fd);

 private:
  struct idle_link {
    int fd = -1;
    std::chrono::steady_clock::time_point since;
  };
  void drop_old(std::chrono::steady_clock::time_point now); ///< mutex_ is held

  std::mutex mutex_;
  std::map<std::string, std::vector<idle_link>> idle_; ///< the longest idle first
};

} // namespace dfs
