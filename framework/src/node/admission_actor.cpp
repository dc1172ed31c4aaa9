#include "admission_actor.hpp"

#include <atoll/core/identity.hpp>
#include <atoll/core/logging.hpp>
#include <atoll/runtime/calls.hpp>

#include <fmt/format.h>

namespace atl::node {

namespace {

using runtime::ask;
using runtime::make_reply;
using runtime::message_kind;
using runtime::tell;
using runtime::tell_later;
using verdict = group_admission::verdict;

constexpr auto query_interval = std::chrono::milliseconds{100};

group_admission::timestamp steady_now() {
  return std::chrono::duration_cast<group_admission::timestamp>(
      std::chrono::steady_clock::now().time_since_epoch());
}

} // namespace

admission_actor::admission_actor(caf::actor_config& config, settings given)
    : caf::event_based_actor{config}, settings_{std::move(given)}, admission_{settings_.admission,
                                                                              steady_now()} {
  settings_.self.note_group = [this](const std::string& node, const std::string& group) {
    admission_.on_group_known(node, group);
  };
}

caf::behavior admission_actor::make_behavior() {
  auto& self = settings_.self;
  for (auto& member : self.group)
    if (member.name != self.node.name)
      connections_[member.name] = settings_.connections->subscribe(
          member.where, {caf::actor_cast<caf::actor>(this), self.role.name, member.name});
  decide();
  if (!done_)
    tell_later(this, query_interval, admission_tick{});
  return {
      [this](const envelope& message) { return on_envelope(message); },
      [this](const runtime::connection_event& event) { on_connection_event(event); },
      [](const runtime::turned_away&) {},
      [this](admission_tick) { on_tick(); },
  };
}

void admission_actor::on_exit() {
  connections_.clear();
  settings_.connections.reset();
  settings_.admitted = nullptr;
  settings_.answer = nullptr;
}

// -- the other members ------------------------------------------------------------------------

void admission_actor::on_connection_event(const runtime::connection_event& event) {
  up_[event.peer] = event.up.has_value();
  if (event.up)
    return;
  for (auto& member : settings_.self.group)
    if (member.name == event.peer)
      admission_.on_unreachable(member.id, event.reason);
}

void admission_actor::on_tick() {
  if (done_)
    return;
  ask_peers();
  decide();
  tell_later(this, query_interval, admission_tick{});
}

void admission_actor::ask_peers() {
  auto& self = settings_.self;
  for (auto& [name, connection] : connections_) {
    if (!up_[name])
      continue;
    ask(this, connection.connection(), settings_.connections->timing().failure_timeout,
        envelope{message_kind::membership, runtime::cluster_digest(self.node),
                 encode(settings_.admission.self), self.role.name})
        .then(
            [this](const envelope& message) {
              auto reply = runtime::decode_reply(message.body);
              auto answer = reply.value
                                ? decode_membership_response(*reply.value)
                                : result<membership_response>{tl::unexpected{reply.value.error()}};
              if (answer)
                admission_.on_response(*answer, steady_now());
            },
            [](const caf::error&) {}); // the next tick asks again
  }
}

void admission_actor::decide() {
  if (done_)
    return;
  auto& role = settings_.self.role.name;
  auto& waits_for = settings_.self.waits_for;
  auto decision = admission_.decide(steady_now(), random_uuid());
  if (decision.what == verdict::found || decision.what == verdict::join) {
    done_ = true;
    log::info(role, "", "{} the group {} as {} {}",
              decision.what == verdict::found ? "founds" : "joins", decision.birth.group, role,
              decision.self);
    connections_.clear();
    settings_.admitted(decision.birth, decision.self);
    return;
  }
  if (decision.why != waits_for) {
    if (decision.what == verdict::refuse)
      log::error(role, "", "takes no part: {}", decision.why);
    else
      log::info(role, "", "waits: {}", decision.why);
  }
  waits_for = decision.why;
}

// -- what comes from outside ------------------------------------------------------------------

std::string admission_actor::waiting_reason() const {
  auto& reason = settings_.self.waits_for;
  return done_ ? "it is about to join one" : reason.empty() ? "it has just started" : reason;
}

error admission_actor::waiting_error() const {
  return {errc::unavailable, fmt::format("{} takes no part in a group yet: {}",
                                         settings_.self.node.name, waiting_reason())};
}

runtime::envelope admission_actor::on_envelope(const envelope& message) {
  if (message.kind == message_kind::membership)
    return answer_query(message);
  if (message.kind == message_kind::group_status)
    return make_reply({encode(describe()), {}, false});
  if (message.kind >= message_kind::application)
    if (auto answer = settings_.answer(message, settings_.self))
      return std::move(*answer);
  if (message.kind == message_kind::calls)
    answer_calls(message);
  return make_reply({tl::unexpected{waiting_error()}, {}, false});
}

runtime::envelope admission_actor::answer_query(const envelope& message) const {
  if (auto asking = decode_membership_query(message.body); !asking)
    return make_reply({tl::unexpected{asking.error()}, {}, false});
  return make_reply({encode(membership_response{settings_.admission.self, {}, 0}), {}, false});
}

group_status admission_actor::describe() const {
  group_status status;
  status.self = settings_.admission.self.self;
  status.waits_for = waiting_reason();
  status.blocked = waiting_error().message;
  for (auto& member : settings_.self.group)
    status.known.push_back({member.id, member.name, member.where});
  status.settings = settings_.shared;
  return status;
}

void admission_actor::answer_calls(const envelope& message) {
  auto calls = runtime::decode_calls(message.body);
  auto client = caf::actor_cast<caf::actor>(current_sender());
  if (!calls || !client)
    return;
  std::vector<runtime::client_response> answers;
  for (auto& call : *calls)
    answers.push_back({call.id, {tl::unexpected{waiting_error()}, {}, false}});
  tell(this, client, envelope{message_kind::answers, 0, runtime::encode(answers)});
}

} // namespace atl::node
