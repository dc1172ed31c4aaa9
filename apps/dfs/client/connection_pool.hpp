#pragma once

#include "bulk/bulk_options.hpp"

#include <atoll/core/endpoint.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace dfs {

class bulk_connection;

/// Keeps connections to storage nodes between requests, for reads and writes alike. Thread-safe.
class connection_pool {
 public:
  /// @param idle_max connections kept for each node
  explicit connection_pool(bulk_options options, std::size_t idle_max = 4);
  ~connection_pool();

  /// A kept connection to the node, or a new one, which connects at its first request.
  std::unique_ptr<bulk_connection> take(const atl::endpoint& node);
  /// To be called once the last request over the connection has ended, whatever came of it.
  void give_back(std::unique_ptr<bulk_connection> connection);

  const bulk_options& options() const { return options_; }

 private:
  const bulk_options options_;
  const std::size_t idle_max_;
  std::mutex mutex_; ///< guards what follows
  std::map<std::string, std::vector<std::unique_ptr<bulk_connection>>> idle_; ///< by address
};

} // namespace dfs
