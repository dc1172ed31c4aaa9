#pragma once

#include "bulk/async_connection.hpp"
#include "bulk/bulk_options.hpp"
#include "common/types.hpp"

#include <atoll/net/coroutine_group.hpp>
#include <atoll/net/io_thread.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>

namespace dfs {

/// Probes storage nodes on a thread of its own, so that no read waits for a probe. Thread-safe.
class load_prober {
 public:
  using result_handler = std::function<void(storage_id node, const node_load& load)>;

  /// @param on_result called by the prober's thread for each probe that was answered
  explicit load_prober(result_handler on_result);
  /// Gives up the probes under way, and waits for the thread.
  ~load_prober();
  load_prober(const load_prober&) = delete;
  load_prober& operator=(const load_prober&) = delete;

  /// Probes the node soon. A probe is dropped while another one of the same node is under way, or
  /// too many of others: its answer would come too late.
  void request(storage_id node, const atl::endpoint& at, const bulk_options& options);

 private:
  /// A node that is, or was, probed.
  struct target {
    std::unique_ptr<async_bulk_connection> connection;
    bool is_under_way = false;
  };

  void begin(storage_id node, const atl::endpoint& at, const bulk_options& options);
  boost::asio::awaitable<void> probe(storage_id node, target& at);

  result_handler on_result_;
  std::map<storage_id, target> targets_; ///< the thread's own, as the next two
  std::size_t under_way_ = 0;
  bool is_stopping_ = false;
  atl::net::coroutine_group probing_{"client"};
  atl::net::io_thread io_{"client"}; ///< the last member: its thread uses the others
};

} // namespace dfs
