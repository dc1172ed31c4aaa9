#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The check of all chunks: a client asks the leading master again and again until it is done.
namespace dfs::protocol {

/// To the leading master; the first request of a run begins its check.
struct chunk_check_request {
  std::uint64_t run = 0; ///< of the client's choice, at random
};

/// What a check has found so far: what storage nodes have, compared with what the name space wants.
struct chunk_check_state {
  /// Have all storage nodes that are up told what they have, and was all of that compared?
  bool is_done = false;
  std::uint64_t chunks = 0;
  // Chunks that aren't in order now.
  std::uint64_t degraded = 0; ///< fragments are missing, and more could be lost
  std::uint64_t critical = 0; ///< the next loss loses data
  std::uint64_t lost = 0;     ///< too few fragments can be reached
  // Fragments, since the check began.
  std::uint64_t missing = 0;  ///< that nodes should have and don't
  std::uint64_t damaged = 0;  ///< that were found damaged
  std::uint64_t orphaned = 0; ///< that nothing refers to, and that were removed
  std::uint64_t mended = 0;   ///< that were copied or rebuilt
  // What is being done now.
  std::uint64_t waiting = 0;           ///< chunks whose repair waits
  std::uint64_t stuck = 0;             ///< chunks that no storage node has room for
  std::uint64_t tasks = 0;             ///< fragments on their way
  std::vector<std::string> nodes_down; ///< storage nodes that could not be asked
  /// Disks of storage nodes that aren't used: `storage-1: /disk2: why`.
  std::vector<std::string> disks_failed;
  std::string problem; ///< why chunks can't be judged; empty: they can
};

std::string encode(const chunk_check_request& message);
std::string encode(const chunk_check_state& message);

/// Decoders of bytes that may be hostile: `errc::corrupt` for anything malformed.
atl::result<chunk_check_request> decode_chunk_check_request(std::string_view bytes);
atl::result<chunk_check_state> decode_chunk_check_state(std::string_view bytes);

} // namespace dfs::protocol
