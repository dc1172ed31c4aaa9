#pragma once

#include "bulk/io_loop.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace dfs {

/// A TCP connection whose every operation ends: it succeeds, fails, makes no progress for too long
/// (errc::timeout), or is interrupted through its loop (errc::unavailable). After an error the
/// connection can't be used again. It needs one descriptor. For the loop's thread only.
class tcp_socket {
 public:
  using mutable_buffer = boost::asio::mutable_buffer;
  using const_buffer = boost::asio::const_buffer;

  /// Bound of the pieces in one scattered or gathered operation.
  static constexpr std::size_t pieces_max = 4;

  explicit tcp_socket(io_loop& loop);
  ~tcp_socket();
  tcp_socket(const tcp_socket&) = delete;
  tcp_socket& operator=(const tcp_socket&) = delete;

  atl::status connect(const atl::endpoint& to, std::chrono::milliseconds timeout);
  /// Takes over an open connection; closes it if that fails.
  atl::status adopt(int fd);
  /// Releases the open connection to the caller; -1 if there is none.
  int release();
  bool is_open() const { return fd_ >= 0; }
  /// The descriptor, for a few bytes that another thread sends at the same time; -1: not open.
  int native_handle() const { return fd_; }
  void close();
  /// Has neither an unexpected byte nor the end of the stream arrived?
  bool is_quiet();
  const std::string& peer() const { return peer_; }

  /// Reads the bytes that are there, at least one, into the pieces in order.
  atl::result<std::size_t> read_some(std::span<const mutable_buffer> into, const io_timeout& wait);
  atl::status read(std::span<const mutable_buffer> into, const io_timeout& wait);
  atl::status read(void* into, std::size_t size, const io_timeout& wait);
  /// Waits for the next few bytes and copies them without consuming them.
  atl::status peek(void* into, std::size_t size, const io_timeout& wait);
  atl::status write(std::span<const const_buffer> from, const io_timeout& wait);
  atl::status write(std::string_view from, const io_timeout& wait);
  /// Sends a range of a file without copying it. errc::io: the file can't be read.
  atl::status send_file(int fd, std::uint64_t offset, std::uint64_t size, const io_timeout& wait);

  /// One read and one write can be under way while the thread does other work; they progress when
  /// the thread waits for anything on the same loop. @pre the pieces' memory stays valid until the
  /// operation ends.
  void start_read(std::span<const mutable_buffer> into);
  atl::status finish_read(const io_timeout& wait);
  void start_write(std::span<const const_buffer> from);
  atl::status finish_write(const io_timeout& wait);

  /// Shuts the sending side down, and reads what the peer still sends: closing the connection
  /// earlier would reset it, and the peer would lose the last reply.
  void linger_and_close();

 private:
  friend class io_loop;

  /// The rest of a transfer in one direction.
  template <class Buffer>
  struct direction {
    std::array<Buffer, pieces_max> pieces;
    std::size_t count = 0;
    bool active = false;
    atl::status outcome;
    steady::time_point last_progress;

    void begin(std::span<const Buffer> from);
    bool advance(std::size_t bytes); ///< true: the transfer is complete
    void call_off(const std::string& peer);
  };

  /// The events that the loop waits for, and their handlers.
  short wanted_events() const;
  void on_ready(short events);
  /// Transfer what is possible without waiting.
  void continue_reading();
  void continue_writing();
  template <class Buffer>
  atl::status finish(direction<Buffer>& which, const io_timeout& wait);
  /// Waits until the socket is readable or writable.
  atl::status wait_for(short events, const io_timeout& wait, steady::time_point last_progress);
  atl::status connect_to(const boost::asio::ip::tcp::endpoint& address,
                         steady::time_point deadline);
  void take(int fd);
  atl::status prepare();
  atl::error failed(int error_number) const;
  atl::error ended() const;
  atl::error stalled() const;
  atl::error interrupted() const;

  io_loop& loop_;
  int fd_ = -1;
  short awaited_ = 0; ///< events that `wait_for` waits for
  std::string peer_ = "no peer";
  direction<mutable_buffer> in_;
  direction<const_buffer> out_;
};

} // namespace dfs
