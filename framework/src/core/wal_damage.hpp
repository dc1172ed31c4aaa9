#pragma once

#include <filesystem>
#include <string>

namespace atl {

/// Where a write-ahead log of RocksDB is damaged, for people: `000004.log, offset 19660: a record
/// has the checksum 1a2b3c4d, and its bytes have 5e6f7a8b`. RocksDB itself says only that one is.
/// Looks at all such files of the folder; empty when none shows damage.
std::string find_wal_damage(const std::filesystem::path& folder);

} // namespace atl
