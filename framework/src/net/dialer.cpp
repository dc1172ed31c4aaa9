#include <atoll/net/dialer.hpp>
#include <atoll/net/net_limits.hpp>
#include <atoll/net/resolve.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include <array>
#include <list>
#include <optional>
#include <utility>

namespace atl::net {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// One call of `dial`: owned by its handlers, so it ends with the last of them, or with the
/// context.
class attempt : public std::enable_shared_from_this<attempt> {
 public:
  using completion = std::function<void(tl::expected<dialed, dial_failure>)>;

  attempt(asio::io_context& context, dial_request request, completion done)
      : context_{context}, request_{std::move(request)}, done_{std::move(done)}, deadline_{context},
        next_address_{context} {}

  void start(const std::shared_ptr<asio::io_context>& context) {
    deadline_.expires_after(request_.timeout);
    deadline_.async_wait([self = shared_from_this()](error_code cancelled) {
      if (!cancelled)
        self->on_timeout();
    });
    // The thread of the look-up must not be the last owner: it may outlive the context.
    resolve(context, request_.where, [weak = weak_from_this()](result<addresses> found) {
      auto self = weak.lock();
      if (!self || !self->done_)
        return;
      if (!found)
        return self->fail({found.error(), false});
      self->addresses_ = std::move(*found);
      self->connect_next();
    });
  }

 private:
  // -- connecting -------------------------------------------------------------

  void connect_next() {
    if (next_ == addresses_.size() || connected_)
      return;
    auto& socket = sockets_.emplace_back(context_);
    auto address = addresses_[next_++];
    socket.async_connect(address, [self = shared_from_this(), &socket](error_code problem) {
      self->on_connected(socket, problem);
    });
    if (next_ == addresses_.size())
      return;
    next_address_.expires_after(next_address_delay);
    next_address_.async_wait([self = shared_from_this()](error_code cancelled) {
      if (!cancelled && self->done_)
        self->connect_next();
    });
  }

  void on_connected(tcp::socket& socket, error_code problem) {
    if (!done_ || connected_)
      return;
    if (!problem) {
      connected_ = std::move(socket);
      next_address_.cancel();
      return shake_hands();
    }
    if (!connect_problem_ || problem == asio::error::connection_refused)
      connect_problem_ = problem;
    ++failed_addresses_;
    if (failed_addresses_ == addresses_.size())
      return fail({{errc::unavailable, describe(*connect_problem_)},
                   *connect_problem_ == asio::error::connection_refused});
    if (failed_addresses_ == next_) { // none is under way
      next_address_.cancel();
      connect_next();
    }
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
    connected_->set_option(tcp::no_delay{true}, ignored);
    connected_->non_blocking(true, ignored);
    handshake_ = handshake::dial(request_.self, request_.secret, draw_nonce());
    flush();
    receive();
  }

  /// The messages of a handshake fit into the buffer of a new connection.
  void flush() {
    auto out = handshake_->take_output();
    error_code problem;
    if (!out.empty() && connected_->send(asio::buffer(out), 0, problem) != out.size() && done_)
      fail({{errc::unavailable, "the connection was closed"}, false});
  }

  void receive() {
    if (!done_)
      return;
    connected_->async_receive(asio::buffer(buffer_), [self = shared_from_this()](error_code problem,
                                                                                 std::size_t size) {
      if (!self->done_)
        return;
      if (problem)
        return self->fail({{errc::unavailable, "what listens there is no node of this version, or "
                                               "closed the connection at once"},
                           false});
      self->on_bytes({self->buffer_.data(), size});
    });
  }

  void on_bytes(std::string_view bytes) {
    auto state = handshake_->receive(bytes);
    flush();
    if (!done_)
      return;
    if (state == handshake::state::running)
      return receive();
    if (state == handshake::state::failed)
      return fail({handshake_->problem(), false});
    if (!handshake_->take_rest().empty())
      return fail({{errc::corrupt, "the peer sends data before it is asked to"}, false});
    deadline_.cancel();
    std::exchange(done_, nullptr)(dialed{std::move(*connected_), handshake_->peer(),
                                         handshake_->wire_version(), handshake_->link()});
  }

  // -- ending -----------------------------------------------------------------

  void on_timeout() {
    if (!done_)
      return;
    auto text = connected_ ? "no answer to the handshake in time" : "no answer in time";
    fail({{errc::timeout, text}, false});
  }

  void fail(dial_failure why) {
    auto done = std::exchange(done_, nullptr);
    error_code ignored;
    deadline_.cancel();
    next_address_.cancel();
    for (auto& socket : sockets_)
      socket.close(ignored);
    if (connected_)
      connected_->close(ignored);
    done(tl::unexpected{std::move(why)});
  }

  asio::io_context& context_; ///< owns this object, through the handlers that wait
  dial_request request_;
  completion done_; ///< null once it was called
  asio::steady_timer deadline_;
  asio::steady_timer next_address_;
  addresses addresses_;
  std::size_t next_ = 0; ///< the address to try next
  std::size_t failed_addresses_ = 0;
  std::optional<error_code> connect_problem_;
  std::list<tcp::socket> sockets_; ///< one for each address that was tried
  std::optional<tcp::socket> connected_;
  std::optional<handshake> handshake_;
  std::array<char, 512> buffer_{};
};

} // namespace

void dial(const std::shared_ptr<asio::io_context>& context, dial_request request,
          std::function<void(tl::expected<dialed, dial_failure>)> done) {
  std::make_shared<attempt>(*context, std::move(request), std::move(done))->start(context);
}

} // namespace atl::net
