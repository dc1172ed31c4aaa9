#include "remote_node.hpp"

#include "network_actor.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>
#include <atoll/runtime/runtime_limits.hpp>
#include <atoll/spi/codec.hpp>

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <fmt/format.h>

#include <optional>
#include <utility>

namespace atl::runtime {

namespace {

/// A message on the wire: its use, the request's id, kind, digest and role of the envelope, then
/// its body. The role follows its length.
constexpr std::size_t head_bytes_max = 1 + 8 + 2 + 8 + 1 + role_name_bytes_max;

/// Larger envelopes take the bulk lane.
constexpr std::size_t urgent_bytes_max = 16 << 10;
/// Requests of a node that are under way here; the next one is answered `busy`.
constexpr std::size_t served_at_once_max = 4096;
/// A request whose reply hasn't come for so long is forgotten: its sender has given up long ago.
constexpr std::chrono::seconds request_age_max{120};
constexpr std::chrono::seconds tick_interval{10};

std::string encode_head(std::uint8_t use, std::uint64_t id, const envelope& message) {
  spi::writer out;
  out.put(use).put(id).put(message.kind).put(message.digest);
  auto role = std::string_view{message.role}.substr(0, role_name_bytes_max);
  out.put(static_cast<std::uint8_t>(role.size()));
  auto head = out.take();
  head.append(role);
  return head;
}

std::optional<envelope_arrived> decode(std::string_view bytes) {
  spi::reader in{bytes};
  envelope_arrived out;
  out.use = in.get<std::uint8_t>();
  out.id = in.get<std::uint64_t>();
  out.message.kind = static_cast<message_kind>(in.get<std::uint16_t>());
  out.message.digest = in.get<std::uint64_t>();
  auto role_bytes = in.get<std::uint8_t>();
  auto rest = in.rest();
  if (!in.ok() || role_bytes > role_name_bytes_max || role_bytes > rest.size())
    return std::nullopt;
  out.message.role = rest.substr(0, role_bytes);
  out.message.body = rest.substr(role_bytes);
  return out;
}

/// Messages of a consensus protocol stay in order, small and large ones: a protocol takes a message
/// that was overtaken for lost, and sends it again.
bool is_bulk(const envelope& message) {
  return message.kind == message_kind::consensus || message.body.size() > urgent_bytes_max;
}

} // namespace

remote_node_actor::remote_node_actor(caf::actor_config& config, settings given)
    : io_thread_actor{config}, settings_{std::move(given)} {}

/// The last handle may be dropped in any thread.
remote_node_actor::~remote_node_actor() {
  for (auto* lane : {&urgent_lane_, &bulk_lane_})
    if (*lane)
      (*lane)->close_soon();
}

caf::behavior remote_node_actor::make_behavior() {
  timer_.emplace(settings_.socket->get_executor());
  urgent_lane_ = open(std::move(*settings_.socket), std::move(settings_.place));
  settings_.socket.reset();
  arm();
  // The receiver of an envelope that nobody expects a reply to may drop it; that is no failure of
  // the connection.
  set_error_handler([](caf::scheduled_actor*, caf::error&) {});
  return {
      [this](envelope& message) { return forward(message); },
      [this](envelope_arrived& what) { on_arrived(what); },
      [this](const bulk_lane_opened& what) {
        if (!what.socket)
          return end("the second connection can't be made");
        if (bulk_lane_)
          return; // a link has one
        bulk_lane_ = open(std::move(*what.socket), what.place);
        send_held();
      },
      [this](need_bulk_lane) { open_bulk_lane(); },
      [this](const channel_closed& what) { end(what.problem.message); },
      [this](remote_node_tick) { on_tick(); },
  };
}

/// A channel of the dialed end keeps this actor alive; a channel of the dialing end doesn't, so
/// that the connection is closed when nobody uses it any more.
std::shared_ptr<net::channel> remote_node_actor::open(boost::asio::ip::tcp::socket socket,
                                                      std::shared_ptr<void> place) {
  net::channel::settings limits;
  limits.message_bytes_max = message_bytes_max + head_bytes_max;
  limits.queue_bytes_max = connection_bytes_max;
  auto address = caf::actor_cast<caf::actor_addr>(this);
  auto keep = settings_.receiver ? caf::actor_cast<caf::actor>(this) : caf::actor{};
  auto post = [address, keep](auto message) {
    if (auto self = caf::actor_cast<caf::actor>(address))
      tell_from_outside(self, std::move(message));
  };
  return net::channel::open(
      std::move(socket), limits,
      {[post](std::string_view bytes) {
         if (auto arrived = decode(bytes))
           post(std::move(*arrived));
         else
           post(channel_closed{{errc::corrupt, "the peer sends what is no envelope"}});
       },
       [post](const error& problem) { post(channel_closed{problem}); }},
      std::move(place));
}

/// Without a handle left, an actor of CAF 0.18 must not deliver a promise: the response would refer
/// to it. A promise that is dropped tells its requester that it is broken.
void remote_node_actor::on_exit() {
  close_channels();
  waiting_.clear();
  settings_.receiver = nullptr;
}

void remote_node_actor::close_channels() {
  for (auto* lane : {&urgent_lane_, &bulk_lane_}) {
    if (*lane)
      (*lane)->close();
    lane->reset();
  }
  held_.clear();
}

void remote_node_actor::end(const std::string& why) {
  log::debug("net", settings_.peer, "the connection ends: {}", why);
  for (auto& [id, request] : std::exchange(waiting_, {}))
    request.promise.deliver(caf::make_error(caf::sec::remote_linking_failed));
  quit(caf::exit_reason::remote_link_unreachable);
}

// -- to the node --------------------------------------------------------------

caf::result<envelope> remote_node_actor::forward(envelope& message) {
  if (!current_mailbox_element()->mid.is_request()) {
    if (!transmit(message_use::one_way, 0, std::move(message))) {
      ++dropped_;
      if (settings_.receiver)
        end("it reads too slowly");
    }
    return caf::delegated<envelope>{};
  }
  auto id = ++last_id_;
  if (!transmit(message_use::request, id, std::move(message)))
    return make_reply(
        {fail(errc::busy, "too much waits to be sent to " + settings_.peer), {}, false});
  auto promise = make_response_promise();
  waiting_.emplace(id, waiting_request{promise, clock::now()});
  return promise;
}

void remote_node_actor::open_bulk_lane() {
  if (std::exchange(lane_ordered_, true))
    return;
  auto network = caf::actor_cast<caf::actor>(system().registry().get(network_actor_name));
  if (!network)
    return end("this process has closed its connections");
  tell(this, network, settings_.lane);
}

bool remote_node_actor::transmit(message_use use, std::uint64_t id, envelope message) {
  if (lane_ordered_ && !bulk_lane_ && is_bulk(message))
    return hold({use, id, std::move(message)});
  auto& lane = bulk_lane_ && is_bulk(message) ? bulk_lane_ : urgent_lane_;
  return lane && lane->send(encode_head(static_cast<std::uint8_t>(use), id, message),
                            std::move(message.body));
}

/// @returns false if too much waits already
bool remote_node_actor::hold(held_message held) {
  auto bytes = held.message.body.size() + head_bytes_max;
  if (!urgent_lane_ || held_bytes_ + bytes > connection_bytes_max)
    return false;
  held_bytes_ += bytes;
  held_.push_back(std::move(held));
  return true;
}

void remote_node_actor::send_held() {
  for (auto& [use, id, message] : std::exchange(held_, {}))
    if (!transmit(use, id, std::move(message)))
      ++dropped_; // a request among them is answered when its time is over
  held_bytes_ = 0;
}

// -- from the node ------------------------------------------------------------

void remote_node_actor::on_arrived(envelope_arrived& what) {
  switch (static_cast<message_use>(what.use)) {
  case message_use::one_way:
    if (settings_.receiver)
      tell(this, settings_.receiver, std::move(what.message));
    else if (auto owner = caf::actor_cast<caf::actor>(settings_.owner))
      tell(this, owner, std::move(what.message));
    return;
  case message_use::request:
    return on_request(what.id, std::move(what.message));
  case message_use::response:
    if (auto found = waiting_.extract(what.id))
      found.mapped().promise.deliver(std::move(what.message));
    return;
  }
  end("the peer sends what is no envelope");
}

void remote_node_actor::on_request(std::uint64_t id, envelope message) {
  if (!settings_.receiver)
    return respond(id, make_reply({fail(errc::refused, "a caller takes no requests"), {}, false}));
  if (serving_ >= served_at_once_max)
    return respond(id, make_reply({fail(errc::busy, "too many requests at once"), {}, false}));
  ++serving_;
  ask(this, settings_.receiver, caf::infinite, std::move(message))
      .then(
          [this, id](envelope& response) {
            --serving_;
            respond(id, std::move(response));
          },
          [this, id](const caf::error& problem) {
            --serving_;
            respond(id, make_reply({fail(errc::unavailable, describe_failure(problem)), {}, true}));
          });
}

void remote_node_actor::respond(std::uint64_t id, envelope message) {
  if (!transmit(message_use::response, id, std::move(message)))
    end("it reads too slowly");
}

// -- time ---------------------------------------------------------------------

/// CAF's own timers would keep the actor alive, and with it the connection, after its last handle.
void remote_node_actor::arm() {
  timer_->expires_after(tick_interval);
  timer_->async_wait([address = caf::actor_cast<caf::actor_addr>(this)](auto cancelled) {
    auto self = cancelled ? nullptr : caf::actor_cast<caf::actor>(address);
    if (self)
      tell_from_outside(self, remote_node_tick{});
  });
}

void remote_node_actor::on_tick() {
  auto now = clock::now();
  while (!waiting_.empty() && now - waiting_.begin()->second.since >= request_age_max) {
    auto oldest = waiting_.extract(waiting_.begin()); // ids and ages have the same order
    oldest.mapped().promise.deliver(caf::make_error(caf::sec::request_timeout));
  }
  if (dropped_ > 0)
    log::warning("net", settings_.peer,
                 "{} messages were dropped: more than {} MiB wait to be sent",
                 std::exchange(dropped_, 0), connection_bytes_max >> 20);
  for (auto* lane : {&urgent_lane_, &bulk_lane_})
    if (*lane && (*lane)->is_stuck())
      return end(
          fmt::format("it has read nothing for {} s", tick_interval / std::chrono::seconds{1}));
  arm();
}

} // namespace atl::runtime
