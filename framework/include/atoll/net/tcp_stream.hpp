#pragma once

#include <atoll/core/error.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace atl::net {

class worker_pool;

/// How long an operation waits for a peer.
struct io_timeout {
  using clock = std::chrono::steady_clock;
  std::chrono::milliseconds progress;                    ///< the longest time without a byte
  clock::time_point deadline = clock::time_point::max(); ///< bound of the total time
};

/// A connected TCP stream for coroutines. Every operation ends: it succeeds, fails (unavailable),
/// makes no progress for too long (timeout), or ends with unavailable because the stream was
/// closed. After an error the stream can't be used any more, and its owner closes it.
///
/// An operation tries the system call first and waits for the socket only if the call would block,
/// so a busy stream costs few switches. A stream that moves much data gives other streams of its
/// thread a turn from time to time. The stream buffers nothing. One read and one write may be under
/// way at a time.
///
/// For the thread of its context. Memory that an operation reads or fills must stay valid until the
/// operation ends.
class tcp_stream {
 public:
  using mutable_buffer = boost::asio::mutable_buffer;
  using const_buffer = boost::asio::const_buffer;
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  /// Bound of the pieces in one scattered or gathered operation.
  static constexpr std::size_t pieces_max = 4;

  /// A stream that isn't open.
  tcp_stream() = default;
  /// Takes over a connected socket.
  explicit tcp_stream(boost::asio::ip::tcp::socket connected);
  /// Takes over an open connection, and closes it if that fails. Errors: unavailable.
  static result<tcp_stream> adopt(boost::asio::io_context& context, int fd);
  tcp_stream(tcp_stream&&) noexcept = default;
  tcp_stream& operator=(tcp_stream&& other) noexcept;
  /// Calls `close`.
  ~tcp_stream();

  bool is_open() const;
  /// Ends the operations that are under way, which complete later, and closes the connection.
  void close();
  /// Releases the connection's descriptor to the caller. @pre the stream is open, and no operation
  /// is under way
  int release();
  /// Continues in another context. @pre no operation is under way
  status move_to(boost::asio::io_context& context);
  /// Is the stream open, and has neither an unexpected byte nor the peer's end of the stream
  /// arrived?
  bool is_quiet() const;
  /// The descriptor; -1 if the stream isn't open.
  int native_handle() const;
  /// The peer's address, for messages.
  const std::string& peer() const;

  /// Reads the bytes that are there, at least one, into the pieces in order.
  awaitable<result<std::size_t>> read_some(std::span<const mutable_buffer> into, io_timeout wait);
  /// Fills all pieces.
  awaitable<status> read(std::span<const mutable_buffer> into, io_timeout wait);
  awaitable<status> read(void* into, std::size_t size, io_timeout wait);
  awaitable<status> write(std::span<const const_buffer> from, io_timeout wait);
  awaitable<status> write(std::string_view from, io_timeout wait);
  /// Sends a range of a file without copying it. Bytes that aren't in memory are read by a thread
  /// of the pool. Errors: also io, if the file can't be read or is too short.
  awaitable<status> send_file(int file, std::uint64_t offset, std::uint64_t size, io_timeout wait,
                              worker_pool& disk);
  /// Shuts the sending side down, and reads for at most `longest` what the peer still sends:
  /// closing the connection earlier would reset it, and the peer would lose the last reply.
  awaitable<void> linger_and_close(std::chrono::milliseconds longest);

 private:
  struct state;
  explicit tcp_stream(std::shared_ptr<state> open);

  std::shared_ptr<state> state_; ///< null: not open; shared with the operations under way
};

} // namespace atl::net
