#include "client/storage_pool.hpp"

#include "client/control.hpp"

#include <atoll/core/state/session_command.hpp>

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

storage_pool::storage_pool(std::unique_ptr<cluster_view> view, control& masters)
    : view_{std::move(view)}, leases_{lease_calls_to(masters), atl::random_session().low},
      connections_{options_for(view_->settings())}, uploader_{*view_, connections_, progress_},
      reader_{*view_, connections_, progress_} {}

atl::result<std::unique_ptr<storage_pool>> storage_pool::open(const cluster_settings& cluster,
                                                              control& masters) {
  auto view = cluster_view::open(cluster, calls_to(masters));
  if (!view)
    return tl::unexpected{view.error()};
  return std::unique_ptr<storage_pool>{new storage_pool{std::move(*view), masters}};
}

std::unique_ptr<placement_stock> storage_pool::begin_upload(upload_lease& lease, policy_id policy) {
  auto ask =
      [this](
          const protocol::allocate_request& request) -> atl::result<protocol::allocate_response> {
    auto answer = view_->masters().allocate(request);
    if (answer)
      if (auto known = view_->note_version(answer->version); !known)
        return tl::unexpected{known.error()};
    return answer;
  };
  return std::make_unique<placement_stock>(
      lease.id(), policy, ask, [&lease](const chunk_id& chunk) { lease.note_chunk(chunk); },
      uploader_.suspects());
}

} // namespace dfs
