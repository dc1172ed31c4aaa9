#pragma once

#include "bulk/fragment_copy.hpp"
#include "bulk/frames.hpp"
#include "bulk/relay.hpp"
#include "bulk/shared_state.hpp"

#include <atoll/net/tcp_stream.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace dfs {

/// A connection of a bulk server: answers requests until the peer disconnects, sends malformed
/// bytes, or is idle for too long. For the context's thread.
class session {
 public:
  template <class T>
  using awaitable = boost::asio::awaitable<T>;

  session(bulk_shared& shared, std::shared_ptr<boost::asio::io_context> context,
          atl::net::tcp_stream peer);

  /// Serves the connection. Called once.
  awaitable<void> run();
  /// Makes `run` return soon.
  void interrupt();

 private:
  /// Whether the connection may be used for another request.
  enum class next : bool { close, serve };

  awaitable<next> serve_next();
  awaitable<next> serve(frame request);
  awaitable<next> serve_read(wire::read_request request);
  awaitable<next> serve_write(wire::write_request request);
  awaitable<next> serve_report(wire::report_request request);
  awaitable<next> serve_copy(wire::copy_request request);
  awaitable<next> serve_probe(wire::probe_request request);
  atl::status admit(bulk_access what, std::string_view token, const fragment_key& key) const;
  awaitable<next> answer(std::string_view body);
  awaitable<next> answer_failure(const atl::error& why);
  awaitable<next> refuse(const atl::error& why);
  next report_error(const atl::error& why);
  atl::net::io_timeout wait() const;

  bulk_shared& shared_;
  std::shared_ptr<boost::asio::io_context> context_;
  atl::net::tcp_stream peer_;
  relay* relay_ = nullptr;        ///< the write under way
  fragment_copy* copy_ = nullptr; ///< the copy under way
};

} // namespace dfs
