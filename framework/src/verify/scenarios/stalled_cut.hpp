#pragma once

#include "../trial_group.hpp"

#include <cstdint>

namespace atl::verify {

/// A disk stalls while the protocol's record of a log cut is on its way to it. Nothing that
/// replicas say to each other speaks of the cut, so nothing waits for it, and the leader stays.
/// @returns the number of stalls that were tried; 0 when nobody leads, or the log isn't cut
std::uint64_t stall_the_disks_during_a_cut(const protocol_subject& tried);

} // namespace atl::verify
