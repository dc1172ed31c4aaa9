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
                       const patience& wait);

/// The next frame, checked. `for_header` is how long it may be until one begins. Errors: corrupt or
/// refused for bytes that are no frame of ours, and those of the socket.
atl::result<frame> receive_frame(tcp_socket& over, const patience& for_header,
                                 const patience& for_body);

/// What a request was answered with.
struct reply {
  atl::status outcome; ///< the error that the node replied with
  std::string payload;
};
/// Waits for the reply to a request, however often the node says that it is still working.
/// `first` is for what comes first, `afterwards` for what follows such a sign.
atl::result<reply> receive_reply(tcp_socket& over, const patience& first,
                                 const patience& afterwards);

} // namespace dfs
