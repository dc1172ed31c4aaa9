#pragma once

#include "bulk/bulk_options.hpp"
#include "client/control.hpp"
#include "client/load_prober.hpp"
#include "client/replica_pool.hpp"
#include "client/upload_lease.hpp"
#include "common/master_protocol.hpp"
#include "common/types.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/loaded_plugin.hpp>
#include <atoll/spi/recovery.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfs {

class bulk_connection;

/// A client's connections to the storage nodes. Stores and reads chunks with the cluster's recovery
/// scheme and balancer. Thread-safe; calls block.
class storage_pool {
 public:
  static atl::result<std::unique_ptr<storage_pool>> open(const cluster_settings& cluster,
                                                         control& masters);
  ~storage_pool();

  const protocol::cluster_info& info() const { return info_; }

  /// Another balancer of the cluster's kind for reads, which can't hang. Errors: refused if the
  /// masters have another version of it.
  atl::result<std::shared_ptr<atl::spi::balancer>> make_balancer() const;
  /// Is each fragment of a chunk the chunk itself?
  bool has_whole_chunks(const chunk_record& chunk) const;

  /// Stores a chunk on the nodes that the masters choose. If a node fails, a second attempt under
  /// another chunk id avoids it; there the scheme's minimum of fragments suffices. Busy nodes are
  /// retried for `client.busy_timeout`.
  atl::result<chunk_record> store(upload_lease& upload, std::string_view data);

  /// Reads a whole chunk into `into`, which is as large as the chunk. A wrong, slow or missing
  /// fragment is replaced by another. Errors: corrupt if all nodes of the chunk answered and have
  /// too few intact fragments; not_found if no file refers to the chunk any more; unavailable or
  /// busy if a node that may have a missing fragment couldn't be asked; refused if the chunk was
  /// stored with another scheme.
  atl::status fetch(const chunk_record& chunk, std::span<char> into);

 private:
  struct node_state {
    protocol::storage_view view;
    std::vector<std::unique_ptr<bulk_connection>> idle;
  };
  using time_point = std::chrono::steady_clock::time_point;
  enum class read_outcome : std::uint8_t { ok, busy, failed };
  struct fetch_round;

  storage_pool(const cluster_settings& cluster, control& masters);
  atl::result<std::shared_ptr<const atl::plugin>> load(atl::spi::plugin_kind kind,
                                                       const protocol::plugin_choice& choice) const;
  atl::status load_plugins();
  atl::status refresh();
  bulk_options make_options() const;
  std::vector<protocol::storage_view> known_nodes() const;

  // Storing.
  struct failed_write {
    atl::error why;
    bool suspect = false; ///< false: the node may merely be downstream of a node that failed
  };
  struct fragment_write {
    storage_id node = no_storage;
    write_target target;
    atl::status outcome;
    bool suspect = false;
  };
  atl::result<protocol::placement> place(upload_lease& upload, std::size_t bytes,
                                         const std::vector<storage_id>& avoid);
  void write_pipeline(std::span<fragment_write> targets, const chunk_id& chunk,
                      std::string_view bytes, bool await_go);
  void write_patiently(std::vector<fragment_write> targets, const chunk_id& chunk,
                       std::string_view bytes, std::map<storage_id, failed_write>& problems);
  /// @returns the outcome of each fragment that couldn't be stored.
  std::map<storage_id, failed_write> write_fragments(const protocol::placement& where,
                                                     std::string_view data);
  atl::result<chunk_record> try_to_store(upload_lease& upload, std::string_view data);
  bool has_others(const chunk_record& record, const std::map<storage_id, failed_write>& problems);

  // Reading.
  atl::status try_to_fetch(const chunk_record& chunk, std::span<char> into);
  atl::result<fetch_round> fetch_once(const chunk_record& chunk, std::span<char> into);
  atl::status read_fragment(const chunk_record& chunk, std::uint32_t index, std::span<char> into);
  atl::result<std::vector<std::uint32_t>> reading_order(const chunk_record& chunk);
  void send_probes();
  bool knows_a_holder(const chunk_record& chunk);
  void wait_for_a_holder(const chunk_record& chunk);
  atl::status renew_record(chunk_record& chunk);
  atl::error verdict(const chunk_record& chunk, const fetch_round& round) const;

  std::unique_ptr<bulk_connection> connection(storage_id to);
  void give_back(storage_id to, std::unique_ptr<bulk_connection> connection);
  void observe(storage_id node, read_outcome outcome, std::chrono::microseconds latency);
  void note_progress();
  time_point last_progress();

  const cluster_settings& cluster_;
  control& masters_;
  protocol::cluster_info info_;
  std::shared_ptr<const atl::spi::recovery> recovery_;
  std::mutex mutex_; ///< guards what follows
  std::map<storage_id, node_state> nodes_;
  std::optional<replica_pool> reads_;
  time_point last_progress_; ///< when a node last accepted or returned data
  /// Made when the balancer wants probes. The last member, because its thread uses the others.
  std::unique_ptr<load_prober> prober_;
};

} // namespace dfs
