#pragma once

#include <atoll/net/tcp_stream.hpp>

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <memory>

namespace dfs {

/// Reports to a peer that this node is alive while a request waits for the disk: sends
/// `wire::op::working` at an interval until it is destroyed, for `working_time_max` at most. During
/// that time no other code may write to the stream. For the context's thread.
class pulse {
 public:
  /// @pre the stream outlives this object
  pulse(boost::asio::io_context& context, atl::net::tcp_stream& over,
        std::chrono::milliseconds interval);
  ~pulse();
  pulse(const pulse&) = delete;
  pulse& operator=(const pulse&) = delete;

 private:
  struct ticker;
  std::shared_ptr<ticker> ticker_; ///< shared with the handler of its timer
};

} // namespace dfs
