#pragma once

#include "bulk/bulk_protocol.hpp"
#include "bulk/socket.hpp"

#include <atoll/core/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dfs {

/// Receives the blocks behind the reply to a read: straight to where they are wanted, each checked
/// as it arrives. Only a first or last block of which a part is wanted takes a detour.
class block_receiver {
 public:
  /// For bytes from `offset` on into `into`. `scratch` has two blocks; `about` has to stay.
  block_receiver(const wire::read_reply& about, std::uint64_t offset, std::span<std::byte> into,
                 std::span<std::byte> scratch);

  /// How many of the wanted bytes there are. Errors: corrupt, after all has been received and the
  /// connection is free again; and those of the socket.
  atl::result<std::size_t> receive(tcp_socket& over, const patience& wait);

 private:
  struct piece {
    std::byte* data = nullptr;
    std::size_t size = 0;
  };

  bool check(std::uint64_t received);
  std::byte* at(std::uint64_t position) const;
  void copy_edges() const;

  const wire::read_reply& about_;
  std::span<std::byte> into_;
  std::uint64_t skip_ = 0;      ///< bytes of the range before the first wanted one
  std::size_t wanted_ = 0;      ///< bytes that end up in `into_`
  std::array<piece, 3> pieces_; ///< partial first block, whole blocks, partial last block
  std::uint64_t checked_ = 0;
};

} // namespace dfs
