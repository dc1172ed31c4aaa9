#pragma once

#include "common/master_protocol.hpp"
#include "common/types.hpp"
#include "namespace/response.hpp"

#include <atoll/core/error.hpp>

#include <functional>
#include <optional>

namespace dfs {

class control;

/// What storing and reading ask the masters. The functions may be called by several threads at
/// once; all but `request_cluster_info` block.
struct master_calls {
  using info_completion = std::function<void(atl::result<protocol::cluster_info>)>;

  std::function<atl::result<protocol::cluster_info>()> cluster_info;
  /// The same without waiting. The completion is called by another thread, and must not block.
  std::function<void(info_completion)> request_cluster_info;
  std::function<atl::result<protocol::allocate_response>(const protocol::allocate_request&)>
      allocate;
  /// The present record of a chunk; none if no file refers to the chunk any more.
  std::function<atl::result<std::optional<chunk_record>>(const chunk_id&)> find_chunk;
  std::function<atl::result<responses::policy_page>(policy_id after)> policies;
  std::function<atl::result<responses::effective_policy>(const place&)> policy_for_new_file;
};

/// @param masters must outlive the result
master_calls calls_to(control& masters);

} // namespace dfs
