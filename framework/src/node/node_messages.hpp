#pragma once

#include <atoll/core/error.hpp>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>

/// Messages between the actors of a node, beside those of the runtime.
namespace atl::node {

/// Time for `admission_actor` to ask the other members again.
struct admission_tick {};
/// Time for `rebuild_actor` to ask another member.
struct rebuild_tick {};
/// To `rebuild_actor`, from the thread that fetches a state: the outcome.
struct state_fetched {
  status outcome;
};
/// Time for `membership_actor` to look at the members in its replica's state.
struct membership_tick {};

} // namespace atl::node

CAF_BEGIN_TYPE_ID_BLOCK(atoll_node, caf::first_custom_type_id + 90)

CAF_ADD_TYPE_ID(atoll_node, (atl::node::admission_tick))
CAF_ADD_TYPE_ID(atoll_node, (atl::node::membership_tick))
CAF_ADD_TYPE_ID(atoll_node, (atl::node::rebuild_tick))
CAF_ADD_TYPE_ID(atoll_node, (atl::node::state_fetched))

CAF_END_TYPE_ID_BLOCK(atoll_node)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::node::admission_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::node::membership_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::node::rebuild_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::node::state_fetched)
