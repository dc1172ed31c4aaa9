#pragma once

#include "common/chunk_id.hpp"
#include "job/job_spec.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

/// What a client sends to a storage node for a job. The kinds of the messages are among
/// `protocol::kind`.
namespace dfs::job {

/// Asks for a job's work on a range of a chunk whose fragments are identical. Answered by
/// `piece_result`.
struct piece_request {
  std::uint64_t job = 0; ///< random; the same for all pieces of one job
  job_spec spec;
  chunk_id chunk;
  std::uint64_t chunk_bytes = 0;
  std::uint32_t fragments = 0; ///< of the chunk; the node takes the one that it has
  std::uint64_t offset = 0;    ///< of the range in the chunk
  std::uint64_t length = 0;    ///< at least 1
};

/// Ends all pieces of a job at the node; the node refuses pieces of the job that arrive later. The
/// answer is empty, and is sent once no piece of the job runs at the node.
struct cancel_request {
  std::uint64_t job = 0;
};

/// Fragments of a chunk at most.
inline constexpr std::uint32_t fragments_max = 64;

std::string encode(const piece_request& request);
std::string encode(const cancel_request& request);

/// Decoders of bytes that may be hostile: `errc::corrupt` for anything malformed.
atl::result<piece_request> decode_piece_request(std::string_view bytes);
atl::result<cancel_request> decode_cancel_request(std::string_view bytes);

} // namespace dfs::job
