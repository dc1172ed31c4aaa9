#pragma once

#include "bulk/bulk_protocol.hpp"

#include <atoll/core/error.hpp>
#include <atoll/net/tcp_stream.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>

namespace dfs {

struct frame {
  wire::op what = wire::op::reply;
  std::string body;
};

// In each function the stream, and the body, outlive the call.

boost::asio::awaitable<atl::status> send_frame(atl::net::tcp_stream& over, wire::op what,
                                               std::string_view body, atl::net::io_timeout wait);

/// Receives the next frame and checks it. @param for_header how long to wait for the frame's
/// header. @returns `corrupt` or `refused` when the bytes are no valid frame; other errors come
/// from the stream.
boost::asio::awaitable<atl::result<frame>> receive_frame(atl::net::tcp_stream& over,
                                                         atl::net::io_timeout for_header,
                                                         atl::net::io_timeout for_body);

/// The reply to a request.
struct reply {
  atl::status outcome; ///< the error that the node replied with
  std::string payload;
};
/// Errors: corrupt if the frame is no reply. @param peer for messages
atl::result<reply> decode_reply_frame(const frame& got, const std::string& peer);
/// Waits for the reply to a request, as long as the node reports that it is still working. @param
/// first how long to wait for the first frame. @param afterwards how long to wait after each such
/// report.
boost::asio::awaitable<atl::result<reply>> receive_reply(atl::net::tcp_stream& over,
                                                         atl::net::io_timeout first,
                                                         atl::net::io_timeout afterwards);

} // namespace dfs
