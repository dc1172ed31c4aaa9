#include "contact.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>
#include <atoll/runtime/peer_connection.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <algorithm>
#include <utility>

namespace atl::runtime {

peer_connection_actor::peer_connection_actor(caf::actor_config& config, settings given)
    : io_thread_actor{config}, settings_{std::move(given)}, random_{settings_.seed} {}

caf::behavior peer_connection_actor::make_behavior() {
  connect();
  return {
      [this](envelope& message) { return forward(message); },
      [this](const outgoing_message& message) { send_message(message); },
      [this](connection_tick tick) {
        if (tick.generation != generation_)
          return;
        if (peer_)
          send_heartbeat();
        else
          connect();
      },
      [this](const contact_lost& what) {
        if (!waits_ && what.generation == generation_)
          on_disconnected("the connection broke");
      },
      [this](const master_seen&) {
        backoff_ = std::chrono::milliseconds{0};
        if (waits_)
          connect();
      },
  };
}

void peer_connection_actor::connect() {
  waits_ = false;
  ++generation_;
  auto generation = generation_;
  log::debug(settings_.self.role, settings_.peer, "connects to {}", to_string(settings_.where));
  connect_to_node(
      this, {settings_.where, settings_.timing.failure_timeout, settings_.mark != nullptr},
      [this, generation](const caf::actor& there) {
        if (generation == generation_)
          send_handshake(there);
      },
      [this, generation](const contact_failure& failure) {
        if (generation == generation_)
          on_disconnected("can't connect to " + to_string(settings_.where) + " (" + failure.why +
                          ")");
      });
}

void peer_connection_actor::send_handshake(const caf::actor& there) {
  auto generation = generation_;
  log::debug(settings_.self.role, settings_.peer, "sends the handshake");
  watch_node(this, there, contact_lost{0, generation_});
  envelope handshake{message_kind::handshake, cluster_digest(settings_.self),
                     encode(settings_.self)};
  ask(this, there, settings_.timing.failure_timeout, std::move(handshake))
      .then(
          [this, generation, there](const envelope& answer) {
            if (generation == generation_)
              on_handshake_reply(there, answer);
          },
          [this, generation](const caf::error& problem) {
            if (generation == generation_)
              on_disconnected("no answer to the handshake (" + describe_failure(problem) + ")");
          });
}

void peer_connection_actor::on_handshake_reply(const caf::actor& there, const envelope& answer) {
  auto decoded = decode_reply(answer.body);
  if (!decoded.value && decoded.value.error().code == errc::corrupt && settings_.mark)
    tell(this, settings_.supervisor, storage_failed{decoded.value.error()});
  if (!decoded.value)
    return on_disconnected("refused: " + decoded.value.error().message);
  auto info = decode_node_info(*decoded.value, settings_.self.wire);
  if (!info)
    return on_disconnected(info.error().message);
  if (auto problem = incompatibility(settings_.self, *info); !problem.empty())
    return on_disconnected("refused: " + problem);
  peer_ = there;
  backoff_ = std::chrono::milliseconds{0};
  last_reason_.clear();
  log::info(settings_.self.role, settings_.peer, "connected to {} at {}", info->name,
            to_string(settings_.where));
  tell(this, settings_.supervisor, connection_event{settings_.peer, std::move(*info), {}});
  tell_later(this, settings_.timing.heartbeat, connection_tick{generation_});
}

/// Finds a node that falls silent without closing its connection.
void peer_connection_actor::send_heartbeat() {
  auto generation = generation_;
  ask(this, peer_, settings_.timing.failure_timeout,
      envelope{message_kind::ping, cluster_digest(settings_.self),
               settings_.mark ? encode(settings_.mark->read(), settings_.self.replica) : ""})
      .then(
          [this, generation](const envelope& answer) {
            if (generation != generation_)
              return;
            if (auto decoded = decode_reply(answer.body); !decoded.value)
              return on_disconnected(decoded.value.error().message);
            tell_later(this, settings_.timing.heartbeat, connection_tick{generation_});
          },
          [this, generation](const caf::error& problem) {
            if (generation == generation_)
              on_disconnected("no heartbeat (" + describe_failure(problem) + ")");
          });
}

void peer_connection_actor::on_disconnected(const std::string& reason) {
  if (reason != last_reason_)
    log::warning(settings_.self.role, settings_.peer, "{}", reason);
  else
    log::debug(settings_.self.role, settings_.peer, "again: {}", reason);
  last_reason_ = reason;
  peer_ = nullptr;
  tell(this, settings_.supervisor, connection_event{settings_.peer, std::nullopt, reason});
  retry_later();
}

void peer_connection_actor::retry_later() {
  // Full jitter: nodes that lost the same peer at the same time reconnect at different times.
  auto& timing = settings_.timing;
  backoff_ = std::clamp(backoff_ * 2, timing.backoff_min, timing.backoff_max);
  auto wait =
      std::chrono::milliseconds{random_.between(timing.backoff_min.count(), backoff_.count())};
  ++generation_;
  waits_ = true;
  tell_later(this, wait, connection_tick{generation_});
}

caf::result<envelope> peer_connection_actor::forward(envelope& message) {
  if (peer_ && current_sender() == peer_) {
    if (settings_.takes_envelopes)
      tell(this, settings_.supervisor, envelope_from_peer{settings_.peer, std::move(message)});
    return caf::delegated<envelope>{};
  }
  // A stray reply of the peer: if it were forwarded, the two nodes would answer each other without
  // end.
  if (message.kind == message_kind::reply)
    return caf::delegated<envelope>{}; // a broken promise would end the peer's actor
  if (!peer_)
    return make_reply(
        {fail(errc::unavailable, settings_.peer + " can't be reached: " + last_reason_),
         {},
         false});
  auto promise = make_response_promise();
  ask(this, peer_, settings_.timing.failure_timeout * 4, std::move(message))
      .then([promise](envelope& answer) mutable { promise.deliver(std::move(answer)); },
            [this, promise](const caf::error& problem) mutable {
              promise.deliver(make_reply({fail(errc::timeout, settings_.peer + " didn't answer (" +
                                                                  describe_failure(problem) + ")"),
                                          {},
                                          true}));
            });
  return promise;
}

void peer_connection_actor::send_message(const outgoing_message& message) {
  if (peer_)
    tell(this, peer_,
         envelope{message_kind::consensus, message.digest,
                  encode_peer_messages(message.from, message.to, {message.bytes})});
}

} // namespace atl::runtime
