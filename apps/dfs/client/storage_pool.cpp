#include "client/storage_pool.hpp"

#include "client/control.hpp"

#include <chrono>
#include <utility>

namespace dfs {

namespace {

bulk_options options_for(const cluster_settings& cluster) {
  using std::chrono::ceil;
  using std::chrono::milliseconds;
  bulk_options options;
  options.self.cluster = cluster.name;
  options.self.role = "client";
  options.secret = cluster.secret;
  options.timeouts.connect = ceil<milliseconds>(cluster.connect_timeout);
  options.timeouts.progress = ceil<milliseconds>(cluster.transfer_timeout);
  return options;
}

} // namespace

storage_pool::storage_pool(std::unique_ptr<cluster_view> view)
    : view_{std::move(view)}, connections_{options_for(view_->settings())}, uploader_{*view_,
                                                                                      connections_,
                                                                                      progress_} {}

atl::result<std::unique_ptr<storage_pool>> storage_pool::open(const cluster_settings& cluster,
                                                              control& masters) {
  auto view = cluster_view::open(cluster, calls_to(masters));
  if (!view)
    return tl::unexpected{view.error()};
  std::unique_ptr<storage_pool> pool{new storage_pool{std::move(*view)}};
  auto reader = chunk_reader::make(*pool->view_, pool->connections_, pool->progress_);
  if (!reader)
    return tl::unexpected{reader.error()};
  pool->reader_ = std::move(*reader);
  return pool;
}

} // namespace dfs
