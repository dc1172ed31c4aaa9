#pragma once

#include <atoll/core/endpoint.hpp>

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace dfs {

/// Idle connections of a storage node to others, shared by all that write through it. Bounded by
/// `max_idle_links` a node and `max_link_idle_time`. Thread-safe.
class link_pool {
 public:
  link_pool() = default;
  ~link_pool();
  link_pool(const link_pool&) = delete;
  link_pool& operator=(const link_pool&) = delete;

  /// An open connection, the caller's from now on; -1 if there is none. The peer may have closed it
  /// meanwhile.
  int take(const atl::endpoint& node);
  /// Keeps a connection over which nothing is under way, or closes it.
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
