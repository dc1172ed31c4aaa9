#pragma once

#include "client/cluster_view.hpp"
#include "client/connection_pool.hpp"
#include "client/transfer_progress.hpp"
#include "client/upload_lease.hpp"
#include "common/types.hpp"

#include <atoll/core/error.hpp>

#include <cstddef>
#include <map>
#include <span>
#include <string_view>
#include <vector>

namespace dfs {

/// Stores chunks on the nodes that the masters choose, and handles failed and busy nodes.
/// Thread-safe; calls block.
class chunk_uploader {
 public:
  /// @param view must outlive this object, as must `connections` and `progress`
  chunk_uploader(cluster_view& view, connection_pool& connections, transfer_progress& progress)
      : view_{view}, connections_{connections}, progress_{progress} {}

  /// As `storage_pool::store`.
  atl::result<chunk_record> store(upload_lease& upload, const scheme& by, std::string_view data);

 private:
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
  using failed_writes = std::map<storage_id, failed_write>;

  atl::result<chunk_record> try_to_store(upload_lease& upload, const scheme& by,
                                         std::string_view data);
  atl::result<protocol::placement> place(upload_lease& upload, const scheme& by, std::size_t bytes,
                                         const std::vector<storage_id>& avoid);
  void write_pipeline(std::span<fragment_write> targets, const chunk_id& chunk,
                      std::string_view bytes, durability how, bool await_go);
  void write_patiently(std::vector<fragment_write> targets, const chunk_id& chunk,
                       std::string_view bytes, durability how, failed_writes& problems);
  /// @returns the outcome of each fragment that couldn't be stored.
  failed_writes write_fragments(const protocol::placement& where, const scheme& by,
                                std::string_view data);
  bool has_others(const chunk_record& record, const failed_writes& problems) const;

  cluster_view& view_;
  connection_pool& connections_;
  transfer_progress& progress_;
};

} // namespace dfs
