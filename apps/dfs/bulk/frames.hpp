#pragma once

#include "bulk/bulk_protocol.hpp"
#include "bulk/socket.hpp"

#include <atoll/core/error.hpp>

#include <string>

namespace dfs {

struct frame {
  wire::op what = wire::op::reply;
  std::string body;
};

atl::status send_frame(tcp_socket& over, wire::op what, std::string_view body,
                       const io_timeout& wait);

/// Receives the next frame and checks it. @param for_header how long to wait for the frame's
/// header. @returns `corrupt` or `refused` when the bytes are no valid frame; other errors come
/// from the socket.
atl::result<frame> receive_frame(tcp_socket& over, const io_timeout& for_header,
                                 const io_timeout& for_body);

/// The reply to a request.
struct reply {
  atl::status outcome; ///< the error that the node replied with
  std::string payload;
};
/// Waits for the reply to a request, as long as the node reports that it is still working. @param
/// first how long to wait for the first frame. @param afterwards how long to wait after each such
/// report.
atl::result<reply> receive_reply(tcp_socket& over, const io_timeout& first,
                                 const io_timeout& afterwards);

} // namespace dfs
