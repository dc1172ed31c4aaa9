#include "contact.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>
#include <atoll/runtime/peer_connection.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <algorithm>
#include <utility>

namespace atl::runtime {

namespace {

/// Do both describe one incarnation of one member of a group, or no replica?
bool is_same_replica(const role_info& before, const role_info& now) {
  return before.replica == now.replica && before.group == now.group &&
         before.mark.incarnation == now.mark.incarnation;
}

} // namespace

peer_connection_actor::peer_connection_actor(caf::actor_config& config, settings given)
    : io_thread_actor{config}, settings_{std::move(given)}, random_{settings_.seed} {}

void peer_connection_actor::on_exit() {
  peer_ = nullptr;
  subscribers_.clear();
}

caf::behavior peer_connection_actor::make_behavior() {
  connect();
  return {
      [this](envelope& message) { return forward(message); },
      [this](outgoing_message& message) { send_message(message); },
      [this](connection_tick tick) {
        if (tick.generation == generation_)
          on_tick();
      },
      [this](const contact_lost& what) {
        if (!waits_ && what.generation == generation_)
          on_disconnected("the connection broke");
      },
      [this](const peer_seen&) {
        backoff_ = std::chrono::milliseconds{0};
        if (waits_)
          connect();
      },
      [this](const add_subscriber& added) { subscribe(added); },
      [this](remove_subscriber removed) { subscribers_.erase(removed.id); },
  };
}

// -- the connection ---------------------------------------------------------------------------

void peer_connection_actor::connect() {
  waits_ = false;
  ++generation_;
  auto generation = generation_;
  log::debug("net", settings_.peer, "connects to {}", to_string(settings_.where));
  connect_to_node(
      this, {settings_.where, settings_.timing.failure_timeout},
      [this, generation](const caf::actor& there) {
        if (generation != generation_)
          return;
        watch_node(this, there, contact_lost{0, generation_});
        introduce(there, true);
      },
      [this, generation](const contact_failure& failure) {
        if (generation == generation_)
          on_disconnected("can't connect to " + to_string(settings_.where) + " (" + failure.why +
                          ")");
      });
}

/// Sends the handshake. @param is_periodic a heartbeat follows the answer
void peer_connection_actor::introduce(const caf::actor& there, bool is_periodic) {
  auto generation = generation_;
  auto version = settings_.self->version();
  auto self = settings_.self->info();
  if (settings_.self->has_replica())
    tell(this, there, need_bulk_lane{});
  log::debug("net", settings_.peer, "sends the handshake");
  envelope handshake{message_kind::handshake, cluster_digest(self), encode(self)};
  ask(this, there, settings_.timing.failure_timeout, std::move(handshake))
      .then(
          [this, generation, version, there, is_periodic,
           self = std::move(self)](const envelope& answer) {
            if (generation != generation_)
              return;
            on_handshake_reply(there, self, version, answer);
            if (is_periodic && generation == generation_)
              send_heartbeat();
          },
          [this, generation](const caf::error& problem) {
            if (generation == generation_)
              on_disconnected("no answer to the handshake (" + describe_failure(problem) + ")");
          });
}

void peer_connection_actor::on_handshake_reply(const caf::actor& there, const node_info& introduced,
                                               std::uint64_t version, const envelope& answer) {
  auto decoded = decode_reply(answer.body);
  if (!decoded.value)
    return on_disconnected("refused: " + decoded.value.error().message);
  auto response = decode_handshake_response(*decoded.value, introduced.wire);
  if (!response)
    return on_disconnected(response.error().message);
  auto& theirs = response->self;
  if (auto problem = incompatibility(introduced, theirs); !problem.empty())
    return on_disconnected("refused: " + problem);
  refused_.clear();
  for (auto& it : response->refused)
    refused_[it.role] = std::move(it.why);
  if (!is_same_node(introduced, theirs))
    for (auto& role : introduced.roles) {
      auto problem = role.replica != 0 && theirs.find_role(role.name) == nullptr
                         ? describe_missing_role(theirs, role.name)
                         : incompatibility(introduced, theirs, role.name);
      if (!problem.empty())
        refused_.try_emplace(role.name, error{errc::refused, problem});
    }
  if (!peer_)
    log::info("net", settings_.peer, "connected to {} at {}", theirs.name,
              to_string(settings_.where));
  peer_ = there;
  peer_info_ = std::move(theirs);
  introduced_ = version;
  backoff_ = std::chrono::milliseconds{0};
  last_reason_.clear();
  auto is_outdated = false;
  for (auto& [id, subscriber] : subscribers_) {
    update(subscriber);
    is_outdated = is_outdated || introduced_ < subscriber.since;
  }
  if (is_outdated)
    introduce(peer_, false);
}

bool peer_connection_actor::must_introduce() const {
  return introduced_ != settings_.self->version() ||
         std::ranges::any_of(subscribers_, [](auto& it) { return !it.second.is_up; });
}

void peer_connection_actor::on_tick() {
  if (!peer_)
    connect();
  else if (must_introduce())
    introduce(peer_, true);
  else
    send_heartbeat();
}

void peer_connection_actor::schedule_tick() {
  tell_later(this, settings_.timing.heartbeat, connection_tick{generation_});
}

/// Finds a node that falls silent without closing its connection.
void peer_connection_actor::send_heartbeat() {
  auto generation = generation_;
  // The peer doesn't know a refused role's replica as a member of its own group, nor a role that
  // has changed since the handshake.
  auto marks = settings_.self->marks();
  std::erase_if(marks, [&](auto& it) { return refused_.contains(it.role); });
  if (introduced_ != settings_.self->version())
    marks.clear();
  ask(this, peer_, settings_.timing.failure_timeout,
      envelope{message_kind::ping, cluster_digest(peer_info_), encode_marks(marks)})
      .then(
          [this, generation](const envelope& answer) {
            if (generation != generation_)
              return;
            on_heartbeat_reply(decode_reply(answer.body));
            if (generation == generation_)
              schedule_tick();
          },
          [this, generation](const caf::error& problem) {
            if (generation == generation_)
              on_disconnected("no heartbeat (" + describe_failure(problem) + ")");
          });
}

/// The first version that a connection hears of calls for a handshake as well: the description may
/// have changed after the answer to the handshake before.
void peer_connection_actor::on_heartbeat_reply(const reply& answer) {
  if (!answer.value)
    return on_disconnected(answer.value.error().message);
  auto version = decode_description_version(*answer.value);
  if (version && std::exchange(peer_version_, *version) != *version)
    introduce(peer_, false);
}

void peer_connection_actor::on_disconnected(const std::string& reason) {
  if (reason != last_reason_)
    log::warning("net", settings_.peer, "{}", reason);
  else
    log::debug("net", settings_.peer, "again: {}", reason);
  last_reason_ = reason;
  peer_ = nullptr;
  peer_version_ = 0;
  refused_.clear();
  for (auto& [id, subscriber] : subscribers_) {
    subscriber.is_up = false;
    tell(this, subscriber.who.who, connection_event{subscriber.who.peer, std::nullopt, reason});
  }
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

// -- subscribers ------------------------------------------------------------------------------

void peer_connection_actor::subscribe(const add_subscriber& added) {
  auto& subscriber = subscribers_[added.id];
  subscriber = {added.subscriber, settings_.self->version(), false, {}, {}};
  if (peer_ && introduced_ < subscriber.since)
    introduce(peer_, false); // the role is up once the peer has accepted it
  else if (peer_)
    update(subscriber);
  else if (!last_reason_.empty())
    tell(this, subscriber.who.who,
         connection_event{subscriber.who.peer, std::nullopt, last_reason_});
}

/// Tells a subscriber what the last handshake means for its role.
void peer_connection_actor::update(subscription& subscriber) {
  if (introduced_ < subscriber.since)
    return; // that handshake didn't describe the role as it is now
  auto& who = subscriber.who;
  auto refusal = refused_.find(who.role);
  if (refusal == refused_.end()) {
    subscriber.refusal.clear();
    auto* theirs = peer_info_.find_role(who.role);
    auto now = theirs == nullptr ? role_info{} : *theirs;
    if (!std::exchange(subscriber.is_up, true) || !is_same_replica(subscriber.told, now))
      tell(this, who.who, connection_event{who.peer, peer_info_, {}});
    subscriber.told = std::move(now);
    return;
  }
  subscriber.is_up = false;
  auto& why = refusal->second;
  if (std::exchange(subscriber.refusal, why.message) != why.message)
    log::warning(who.role, who.peer, "refused: {}", why.message);
  if (why.code == errc::corrupt)
    tell(this, who.who, storage_failed{why});
  tell(this, who.who, connection_event{who.peer, std::nullopt, "refused: " + why.message});
}

bool peer_connection_actor::is_up(const std::string& role) const {
  auto is_found = false;
  for (auto& [id, subscriber] : subscribers_)
    if (subscriber.who.role == role) {
      if (!subscriber.is_up)
        return false; // it subscribed after a change of the role that the peer hasn't seen yet
      is_found = true;
    }
  return peer_ && is_found;
}

// -- messages ---------------------------------------------------------------------------------

caf::result<envelope> peer_connection_actor::forward(envelope& message) {
  if (peer_ && current_sender() == peer_) {
    for (auto& [id, subscriber] : subscribers_)
      if (subscriber.who.takes_envelopes && subscriber.who.role == message.role)
        tell(this, subscriber.who.who, envelope_from_peer{subscriber.who.peer, message});
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
  if (message.kind == message_kind::snapshot && !is_up(message.role))
    return make_reply({fail(errc::unavailable,
                            settings_.peer + " doesn't accept the role '" + message.role + "'"),
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

void peer_connection_actor::send_message(outgoing_message& message) {
  if (is_up(message.role))
    tell(this, peer_,
         envelope{message_kind::consensus, message.digest,
                  encode_peer_messages(message.from, message.to, {message.bytes}),
                  std::move(message.role)});
}

} // namespace atl::runtime
