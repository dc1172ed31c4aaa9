#pragma once

#include "client/busy_wait.hpp"
#include "client/cluster_view.hpp"
#include "client/connection_pool.hpp"
#include "client/fragment_writes.hpp"
#include "client/placement_stock.hpp"
#include "client/suspect_nodes.hpp"
#include "client/transfer_progress.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <chrono>
#include <string_view>

namespace dfs {

/// Stores chunks on the nodes that the masters choose, and handles failed and busy nodes.
/// Thread-safe; calls block.
class chunk_uploader {
 public:
  /// @param view must outlive this object, as must `connections` and `progress`
  chunk_uploader(cluster_view& view, connection_pool& connections, transfer_progress& progress)
      : view_{view}, connections_{connections}, progress_{progress} {}

  /// As `storage_pool::store`.
  atl::result<chunk_record> store(placement_stock& places, const scheme& by, std::string_view data);

  /// Nodes that failed lately.
  suspect_nodes& suspects() { return suspects_; }

 private:
  atl::result<chunk_record> try_to_store(placement_stock& places, const scheme& by,
                                         std::string_view data);
  failed_writes write(const protocol::placement& where, std::string_view data, const scheme& by,
                      const atl::spi::transfer_policy& how, bool is_first_attempt);
  bulk_timeouts timeouts_for(const atl::spi::transfer_policy& how, bool is_first_attempt) const;
  void note_suspects(const protocol::placement& where, const failed_writes& problems);
  bool has_others(const chunk_record& record, const failed_writes& problems);
  std::chrono::microseconds return_timeout() const;
  bool may_try_again(const atl::error& last, busy_wait& waiting, busy_wait& returning) const;
  static atl::error still_busy(const atl::error& last, const atl::spi::transfer_policy& how);

  cluster_view& view_;
  connection_pool& connections_;
  transfer_progress& progress_;
  write_latencies latencies_;
  suspect_nodes suspects_;
};

} // namespace dfs
