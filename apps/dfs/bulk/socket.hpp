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

/// A TCP connection whose every operation ends: done, failed, without progress for too long
/// (errc::timeout), or interrupted through its loop (errc::unavailable). After an error the
/// connection is of no further use. It takes one descriptor. For one thread, its loop's.
class tcp_socket {
 public:
  using mutable_buffer = boost::asio::mutable_buffer;
  using const_buffer = boost::asio::const_buffer;

  /// Pieces at most in one scattered or gathered operation.
  static constexpr std::size_t max_pieces = 4;

  explicit tcp_socket(io_loop& loop);
  ~tcp_socket();
  tcp_socket(const tcp_socket&) = delete;
  tcp_socket& operator=(const tcp_socket&) = delete;

  atl::status connect(const atl::endpoint& to, std::chrono::milliseconds timeout);
  /// Takes over an open connection; closes it if that fails.
  atl::status adopt(int fd);
  /// Hands the open connection to someone else; -1 if there is none.
  int release();
  bool is_open() const { return fd_ >= 0; }
  /// For a few bytes that another thread sends meanwhile; -1: not open.
  int native_handle() const { return fd_; }
  void close();
  /// Nothing has come that nobody asked for: neither bytes nor the end.
  bool is_quiet();
  const std::string& peer() const { return peer_; }

  /// As many bytes as there are, at least one. Fills the pieces in order.
  atl::result<std::size_t> read_some(std::span<const mutable_buffer> into, const patience& wait);
  atl::status read(std::span<const mutable_buffer> into, const patience& wait);
  atl::status read(void* into, std::size_t size, const patience& wait);
  /// Waits for the next `size` bytes (a few), and leaves them to be read.
  atl::status peek(void* into, std::size_t size, const patience& wait);
  atl::status write(std::span<const const_buffer> from, const patience& wait);
  atl::status write(std::string_view from, const patience& wait);
  /// Sends a range of a file without copying it. errc::io: the file can't be read.
  atl::status send_file(int fd, std::uint64_t offset, std::uint64_t size, const patience& wait);

  /// One read and one write can go on while the thread does something else; they move when it waits
  /// for anything on the same loop. What the pieces refer to must stay.
  void start_read(std::span<const mutable_buffer> into);
  atl::status finish_read(const patience& wait);
  void start_write(std::span<const const_buffer> from);
  atl::status finish_write(const patience& wait);

  /// Says that nothing more will be sent, and reads what the peer still had under way: closing
  /// before would break the connection, and with it take the last reply from the peer.
  void linger_and_close();

 private:
  friend class io_loop;

  /// What is left to move one way.
  template <class Buffer>
  struct direction {
    std::array<Buffer, max_pieces> pieces;
    std::size_t count = 0;
    bool active = false;
    atl::status outcome;
    steady::time_point last_progress;

    void begin(std::span<const Buffer> from);
    bool advance(std::size_t bytes); ///< true: all is done
    void call_off(const std::string& peer);
  };

  /// What the loop is to wait for, and what is done once it is there.
  short wanted_events() const;
  void on_ready(short events);
  /// Move what can be moved without waiting.
  void go_on_reading();
  void go_on_writing();
  template <class Buffer>
  atl::status finish(direction<Buffer>& which, const patience& wait);
  /// Waits until the socket is readable or writable.
  atl::status wait_for(short events, const patience& wait, steady::time_point last_progress);
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
  std::string peer_ = "nobody";
  direction<mutable_buffer> in_;
  direction<const_buffer> out_;
};

} // namespace dfs
