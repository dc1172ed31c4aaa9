#pragma once

#include "storage/disk.hpp"
#include "storage/storage_limits.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace dfs {

/// What a disk gave back of a file's data.
struct data_on_disk {
  std::uint32_t crc = 0; ///< CRC-32C of all of it
  std::vector<std::uint32_t> block_crcs;
};

/// Reads the first `size` bytes of a file from the disk itself, past what the kernel has in memory
/// (O_DIRECT). Where the file system refuses that, the kernel is told to forget what it has of the
/// file first, which it does with data that is synced and that nobody else uses. @pre the file is
/// synced. Errors: io; corrupt if the file is shorter.
atl::result<data_on_disk> read_back(disk& on, const std::string& path, std::uint64_t size);

} // namespace dfs
