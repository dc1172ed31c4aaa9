#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

/// The backup of the name space: a client asks the leading master for one block after the other. A
/// backup that nobody asks for any more ends.
namespace dfs::protocol {

/// Asks for a block; a repeated request gets the same one.
struct backup_request {
  std::uint64_t run = 0;   ///< of the client's choice, at random
  std::uint64_t block = 0; ///< each one more than the one before; 0 begins the backup
};

enum class backup_phase : std::uint8_t {
  waiting, ///< for another run's backup
  copying, ///< the state is being copied
  block,   ///< here is the block
  last,    ///< here is the last block
  failed,  ///< the backup could not be made; `failure` says why
};
inline constexpr backup_phase backup_phase_last = backup_phase::failed;

struct backup_state {
  backup_phase phase = backup_phase::waiting;
  std::string bytes; ///< the next bytes of an `atl::backup_file`
  std::string failure;
};

std::string encode(const backup_request& message);
std::string encode(const backup_state& message);

/// Decoders of bytes that may be hostile: `errc::corrupt` for anything malformed.
atl::result<backup_request> decode_backup_request(std::string_view bytes);
atl::result<backup_state> decode_backup_state(std::string_view bytes);

} // namespace dfs::protocol
