#pragma once

#include <atoll/spi/random.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dfs {

/// What a choice among the disks of a node needs to know of one.
struct disk_room {
  bool is_used = false;
  std::uint64_t free = 0; ///< bytes that may still be stored there
};

/// The disks to try for a new fragment, in this order: the first by chance, in proportion to the
/// free space, so that disks fill up together; the others by free space, in case that the first one
/// has become full meanwhile. Disks that aren't used, or have no room, are left out.
/// @param needed bytes of the fragment's file
std::vector<std::size_t> choose_disks(std::span<const disk_room> disks, std::uint64_t needed,
                                      atl::spi::random_source& random);

} // namespace dfs
