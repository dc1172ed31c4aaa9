#pragma once

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>

/// Messages of the app's actors to themselves; none goes over the wire.
namespace dfs {

/// Time to look around.
struct tick {};
/// Some of what is to be removed is still there: go on.
struct removals_wait {};

} // namespace dfs

// Behind the framework's block, which has room to grow.
CAF_BEGIN_TYPE_ID_BLOCK(dfs, caf::first_custom_type_id + 100)

CAF_ADD_TYPE_ID(dfs, (dfs::tick))
CAF_ADD_TYPE_ID(dfs, (dfs::removals_wait))

CAF_END_TYPE_ID_BLOCK(dfs)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::removals_wait)
