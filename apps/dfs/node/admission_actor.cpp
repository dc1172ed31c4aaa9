#include "node/admission_actor.hpp"

#include "common/actor_messages.hpp"
#include "master/status.hpp"

#include <atoll/core/identity.hpp>
#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/calls.hpp>

#include <fmt/format.h>

namespace dfs {

namespace {

using atl::errc;
using atl::runtime::ask;
using atl::runtime::make_reply;
using atl::runtime::message_kind;
using atl::runtime::tell;
using atl::runtime::tell_later;
using verdict = atl::group_admission::verdict;

constexpr auto query_interval = std::chrono::milliseconds{100};

atl::group_admission::timestamp steady_now() {
  return std::chrono::duration_cast<atl::group_admission::timestamp>(
      std::chrono::steady_clock::now().time_since_epoch());
}

} // namespace

admission_actor::admission_actor(caf::actor_config& config, settings given)
    : caf::event_based_actor{config}, settings_{std::move(given)}, admission_{settings_.admission,
                                                                              steady_now()} {}

caf::behavior admission_actor::make_behavior() {
  for (auto& master : settings_.masters)
    if (master.name != settings_.self.name)
      connections_[master.name] = settings_.connections->subscribe(
          master.where, {caf::actor_cast<caf::actor>(this), settings_.role.name, master.name});
  decide();
  if (!done_)
    tell_later(this, query_interval, tick{});
  return {
      [this](const envelope& message) { return on_envelope(message); },
      [this](const atl::runtime::connection_event& event) { on_connection_event(event); },
      [](const atl::runtime::turned_away&) {},
      [this](tick) {
        if (done_)
          return;
        ask_peers();
        decide();
        tell_later(this, query_interval, tick{});
      },
  };
}

void admission_actor::on_exit() {
  end_connections();
  settings_.connections.reset();
  settings_.admitted = nullptr;
}

void admission_actor::end_connections() {
  connections_.clear();
}

atl::group_admission::timestamp admission_actor::now() const {
  return steady_now();
}

// -- the other masters ------------------------------------------------------------------------

void admission_actor::on_connection_event(const atl::runtime::connection_event& event) {
  up_[event.peer] = event.up.has_value();
  if (event.up)
    return;
  for (auto& master : settings_.masters)
    if (master.name == event.peer)
      admission_.on_unreachable(master.id, event.reason);
}

void admission_actor::ask_peers() {
  for (auto& [name, connection] : connections_) {
    if (!up_[name])
      continue;
    ask(this, connection.connection(), settings_.connections->timing().failure_timeout,
        envelope{static_cast<message_kind>(protocol::kind::membership),
                 atl::runtime::cluster_digest(settings_.self),
                 atl::encode(settings_.admission.self), settings_.role.name})
        .then(
            [this](const envelope& message) {
              auto reply = atl::runtime::decode_reply(message.body);
              auto answer =
                  reply.value
                      ? atl::decode_membership_response(*reply.value)
                      : atl::result<atl::membership_response>{tl::unexpected{reply.value.error()}};
              if (answer)
                admission_.on_response(*answer, now());
            },
            [](const caf::error&) {}); // the next tick asks again
  }
}

void admission_actor::decide() {
  if (done_)
    return;
  auto decision = admission_.decide(now(), atl::random_uuid());
  if (decision.what == verdict::found || decision.what == verdict::join) {
    done_ = true;
    atl::log::info("master", "", "{} the group {} as master {}",
                   decision.what == verdict::found ? "founds" : "joins", decision.birth.group,
                   decision.self);
    end_connections();
    settings_.admitted(decision.birth, decision.self);
    return;
  }
  if (decision.why != waits_for_) {
    if (decision.what == verdict::refuse)
      atl::log::error("master", "", "takes no part: {}", decision.why);
    else
      atl::log::info("master", "", "waits: {}", decision.why);
  }
  waits_for_ = decision.why;
}

// -- what comes from outside ------------------------------------------------------------------

atl::error admission_actor::waiting_error() const {
  return {errc::unavailable, fmt::format("{} takes no part in a group yet: {}", settings_.self.name,
                                         done_ ? "it is about to" : waits_for_)};
}

caf::result<atl::runtime::envelope> admission_actor::on_envelope(const envelope& message) {
  switch (static_cast<protocol::kind>(message.kind)) {
  case protocol::kind::membership:
    return answer_query(message);
  case protocol::kind::heartbeat:
    return on_heartbeat(message);
  case protocol::kind::status:
    return describe_waiting();
  default:
    break;
  }
  if (message.kind == message_kind::calls)
    answer_calls(message);
  return make_reply({tl::unexpected{waiting_error()}, {}, false});
}

atl::runtime::envelope admission_actor::answer_query(const envelope& message) const {
  if (auto asking = atl::decode_membership_query(message.body); !asking)
    return make_reply({tl::unexpected{asking.error()}, {}, false});
  return make_reply(
      {atl::encode(atl::membership_response{settings_.admission.self, {}, 0}), {}, false});
}

/// Learns from a storage node that a group exists.
atl::runtime::envelope admission_actor::on_heartbeat(const envelope& message) {
  auto report = protocol::decode_storage_heartbeat(message.body);
  if (report && !report->group.empty())
    admission_.on_storage_node(report->name, report->group);
  return make_reply({tl::unexpected{waiting_error()}, {}, false});
}

void admission_actor::answer_calls(const envelope& message) {
  auto calls = atl::runtime::decode_calls(message.body);
  auto client = caf::actor_cast<caf::actor>(current_sender());
  if (!calls || !client)
    return;
  std::vector<atl::runtime::client_response> answers;
  for (auto& call : *calls)
    answers.push_back({call.id, {tl::unexpected{waiting_error()}, {}, false}});
  tell(this, client, envelope{message_kind::answers, 0, atl::runtime::encode(answers)});
}

atl::runtime::envelope admission_actor::describe_waiting() const {
  atl::runtime::replica_view view;
  view.self = settings_.role.replica;
  view.protocol.blocked = waiting_error().message;
  for (auto& master : settings_.masters)
    view.known.push_back({master.id, master.name, master.where});
  storage_registry none{settings_.policy.storage_timeout};
  atl::result<responses::summary> no_summary{tl::unexpected{waiting_error()}};
  status_view seen{settings_.self, settings_.role, settings_.policy, none, view, no_summary, {}, {},
                   waits_for_};
  return make_reply({describe_status(seen), {}, false});
}

} // namespace dfs
