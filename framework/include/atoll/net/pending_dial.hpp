#pragma once

#include <atoll/net/dialer.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>

namespace atl::net {

/// A connection that a coroutine makes and that can be given up. For the context's thread.
class pending_dial {
 public:
  pending_dial() = default;
  /// Calls `cancel`.
  ~pending_dial() { cancel(); }
  pending_dial(const pending_dial&) = delete;
  pending_dial& operator=(const pending_dial&) = delete;

  /// `dial` (dialer.hpp). Errors: as there, with the address in front of the message; unavailable
  /// after `cancel`. @pre no other call is under way
  boost::asio::awaitable<result<dialed>>
  run(const std::shared_ptr<boost::asio::io_context>& context, dial_request request);
  /// Gives up a call that is under way, which returns later.
  void cancel();

 private:
  struct outcome;
  std::shared_ptr<outcome> outcome_; ///< of the call under way
};

} // namespace atl::net
