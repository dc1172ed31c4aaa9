#include "atomic_counters.hpp"
#include "listener.hpp"

#include <atoll/core/log_limiter.hpp>
#include <atoll/core/logging.hpp>
#include <atoll/net/gatekeeper.hpp>
#include <atoll/net/net_limits.hpp>

#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <list>
#include <mutex>
#include <utility>

namespace atl::net {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using clock = std::chrono::steady_clock;

/// A connection whose peer is not proved yet.
struct candidate {
  candidate(tcp::socket accepted, net::handshake begun, std::string address)
      : socket{std::move(accepted)}, handshake{std::move(begun)}, from{std::move(address)} {}

  tcp::socket socket;
  net::handshake handshake;
  std::string from; ///< the peer's address, for messages
  clock::time_point deadline = clock::now() + handshake_timeout;
  std::array<char, 512> buffer{};
  bool is_closed = false;
  bool is_challenged = false;  ///< the peer speaks this protocol
  bool is_refused = false;     ///< told why; waits until the peer closes the connection
  std::size_t thrown_away = 0; ///< bytes that came after the refusal
};

using candidate_ptr = std::shared_ptr<candidate>;

} // namespace

class gatekeeper::implementation : public std::enable_shared_from_this<implementation> {
 public:
  implementation(asio::io_context& context, gatekeeper_settings given, on_admitted admit)
      : context_{context}, settings_{std::move(given)}, admit_{std::move(admit)},
        self_{settings_.self}, timer_{context} {}

  status open();
  void close();

  const endpoint& listens_at() const { return listens_at_; }
  gatekeeper_counters counters() const { return counters_.read(); }
  void introduce_as(identity self) {
    std::lock_guard lock{self_mutex_};
    self_ = std::move(self);
  }

 private:
  void on_connection(tcp::socket socket);
  void displace();
  void receive(const candidate_ptr& who);
  void on_bytes(const candidate_ptr& who, std::string_view bytes);
  bool flush(candidate& who);
  void let_in(const candidate_ptr& who);
  void turn_away(const candidate_ptr& who);
  void end(candidate_ptr who);
  void arm();
  std::size_t limit_for(const identity& who) const {
    auto kept = who.role == settings_.spare_role ? settings_.reserve : 0;
    return settings_.connections_max - std::min(kept, settings_.connections_max);
  }
  identity self() const {
    std::lock_guard lock{self_mutex_};
    return self_;
  }

  asio::io_context& context_; ///< owns the handlers that own this object
  const gatekeeper_settings settings_;
  on_admitted admit_;
  mutable std::mutex self_mutex_;
  identity self_;
  asio::steady_timer timer_;
  endpoint listens_at_;
  std::shared_ptr<listener> listener_;
  std::list<candidate_ptr> candidates_; ///< the oldest first
  std::shared_ptr<std::atomic<std::size_t>> places_ = std::make_shared<std::atomic<std::size_t>>(0);
  atomic_counters counters_;
  log_limiter log_;
};

status gatekeeper::implementation::open() {
  auto where = settings_.listen;
  if (settings_.secret.empty()) {
    auto loopback = loopback_of(where);
    if (!loopback)
      return tl::unexpected{loopback.error()};
    if (*loopback != where)
      log::warning(to_string(settings_.self.plane), "",
                   "listens on {} instead of {}: without a secret (cluster.secret_file) nobody is "
                   "let in from other machines",
                   atl::to_string(*loopback), atl::to_string(where));
    where = *loopback;
  }
  auto without_descriptor = handshake::accept(self(), settings_.secret, {}, {});
  without_descriptor.refuse(refusal::busy, "this process has as many files open as it may");
  auto opened = listener::open(
      context_, where,
      [weak = weak_from_this()](tcp::socket socket) {
        if (auto self = weak.lock())
          self->on_connection(std::move(socket));
      },
      without_descriptor.take_output());
  if (!opened)
    return tl::unexpected{opened.error()};
  listener_ = std::move(*opened);
  listens_at_ = listener_->where();
  return {};
}

void gatekeeper::implementation::close() {
  admit_ = nullptr;
  if (listener_)
    listener_->close();
  for (auto& who : std::exchange(candidates_, {}))
    who->socket.close();
  timer_.cancel();
}

// -- candidates ---------------------------------------------------------------

void gatekeeper::implementation::on_connection(tcp::socket socket) {
  if (!admit_)
    return;
  if (candidates_.size() >= settings_.unproved_max)
    displace();
  error_code ignored;
  auto remote = socket.remote_endpoint(ignored);
  socket.set_option(tcp::no_delay{true}, ignored);
  auto who = std::make_shared<candidate>(
      std::move(socket), handshake::accept(self(), settings_.secret, draw_nonce(), draw_link_id()),
      remote.address().to_string(ignored));
  candidates_.push_back(who);
  if (candidates_.size() == 1)
    arm();
  receive(who);
}

/// Closes a connection for a newer one: one that is refused already, or else the oldest one. Its
/// peer is told to come again if it speaks this protocol, so that it doesn't take the node for one
/// that has failed.
void gatekeeper::implementation::displace() {
  auto refused = std::find_if(candidates_.begin(), candidates_.end(),
                              [](auto& who) { return who->is_refused; });
  if (refused != candidates_.end())
    return end(*refused);
  ++counters_.displaced;
  auto& oldest = *candidates_.front();
  if (oldest.is_challenged) {
    oldest.handshake.refuse(refusal::busy,
                            "too many connections are made at the same time; try again");
    flush(oldest);
  }
  end(candidates_.front());
}

