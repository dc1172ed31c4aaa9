#pragma once

#include "client/control.hpp"
#include "common/protocol.hpp"
#include "namespace/types.hpp"
#include "node/settings.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/plugin.hpp>
#include <atoll/spi/balancer.hpp>
#include <atoll/spi/recovery.hpp>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfs {

class bulk_connection;

/// A client's way to the storage nodes: knows where they are, keeps connections to them, and uses
/// the scheme and the balancer that the masters chose. Thread-safe; calls wait.
class storage_pool {
 public:
  static atl::result<std::unique_ptr<storage_pool>> open(const cluster_settings& cluster,
                                                         control& masters);
  ~storage_pool();

  const protocol::cluster_info& info() const { return info_; }

  /// Stores one chunk where the masters place it. A node that fails is avoided in a second attempt,
  /// under another name; then as many fragments as the scheme must write are enough.
  atl::result<chunk_record> store(std::uint64_t upload, std::string_view data);

  /// Reads a whole chunk into `into`, which is as large as the chunk. A fragment that is wrong,
  /// slow or gone is replaced by another. errc::corrupt when there are fragments, and too few in
  /// order.
  atl::status fetch(const chunk_record& chunk, std::span<char> into);

 private:
  struct node_state {
    protocol::storage_view view;
    std::uint32_t in_flight = 0;
    std::chrono::microseconds latency{0}; ///< moving average
    std::vector<std::unique_ptr<bulk_connection>> idle;
  };
  struct fetched; ///< the fragments of one chunk that were read so far

  storage_pool(const cluster_settings& cluster, control& masters);
  atl::status load_plugins();
  atl::status refresh();
  atl::result<protocol::placement> place(std::uint64_t upload, std::size_t bytes,
                                         const std::vector<storage_id>& avoid);
  struct failed_write {
    std::string why;
    bool suspect = false; ///< else it may merely not have been reached, behind one that failed
  };
  /// @returns what became of each fragment that couldn't be stored.
  std::map<storage_id, failed_write> write_fragments(const protocol::placement& where,
                                                     std::string_view data);
  atl::result<chunk_record> try_to_store(std::uint64_t upload, std::string_view data);
  atl::status try_to_fetch(const chunk_record& chunk, std::span<char> into);
  bool knows_a_holder(const chunk_record& chunk);
  void wait_for_a_holder(const chunk_record& chunk);
  std::vector<std::uint32_t> reading_order(const chunk_record& chunk);
  atl::status read_some(const chunk_record& chunk, fetched& so_far, std::span<char> into);
  atl::status read_fragment(const chunk_record& chunk, std::uint32_t index, std::span<char> into);
  std::unique_ptr<bulk_connection> connection(storage_id to);
  void give_back(storage_id to, std::unique_ptr<bulk_connection> connection);
  void observe(storage_id node, bool ok, std::chrono::microseconds latency);

  const cluster_settings& cluster_;
  control& masters_;
  protocol::cluster_info info_;
  std::shared_ptr<const atl::spi::recovery> recovery_;
  std::shared_ptr<atl::spi::balancer> reads_;
  std::mutex mutex_; ///< of the nodes and the balancer
  std::map<storage_id, node_state> nodes_;
};

} // namespace dfs
