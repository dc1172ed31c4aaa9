#pragma once

#include <atoll/net/tcp_stream.hpp>

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

/// The system calls of a stream. None of them waits for the peer.
namespace atl::net {

std::string peer_of(int fd);
boost::asio::ip::tcp protocol_of(int fd);

inline bool would_block(int error_number) {
  return error_number == EAGAIN || error_number == EWOULDBLOCK || error_number == EINTR;
}

ssize_t receive(int fd, std::span<const tcp_stream::mutable_buffer> into);
ssize_t send(int fd, std::span<const tcp_stream::const_buffer> from);

/// The pieces of a transfer that are still to be moved.
template <class Buffer>
class pieces {
 public:
  /// @pre at most `stream::pieces_max` buffers
  explicit pieces(std::span<const Buffer> all) {
    for (const auto& each : all)
      if (each.size() > 0)
        pieces_[count_++] = each;
  }
  bool done() const { return count_ == 0; }
  std::span<const Buffer> rest() const { return {pieces_.data(), count_}; }
  void advance(std::size_t bytes) {
    std::size_t gone = 0;
    while (gone < count_ && bytes >= pieces_[gone].size())
      bytes -= pieces_[gone++].size();
    std::move(pieces_.begin() + gone, pieces_.begin() + count_, pieces_.begin());
    count_ -= gone;
    if (count_ > 0)
      pieces_[0] += bytes;
  }

 private:
  std::array<Buffer, tcp_stream::pieces_max> pieces_;
  std::size_t count_ = 0;
};

/// A piece of a file on its way to a socket.
struct file_piece {
  int socket = -1;
  int file = -1;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;

  std::uint64_t sent = 0;
  int error_number = 0; ///< of a call that sent nothing
  bool has_file_ended = false;

  /// Does the kernel seem to have the piece in memory, so that `send` doesn't wait for the disk?
  /// Looks at the first and the last byte.
  bool is_in_memory() const;
  /// Sends what the socket takes at once.
  void send();
};

} // namespace atl::net
