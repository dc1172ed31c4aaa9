#pragma once

#include "bulk/async_connection.hpp"
#include "bulk/bulk_options.hpp"

#include <atoll/core/endpoint.hpp>

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace dfs {

/// Keeps connections to storage nodes between requests, for reads and writes alike. Thread-safe.
class connection_pool {
 public:
  /// @param idle_max connections kept for each node
  explicit connection_pool(bulk_options options, std::size_t idle_max = 8);

  /// A kept connection to the node, or a new one, which connects at its first request. It belongs
  /// to the context's thread until it is given back.
  std::unique_ptr<async_bulk_connection>
  take(const std::shared_ptr<boost::asio::io_context>& context, const atl::endpoint& node) {
    return take(context, node, options_.timeouts);
  }
  /// @param timeouts of the requests until it is given back
  std::unique_ptr<async_bulk_connection>
  take(const std::shared_ptr<boost::asio::io_context>& context, const atl::endpoint& node,
       const bulk_timeouts& timeouts);
  /// To be called once the last request over the connection has ended, whatever came of it.
  void give_back(std::unique_ptr<async_bulk_connection> connection);

  const bulk_options& options() const { return options_; }

 private:
  const bulk_options options_;
  const std::size_t idle_max_;
  std::mutex mutex_; ///< guards what follows
  std::map<std::string, std::vector<std::unique_ptr<async_bulk_connection>>> idle_; ///< by address
};

} // namespace dfs
