#pragma once

#include "common/repair_protocol.hpp"

#include <atoll/core/error.hpp>

#include <cstdint>
#include <string>
#include <string_view>

/// A scrub that a client orders at a storage node: the client asks again and again until it is
/// done.
namespace dfs::protocol {

/// To a storage node; the first request of a run begins a pass over all fragments there.
struct scrub_request {
  std::uint64_t run = 0;  ///< of the client's choice, at random; not 0
  bool unlimited = false; ///< as fast as the disk allows, also beside clients' requests
};

enum class scrub_phase : std::uint8_t {
  reading,
  done,
  replaced, ///< another client's pass has taken the place of this one
};
inline constexpr scrub_phase scrub_phase_last = scrub_phase::replaced;

struct scrub_state {
  scrub_phase phase = scrub_phase::reading;
  scrub_status status;
};

std::string encode(const scrub_request& message);
std::string encode(const scrub_state& message);

/// Decoders of bytes that may be hostile: `errc::corrupt` for anything malformed.
atl::result<scrub_request> decode_scrub_request(std::string_view bytes);
atl::result<scrub_state> decode_scrub_state(std::string_view bytes);

} // namespace dfs::protocol
