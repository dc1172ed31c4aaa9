#pragma once

#include <atoll/core/error.hpp>
#include <atoll/spi/consensus.hpp>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>

#include <cstdint>
#include <filesystem>

/// Copies of a replica's state for actors of its process.
namespace atl::runtime {

/// To a replica: make a copy of the present state, as `state_machine::save` does. Answered by
/// `state_copied`.
struct copy_state {};
/// The folder belongs to the receiver, which removes it; what is left after a crash is removed when
/// the replica starts. Nobody has checked that everything in it is readable.
struct state_copied {
  std::filesystem::path folder;
  result<spi::log_index> index; ///< of the last entry in the copy, or why there is no copy
};

/// To a replica, from the thread that applies.
struct copy_made {
  std::uint64_t copy = 0;
  state_copied outcome;
};

} // namespace atl::runtime

// Beside the blocks of the runtime's other messages, which few actors share with these.
CAF_BEGIN_TYPE_ID_BLOCK(atoll_state_copy, caf::first_custom_type_id + 85)

CAF_ADD_TYPE_ID(atoll_state_copy, (atl::runtime::copy_state))
CAF_ADD_TYPE_ID(atoll_state_copy, (atl::runtime::state_copied))
CAF_ADD_TYPE_ID(atoll_state_copy, (atl::runtime::copy_made))

CAF_END_TYPE_ID_BLOCK(atoll_state_copy)

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::copy_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::state_copied)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(atl::runtime::copy_made)
