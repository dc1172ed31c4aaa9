#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>
#include <filesystem>
#include <optional>

namespace atl {

/// Where the last write to a log was broken off by a crash.
struct torn_tail {
  std::filesystem::path file;
  std::uint64_t offset = 0; ///< where the torn write begins
};

/// Reads the write-ahead logs of a RocksDB database that isn't open and is only ever written to
/// with a sync for each write. RocksDB skips zeros silently, and reports a broken record near the
/// end as damage. This check distinguishes:
/// - The last write may be torn: a sector of it (512 bytes) is still zero, as it was before the
///   write. The write was never acknowledged as durable, and can be cut off.
/// - Everything else that can't be read is damage, also a hole of zeros with records behind it.
///   @returns `errc::corrupt` with file, offset and what was found: `000004.log, offset 19660: a
///   record has the checksum 1a2b3c4d, and its bytes have 5e6f7a8b`.
result<std::optional<torn_tail>> check_wal(const std::filesystem::path& folder);

} // namespace atl
