#pragma once

#include "../trial_group.hpp"

#include <cstdint>

namespace atl::verify {

/// The disks of all but the leader stall, and then lose what was on its way to them. What was
/// answered meanwhile must not be lost with it, so in a group that tolerates the crash of a
/// minority nothing can have been.
/// @returns the number of stalls that were tried
std::uint64_t acknowledge_on_stalled_disks(const protocol_subject& what);

/// The leader crashes while the disk of one of the two others stalls. If that one helps to elect
/// another leader, and then forgets that it did, two leaders may decide against each other.
/// @returns the number of elections that were tried
std::uint64_t vote_on_a_stalled_disk(const protocol_subject& what);

} // namespace atl::verify
