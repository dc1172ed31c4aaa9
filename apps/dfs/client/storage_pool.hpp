#pragma once

#include "client/chunk_reader.hpp"
#include "client/chunk_uploader.hpp"
#include "client/cluster_view.hpp"
#include "client/connection_pool.hpp"
#include "client/transfer_progress.hpp"

#include <atoll/core/error.hpp>

#include <memory>
#include <span>
#include <string_view>

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
  std::shared_ptr<const cluster_plugins> plugins() const { return view_->plugins(); }

  /// How files are stored.
  dfs::policies& policies() { return view_->policies(); }

  /// Stores a chunk on the nodes that the masters choose. If a node fails, a second attempt under
  /// another chunk id avoids it; there the scheme's minimum of fragments suffices. Busy nodes are
  /// retried for `client.busy_timeout`.
  atl::result<chunk_record> store(upload_lease& upload, const scheme& by, std::string_view data) {
    return uploader_.store(upload, by, data);
  }

  /// Reads a whole chunk into `into`, which is as large as the chunk. A wrong, slow or missing
  /// fragment is replaced by another. Errors: corrupt if all nodes of the chunk answered and have
  /// too few intact fragments; not_found if no file refers to the chunk any more; unavailable or
  /// busy if a node that may have a missing fragment couldn't be asked; refused if the chunk's
  /// scheme isn't installed here.
  atl::status fetch(const chunk_record& chunk, std::span<char> into) {
    return reader_->fetch(chunk, into);
  }

 private:
  explicit storage_pool(std::unique_ptr<cluster_view> view);

  std::unique_ptr<cluster_view> view_;
  connection_pool connections_;
  transfer_progress progress_;
  chunk_uploader uploader_;
  std::unique_ptr<chunk_reader> reader_;
};

} // namespace dfs
