#pragma once

#include "bulk/bulk_protocol.hpp"

#include <atoll/core/error.hpp>
#include <atoll/net/tcp_stream.hpp>

#include <boost/asio/awaitable.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace dfs {

/// Receives the blocks after the reply to a read directly into the caller's buffer, and checks each
/// block as it arrives. Only a first or last block of which a part is requested goes through a
/// scratch buffer.
class block_receiver {
 public:
  /// Receives the bytes from `offset` on into `into`. @pre `scratch` has room for two blocks;
  /// `about` outlives the receiver.
  block_receiver(const wire::read_reply& about, std::uint64_t offset, std::span<std::byte> into,
                 std::span<std::byte> scratch);

  /// @returns how many of the requested bytes the fragment has. A damaged block is reported as
  /// `corrupt` after all blocks were received, so the connection stays usable; after an error of
  /// the socket the connection is not usable.
  /// @param on_bytes called each time that bytes have arrived; may be empty, and outlives the call
  boost::asio::awaitable<atl::result<std::size_t>> receive(atl::net::tcp_stream& over,
                                                           atl::net::io_timeout wait,
                                                           const std::function<void()>& on_bytes);

 private:
  struct piece {
    std::byte* data = nullptr;
    std::size_t size = 0;
  };

  /// The buffers for the bytes that come after the first `received`. @returns their number
  std::size_t buffers_after(std::uint64_t received,
                            std::array<boost::asio::mutable_buffer, 3>& into) const;
  bool check(std::uint64_t received);
  std::byte* at(std::uint64_t position) const;
  void copy_edges() const;

  const wire::read_reply& about_;
  std::span<std::byte> into_;
  std::uint64_t skip_ = 0;      ///< bytes of the range before the first requested byte
  std::size_t wanted_ = 0;      ///< requested bytes
  std::array<piece, 3> pieces_; ///< partial first block, whole blocks, partial last block
  std::uint64_t checked_ = 0;
};

} // namespace dfs
