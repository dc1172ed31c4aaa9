#pragma once

#include "client/cluster_view.hpp"
#include "client/connection_pool.hpp"
#include "client/fragment_dispatch.hpp"
#include "client/read_round.hpp"
#include "client/transfer_progress.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>

namespace dfs {

/// Reads chunks and parts of chunks. Thread-safe; calls block.
class chunk_reader {
 public:
  /// @param view must outlive this object, as must `connections` and `progress`
  chunk_reader(cluster_view& view, connection_pool& connections, transfer_progress& progress);

  /// As `storage_pool::fetch_range`.
  atl::status fetch(const chunk_record& chunk, std::uint64_t offset, std::span<char> into);

  /// Of the reads of fragments since the settings changed last.
  atl::dispatch_counters counters();

 private:
  atl::status try_to_fetch(const chunk_record& chunk, std::uint64_t offset, std::span<char> into);
  atl::result<std::shared_ptr<fragment_dispatch>>
  dispatch_for(const cluster_view::plugins_pointer& plugins);
  void wait_for_a_holder(const chunk_record& chunk);
  atl::status renew_record(chunk_record& chunk);

  cluster_view& view_;
  connection_pool& connections_;
  transfer_progress& progress_;
  std::mutex mutex_;                      ///< guards what follows
  cluster_view::plugins_pointer plugins_; ///< that the dispatcher has its balancer from
  std::shared_ptr<fragment_dispatch> dispatch_;
};

} // namespace dfs