void gatekeeper::implementation::receive(const candidate_ptr& who) {
  who->socket.async_receive(asio::buffer(who->buffer),
                            [self = shared_from_this(), who](error_code problem, std::size_t size) {
                              if (who->is_closed || !self->admit_)
                                return;
                              if (!problem)
                                return self->on_bytes(who, {who->buffer.data(), size});
                              if (!who->is_refused)
                                ++self->counters_.hung_up;
                              self->end(who);
                            });
}

void gatekeeper::implementation::on_bytes(const candidate_ptr& who, std::string_view bytes) {
  if (who->is_refused) {
    who->thrown_away += bytes.size();
    return who->thrown_away > refused_bytes_max ? end(who) : receive(who);
  }
  auto state = who->handshake.receive(bytes);
  if (state == handshake::state::done)
    return let_in(who);
  if (state == handshake::state::failed)
    return turn_away(who);
  if (!flush(*who)) {
    ++counters_.hung_up;
    return end(who);
  }
  receive(who);
}

/// The messages of a handshake fit into the buffer of a new connection.
bool gatekeeper::implementation::flush(candidate& who) {
  auto out = who.handshake.take_output();
  error_code problem;
  who.is_challenged = who.is_challenged || !out.empty();
  return out.empty() || who.socket.send(asio::buffer(out), 0, problem) == out.size();
}

/// The place is counted before the last message of the handshake is sent, so that a connection that
/// is one too many is refused instead of welcomed.
void gatekeeper::implementation::let_in(const candidate_ptr& who) {
  if (*places_ >= limit_for(who->handshake.peer())) {
    who->handshake.refuse(
        refusal::busy,
        fmt::format("there are {} connections already, as many as are allowed", places_->load()));
    return turn_away(who);
  }
  if (!flush(*who)) {
    ++counters_.hung_up;
    return end(who);
  }
  ++counters_.admitted;
  ++*places_;
  std::shared_ptr<void> place{nullptr, [count = places_](void*) { --*count; }};
  who->is_closed = true;
  std::erase(candidates_, who);
  // Whoever is called may destroy the gatekeeper.
  auto admit = admit_;
  admit({std::move(who->socket), who->handshake.peer(), who->handshake.wire_version(),
         who->handshake.link(), std::move(place)});
}

/// Counts the refusal and tells a peer that speaks this protocol why. The connection stays, within
/// its time, until the peer closes it: closed at once, it might be reset before the peer has read.
/// Text of a stranger reaches the log only as far as the handshake admits it, and once a second.
void gatekeeper::implementation::turn_away(const candidate_ptr& who) {
  auto why = who->handshake.why();
  ++counters_.refused[static_cast<std::size_t>(why)];
  if (auto held_back = log_.pass())
    log::warning(to_string(settings_.self.plane), "",
                 "refused a connection from {} ({}): {} ({} more like this)", who->from,
                 to_string(why), who->handshake.problem().message, *held_back);
  auto out = who->handshake.take_output();
  error_code problem;
  if (out.empty() || who->socket.send(asio::buffer(out), 0, problem) != out.size())
    return end(who);
  who->socket.shutdown(tcp::socket::shutdown_send, problem);
  who->is_refused = true;
  receive(who);
}

void gatekeeper::implementation::end(candidate_ptr who) {
  who->is_closed = true;
  error_code ignored;
  who->socket.close(ignored);
  std::erase(candidates_, who);
}

/// Closes the candidates whose time is over.
void gatekeeper::implementation::arm() {
  timer_.expires_at(candidates_.front()->deadline);
  timer_.async_wait([self = shared_from_this()](error_code cancelled) {
    if (cancelled || !self->admit_)
      return;
    auto now = clock::now();
    while (!self->candidates_.empty() && self->candidates_.front()->deadline <= now) {
      if (!self->candidates_.front()->is_refused)
        ++self->counters_.timed_out;
      self->end(self->candidates_.front());
    }
    if (!self->candidates_.empty())
      self->arm();
  });
}

// -- public face --------------------------------------------------------------

gatekeeper::gatekeeper(std::shared_ptr<asio::io_context> context,
                       std::shared_ptr<implementation> impl)
    : context_{std::move(context)}, impl_{std::move(impl)} {}

gatekeeper::~gatekeeper() {
  // In the context's thread, or, if the context has ended, never: then nothing is called any more.
  asio::dispatch(*context_, [impl = impl_] { impl->close(); });
}

void gatekeeper::close() {
  std::promise<void> closed;
  asio::dispatch(*context_, [&] {
    impl_->close();
    closed.set_value();
  });
  closed.get_future().wait();
}

result<std::unique_ptr<gatekeeper>>
gatekeeper::open(const std::shared_ptr<asio::io_context>& context, gatekeeper_settings settings,
                 on_admitted admit) {
  auto impl = std::make_shared<implementation>(*context, std::move(settings), std::move(admit));
  if (auto opened = impl->open(); !opened)
    return tl::unexpected{opened.error()};
  return std::unique_ptr<gatekeeper>{new gatekeeper{context, std::move(impl)}};
}

const endpoint& gatekeeper::listens_at() const {
  return impl_->listens_at();
}

gatekeeper_counters gatekeeper::counters() const {
  return impl_->counters();
}

void gatekeeper::introduce_as(identity self) {
  impl_->introduce_as(std::move(self));
}

} // namespace atl::net
