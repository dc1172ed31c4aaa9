#pragma once

#include <atoll/net/handshake.hpp>
#include <atoll/runtime/file_transfer.hpp>
#include <atoll/spi/codec.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace atl::runtime {

/// Requests a file of the offer that the token names, from an offset on. The answer is the bare
/// bytes up to the file's end; a server that refuses closes the connection.
struct file_request {
  transfer_token token;
  std::uint32_t file = 0; ///< index into the offer's files
  std::uint64_t offset = 0;
};

/// Of what follows the handshake.
inline constexpr std::uint32_t file_transfer_version = 1;

inline net::identity on_snapshot_plane(net::identity self) {
  self.plane = net::plane::snapshot;
  self.wire = {file_transfer_version, file_transfer_version};
  return self;
}

inline constexpr std::size_t file_request_bytes = 28;

inline std::string encode(const file_request& it) {
  spi::writer out;
  out.put(it.token.high).put(it.token.low).put(it.file).put(it.offset);
  return out.take();
}

/// @pre `bytes` has `file_request_bytes`
inline file_request decode_file_request(std::string_view bytes) {
  spi::reader in{bytes};
  file_request it;
  it.token.high = in.get<std::uint64_t>();
  it.token.low = in.get<std::uint64_t>();
  it.file = in.get<std::uint32_t>();
  it.offset = in.get<std::uint64_t>();
  return it;
}

} // namespace atl::runtime
