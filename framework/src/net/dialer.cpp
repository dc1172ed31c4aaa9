#include "connector.hpp"

#include <atoll/net/dialer.hpp>
#include <atoll/net/net_limits.hpp>
#include <atoll/net/resolve.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <utility>

namespace atl::net {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// One call of `dial`: owned by its handlers, so it ends with the last of them.
class attempt : public std::enable_shared_from_this<attempt> {
 public:
  using completion = std::function<void(tl::expected<dialed, dial_failure>)>;

  attempt(asio::io_context& context, dial_request request, completion done)
      : context_{context}, request_{std::move(request)}, done_{std::move(done)}, deadline_{
                                                                                     context} {}

  void start(const std::shared_ptr<asio::io_context>& context) {
    deadline_.expires_after(request_.timeout);
    deadline_.async_wait([self = shared_from_this()](error_code cancelled) {
      if (!cancelled)
        self->on_timeout();
    });
    // Until the deadline the timer's handler owns this object; a look-up may take longer.
    resolve(context, request_.where, [weak = weak_from_this()](result<addresses> found) {
      if (auto self = weak.lock())
        self->on_resolved(std::move(found));
    });
  }

 private:
  // -- connecting -------------------------------------------------------------

  void on_resolved(result<addresses> found) {
    if (!done_)
      return;
    if (!found)
      return fail({found.error(), false});
    connector_ =
        connector::start(context_, std::move(*found),
                         [weak = weak_from_this()](error_code problem, tcp::socket socket) {
                           if (auto self = weak.lock())
                             self->on_connected(problem, std::move(socket));
                         });
  }

  void on_connected(error_code problem, tcp::socket socket) {
    if (problem)
      return fail(
          {{code_of(problem), describe(problem)}, problem == asio::error::connection_refused});
    socket_ = std::move(socket);
    shake_hands();
  }

  /// A process that has as many files open as it may has not found out anything about the peer.
  static errc code_of(error_code problem) {
    bool out_of_descriptors = problem == asio::error::no_descriptors ||
                              problem == boost::system::errc::too_many_files_open_in_system;
    return out_of_descriptors ? errc::busy : errc::unavailable;
  }

  static std::string describe(error_code problem) {
    if (problem == asio::error::connection_refused)
      return "connection refused";
    auto text = problem.message();
    if (!text.empty())
      text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    return text;
  }

  // -- handshake --------------------------------------------------------------

  void shake_hands() {
    error_code ignored;
    socket_->set_option(tcp::no_delay{true}, ignored);
    socket_->non_blocking(true, ignored);
    handshake_ = handshake::dial(request_.self, request_.secret, draw_nonce());
    flush();
    receive();
  }

  /// The messages of a handshake fit into the buffer of a new connection. A peer that refuses may
  /// close the connection before it has read them: then its reason waits to be received.
  void flush() {
    auto out = handshake_->take_output();
    error_code broken;
    if (!out.empty())
      socket_->send(asio::buffer(out), 0, broken);
  }

  /// Reads nothing beyond the handshake.
  void receive() {
    if (!done_)
      return;
    auto size = std::min(buffer_.size(), handshake_->bytes_wanted());
    socket_->async_receive(asio::buffer(buffer_, size),
                           [self = shared_from_this()](error_code problem, std::size_t size) {
                             if (!self->done_)
                               return;
                             if (problem)
                               return self->hung_up();
                             self->on_bytes({self->buffer_.data(), size});
                           });
  }

  void on_bytes(std::string_view bytes) {
    auto state = handshake_->receive(bytes);
    flush();
    if (state == handshake::state::running)
      return receive();
    if (state == handshake::state::failed)
      return fail({handshake_->problem(), false});
    deadline_.cancel();
    std::exchange(done_, nullptr)(dialed{std::move(*socket_), handshake_->peer(),
                                         handshake_->wire_version(), handshake_->link()});
  }

  // -- ending -----------------------------------------------------------------

  void on_timeout() {
    if (!done_)
      return;
    auto text = socket_ ? "no answer to the handshake in time" : "no answer in time";
    fail({{errc::timeout, text}, false});
  }

  void hung_up() {
    fail({{errc::unavailable,
           "what listens there is no node of this version, or closed the connection at once"},
          false});
  }

  void fail(dial_failure why) {
    auto done = std::exchange(done_, nullptr);
    deadline_.cancel();
    if (connector_)
      connector_->cancel();
    error_code ignored;
    if (socket_)
      socket_->close(ignored);
    done(tl::unexpected{std::move(why)});
  }

  asio::io_context& context_; ///< owns the handlers that own this object
  dial_request request_;
  completion done_; ///< null once it was called
  asio::steady_timer deadline_;
  std::shared_ptr<connector> connector_;
  std::optional<tcp::socket> socket_; ///< once it is connected
  std::optional<handshake> handshake_;
  std::array<char, 512> buffer_{};
};

} // namespace

void dial(const std::shared_ptr<asio::io_context>& context, dial_request request,
          std::function<void(tl::expected<dialed, dial_failure>)> done) {
  std::make_shared<attempt>(*context, std::move(request), std::move(done))->start(context);
}

} // namespace atl::net
