#pragma once

#include "client/cluster_view.hpp"
#include "client/connection_pool.hpp"
#include "client/load_prober.hpp"
#include "client/replica_pool.hpp"
#include "client/transfer_progress.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace dfs {

/// Reads chunks: collects fragments from nodes until a chunk can be decoded, or reports why it
/// cannot. Thread-safe; calls block.
class chunk_reader {
 public:
  /// @param view must outlive the result, as must `connections` and `progress`
  /// @returns an error if the balancer for reads can't be created
  static atl::result<std::unique_ptr<chunk_reader>>
  make(cluster_view& view, connection_pool& connections, transfer_progress& progress);

  /// As `storage_pool::fetch`.
  atl::status fetch(const chunk_record& chunk, std::span<char> into);

 private:
  enum class read_outcome : std::uint8_t { ok, busy, failed };
  struct fetch_round;

  chunk_reader(cluster_view& view, connection_pool& connections, transfer_progress& progress,
               replica_pool reads);
  atl::status try_to_fetch(const chunk_record& chunk, std::span<char> into);
  atl::result<fetch_round> fetch_once(const chunk_record& chunk, const scheme& by,
                                      std::span<char> into);
  atl::status read_fragment(const chunk_record& chunk, const scheme& by, std::uint32_t index,
                            const atl::endpoint& at, std::span<char> into);
  atl::result<std::vector<std::uint32_t>> reading_order(const chunk_record& chunk,
                                                        const node_directory& nodes);
  void send_probes(const node_directory& nodes);
  void wait_for_a_holder(const chunk_record& chunk);
  atl::status renew_record(chunk_record& chunk);
  void begin(storage_id node);
  void observe(storage_id node, read_outcome outcome, std::chrono::microseconds latency);

  cluster_view& view_;
  connection_pool& connections_;
  transfer_progress& progress_;
  std::mutex mutex_; ///< guards what follows
  replica_pool reads_;
  std::uint64_t generation_ = 0; ///< of the directory that `reads_` has
  /// Made when the balancer wants probes. The last member, because its thread uses the others.
  std::unique_ptr<load_prober> prober_;
};

} // namespace dfs
