#pragma once

#include "common/repair_protocol.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>

#include <cstdint>
#include <string>

/// Messages that the application's actors send to themselves; none is sent over the wire.
namespace dfs {

/// Time for the periodic work.
struct tick {};
/// Some fragments remain to be removed: continue.
struct removals_wait {};
/// A piece of a job, or the cancellation of a job, has ended.
struct piece_ended {
  std::uint64_t call = 0;
  std::string reply; ///< `encode(atl::runtime::reply)`
};

/// A task that a master gave has ended.
struct task_ended {
  std::string master;
  protocol::task_result result;
};

} // namespace dfs

// After the framework's block of type ids, with room for that block to grow.
CAF_BEGIN_TYPE_ID_BLOCK(dfs, caf::first_custom_type_id + 100)

CAF_ADD_TYPE_ID(dfs, (dfs::tick))
CAF_ADD_TYPE_ID(dfs, (dfs::removals_wait))
CAF_ADD_TYPE_ID(dfs, (dfs::piece_ended))
CAF_ADD_TYPE_ID(dfs, (dfs::task_ended))

CAF_END_TYPE_ID_BLOCK(dfs)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::removals_wait)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::piece_ended)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(dfs::task_ended)
