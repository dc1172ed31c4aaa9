#pragma once

#include <atoll/core/error.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace atl::net {

/// Whole messages over a proved connection, in both directions and in order. On the wire each
/// message is its size, its CRC-32C, and its bytes. A message that is too large or damaged closes
/// the channel. A message takes memory as it arrives, not as it is announced.
///
/// All functions are for the thread of the socket's context, and a channel must be released before
/// the context is destroyed.
class channel : public std::enable_shared_from_this<channel> {
 public:
  struct settings {
    std::size_t message_bytes_max = 1 << 20; ///< of one message, either way
    std::size_t queue_bytes_max = 32 << 20;  ///< of memory for messages that wait to be sent
  };
  struct handlers {
    /// The view is valid during the call. An exception closes the channel.
    std::function<void(std::string_view)> on_message;
    /// Called once, unless the channel was closed by `close`; never from within `send`.
    std::function<void(const error&)> on_closed;
  };

  /// @param place released when the channel is closed (`admitted::place`); may be null
  static std::shared_ptr<channel> open(boost::asio::ip::tcp::socket socket, settings limits,
                                       handlers then, std::shared_ptr<void> place = nullptr);
  channel(boost::asio::ip::tcp::socket socket, settings limits, handlers then,
          std::shared_ptr<void> place);

  /// Queues the message `head` followed by `body`. @returns false, and drops the message, if it is
  /// too large, the queue is full, or the channel is closed.
  bool send(std::string_view head, std::string body);
  /// Bytes of messages that are not yet with the kernel.
  std::size_t queued_bytes() const { return queued_bytes_; }
  bool is_open() const { return is_open_; }
  /// Did the peer take nothing since the last call, though something waited all the time?
  bool is_stuck();
  /// Drops what is queued. The handlers aren't called any more, and are released.
  void close();
  /// `close`, from any thread.
  void close_soon();

 private:
  struct outgoing {
    std::string front; ///< size, checksum, head
    std::string body;
  };

  void wait_for_bytes();
  void on_readable();
  bool take_in(std::string_view bytes);
  bool on_header(std::string_view header);
  bool deliver(std::string_view message);
  void schedule_flush();
  void flush();
  void drop_sent(std::size_t bytes);
  void fail(errc code, std::string text);

  boost::asio::ip::tcp::socket socket_;
  const settings limits_;
  std::shared_ptr<handlers> then_; ///< null once the channel is closed
  std::shared_ptr<void> place_;
  bool is_open_ = true;

  std::string partial_; ///< the beginning of a message, with its header
  std::deque<outgoing> queue_;
  std::size_t sent_of_first_ = 0; ///< bytes of the first message that the kernel has taken
  std::size_t queued_bytes_ = 0;
  bool is_idle_since_check_ = false; ///< nothing was sent since `is_stuck`, and something waited
  bool is_flush_scheduled_ = false;  ///< or waiting until the socket takes more
};

} // namespace atl::net
