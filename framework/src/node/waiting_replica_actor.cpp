#include "waiting_replica_actor.hpp"

#include <atoll/runtime/calls.hpp>

#include <utility>
#include <vector>

namespace atl::node {

using runtime::make_reply;
using runtime::message_kind;

waiting_replica_actor::waiting_replica_actor(caf::actor_config& config, settings given)
    : caf::event_based_actor{config}, settings_{std::move(given)} {}

void waiting_replica_actor::on_exit() {
  connections_.clear();
  settings_.connections.reset();
  settings_.answer = nullptr;
}

// -- the other members ------------------------------------------------------------------------

void waiting_replica_actor::connect_to_members() {
  auto& own = settings_.self;
  for (auto& member : own.group)
    if (member.name != own.node.name)
      connections_[member.name] = settings_.connections->subscribe(
          member.where, {caf::actor_cast<caf::actor>(this), own.role.name, member.name});
}

caf::actor waiting_replica_actor::connection_to(const std::string& member) const {
  auto up = up_.find(member);
  auto connection = connections_.find(member);
  return up != up_.end() && up->second && connection != connections_.end()
             ? connection->second.connection()
             : nullptr;
}

void waiting_replica_actor::on_connection_event(const runtime::connection_event& event) {
  up_[event.peer] = event.up.has_value();
  if (event.up)
    return;
  for (auto& member : settings_.self.group)
    if (member.name == event.peer)
      on_unreachable(member, event.reason);
}

// -- what comes from outside ------------------------------------------------------------------

error waiting_replica_actor::waiting_error() const {
  return {errc::unavailable, why_absent()};
}

runtime::envelope waiting_replica_actor::on_envelope(const envelope& message) {
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

runtime::envelope waiting_replica_actor::answer_query(const envelope& message) const {
  if (auto asking = decode_membership_query(message.body); !asking)
    return make_reply({tl::unexpected{asking.error()}, {}, false});
  return make_reply({encode(membership_response{settings_.query, birth(), 0}), {}, false});
}

group_status waiting_replica_actor::describe() const {
  group_status status;
  status.self = settings_.query.self;
  status.waits_for = waiting_reason();
  status.blocked = waiting_error().message;
  for (auto& member : settings_.self.group)
    status.known.push_back({member.id, member.name, member.where});
  status.settings = settings_.shared;
  return status;
}

void waiting_replica_actor::answer_calls(const envelope& message) {
  auto calls = runtime::decode_calls(message.body);
  auto client = caf::actor_cast<caf::actor>(current_sender());
  if (!calls || !client)
    return;
  std::vector<runtime::client_response> answers;
  for (auto& call : *calls)
    answers.push_back({call.id, {tl::unexpected{waiting_error()}, {}, false}});
  runtime::tell(this, client, envelope{message_kind::answers, 0, runtime::encode(answers)});
}

} // namespace atl::node
