#pragma once

#include "client/busy_wait.hpp"
#include "client/chunk_source.hpp"
#include "client/cluster_view.hpp"
#include "client/connection_pool.hpp"
#include "client/fragment_writes.hpp"
#include "client/placement_stock.hpp"
#include "client/suspect_nodes.hpp"
#include "client/transfer_progress.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <chrono>
#include <cstdint>

namespace dfs {

/// Stores chunks on the nodes that the masters choose, and handles failed and busy nodes.
/// Thread-safe; calls block.
class chunk_uploader {
 public:
  /// @param view must outlive this object, as must `connections` and `progress`
  chunk_uploader(cluster_view& view, connection_pool& connections, transfer_progress& progress)
      : view_{view}, connections_{connections}, progress_{progress} {}

  /// As `storage_pool::store`.
  atl::result<chunk_record> store(placement_stock& places, const scheme& by,
                                  const chunk_source& data);
  /// Can a chunk of the scheme be stored without being in memory as a whole?
  static bool can_stream(const scheme& by);

  /// Nodes that failed lately.
  suspect_nodes& suspects() { return suspects_; }

 private:
  struct written {
    failed_writes problems;
    std::uint32_t crc = 0; ///< of the chunk
  };

  atl::result<chunk_record> try_to_store(placement_stock& places, const scheme& by,
                                         const chunk_source& data);
  atl::result<written> write(const protocol::placement& where, const chunk_source& data,
                             const scheme& by, const atl::spi::transfer_policy& how,
                             bool is_first_attempt);
  atl::result<written> write_stripes(const fragment_writes::tools& with,
                                     const protocol::placement& where, const chunk_source& data,
                                     const scheme& by);
  static bool is_striped(const scheme& by, const chunk_source& data);
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
