#pragma once

#include "namespace/query.hpp"

#include <atoll/core/error.hpp>
#include <atoll/core/state/replicated_state.hpp>
#include <atoll/core/state_machine.hpp>

#include <filesystem>
#include <memory>

namespace dfs {

/// The replicated state of the masters: directories, files, and the places of their chunks.
using name_space = atl::replicated_state;

/// Opens the name space in `folder`, or creates one there.
/// @returns an error like `replicated_state::open`
atl::result<std::unique_ptr<name_space>> open_name_space(const std::filesystem::path& folder,
                                                         const name_space::settings& settings);

/// What the framework knows of the application whose state it is.
atl::service_info name_space_info();

/// Queries a replica of the name space, and decodes the response: `query(replica,
/// queries::stat{"/a"})`.
template <class Query>
atl::result<typename Query::response> query(const atl::state_machine& replica, const Query& query) {
  auto answer = replica.query(encode(dfs::query_message{query}));
  if (!answer)
    return tl::unexpected{answer.error()};
  return decode_response<typename Query::response>(*answer);
}

} // namespace dfs
