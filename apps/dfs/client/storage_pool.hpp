#pragma once

#include "client/chunk_reader.hpp"
#include "client/chunk_uploader.hpp"
#include "client/cluster_view.hpp"
#include "client/connection_pool.hpp"
#include "client/placement_stock.hpp"
#include "client/transfer_progress.hpp"
#include "client/upload_leases.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <memory>
#include <span>

namespace dfs {

class control;

/// A client's access to the storage nodes. Stores and reads chunks by their policies,
/// and with the cluster's balancer. Thread-safe; calls block.
class storage_pool {
 public:
  /// @param cluster must outlive the result, as must `masters`
  static atl::result<std::unique_ptr<storage_pool>> open(const cluster_settings& cluster,
                                                         control& masters);

  /// The cluster's settings for storing and reading, and its plugins, as they are now.
  /// Errors: those of loading plugins, after the masters have named others.
  atl::result<std::shared_ptr<const cluster_plugins>> plugins() { return view_->plugins(); }

  /// The leases of the uploads that are under way.
  upload_leases& leases() { return leases_; }

  /// Prepares an upload. @param lease must outlive the result, as must this object
  std::unique_ptr<placement_stock> begin_upload(upload_lease& lease, policy_id policy);

  /// How files are stored.
  dfs::policies& policies() { return view_->policies(); }

  /// Stores a chunk on the nodes that the masters choose. If a node fails, a second attempt under
  /// another chunk id avoids it; there the scheme's minimum of fragments suffices. Busy nodes are
  /// retried for `client.busy_timeout`.
  atl::result<chunk_record> store(placement_stock& upload, const scheme& by,
                                  const chunk_source& data) {
    return uploader_.store(upload, by, data);
  }

  /// Reads bytes of a chunk from `offset` on into `into`, and no more than it must: the blocks that
  /// hold them, if the fragments are copies of the chunk. A wrong, slow or missing fragment is
  /// replaced by another; if the chunk has moved, its new nodes are asked. Errors: corrupt if all
  /// nodes of the chunk answered and have too few intact fragments; not_found if no file refers to
  /// the chunk any more; unavailable or busy if a node that may have a missing fragment couldn't be
  /// asked; refused if the chunk's scheme isn't installed here; invalid for a range beyond the
  /// chunk's end.
  atl::status fetch_range(const chunk_record& chunk, std::uint64_t offset, std::span<char> into) {
    return reader_.fetch(chunk, offset, into);
  }

  /// How the reads of fragments went.
  atl::dispatch_counters read_counters() { return reader_.counters(); }

 private:
  storage_pool(std::unique_ptr<cluster_view> view, control& masters);

  std::unique_ptr<cluster_view> view_;
  upload_leases leases_;
  connection_pool connections_;
  transfer_progress progress_;
  chunk_uploader uploader_;
  chunk_reader reader_;
};

} // namespace dfs
