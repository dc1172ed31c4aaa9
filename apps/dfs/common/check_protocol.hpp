#pragma once

#include <atoll/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The check of a master's name space: a client asks again and again until it is done. A check that
/// nobody asks for any more ends.
namespace dfs::protocol {

/// To any master; the first request of a run begins its check.
struct check_request {
  std::uint64_t run = 0; ///< of the client's choice, at random
};

enum class check_phase : std::uint8_t {
  waiting,  ///< for another run's check
  copying,  ///< the state is being copied
  counting, ///< the copy's rows are being counted
  reading,  ///< the copy's rows are being compared
  done,
  failed, ///< the check could not be made; `failure` says why
};
inline constexpr check_phase check_phase_last = check_phase::failed;

/// Findings at most in one `check_state`.
inline constexpr std::size_t findings_max = 100;

struct check_state {
  check_phase phase = check_phase::waiting;
  std::string master;
  std::uint64_t log_index = 0;  ///< of the last entry in the copy
  std::uint64_t rows_read = 0;  ///< so far; each row is read several times
  std::uint64_t rows_total = 0; ///< to be read in all; 0: unknown yet
  // With `done`:
  std::uint64_t inodes = 0;
  std::uint64_t entries = 0;
  std::uint64_t chunks = 0;
  std::uint64_t findings_total = 0;  ///< 0: the name space is sound
  std::vector<std::string> findings; ///< the first ones
  std::string failure;
};

std::string encode(const check_request& message);
std::string encode(const check_state& message);

/// Decoders of bytes that may be hostile: `errc::corrupt` for anything malformed.
atl::result<check_request> decode_check_request(std::string_view bytes);
atl::result<check_state> decode_check_state(std::string_view bytes);

} // namespace dfs::protocol
