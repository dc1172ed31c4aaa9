#include "admission_actor.hpp"

#include <atoll/core/identity.hpp>
#include <atoll/core/logging.hpp>

#include <fmt/format.h>

#include <utility>

namespace atl::node {

namespace {

using runtime::ask;
using runtime::message_kind;
using runtime::tell_later;
using verdict = group_admission::verdict;

constexpr auto query_interval = std::chrono::milliseconds{100};

group_admission::timestamp steady_now() {
  return std::chrono::duration_cast<group_admission::timestamp>(
      std::chrono::steady_clock::now().time_since_epoch());
}

} // namespace

admission_actor::admission_actor(caf::actor_config& config, settings given,
                                 group_admission::settings admission, admitted_function admitted)
    : waiting_replica_actor{config, std::move(given)}, wanted_{std::move(admission)},
      admission_{wanted_, steady_now()}, admitted_{std::move(admitted)} {
  self().note_group = [this](const std::string& node, const std::string& group) {
    admission_.on_group_known(node, group);
  };
}

caf::behavior admission_actor::make_behavior() {
  connect_to_members();
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
  waiting_replica_actor::on_exit();
  admitted_ = nullptr;
}

void admission_actor::on_unreachable(const peer& member, const std::string& reason) {
  admission_.on_unreachable(member.id, reason);
}

void admission_actor::on_tick() {
  if (done_)
    return;
  ask_peers();
  decide();
  tell_later(this, query_interval, admission_tick{});
}

void admission_actor::ask_peers() {
  for (auto& member : self().group) {
    auto connection = connection_to(member.name);
    if (!connection)
      continue;
    ask(this, connection, shared_part().connections->timing().failure_timeout,
        envelope{message_kind::membership, runtime::cluster_digest(self().node),
                 encode(wanted_.self), self().role.name})
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
  auto& role = self().role.name;
  auto& waits_for = self().waits_for;
  auto decision = admission_.decide(steady_now(), random_uuid());
  if (decision.what == verdict::found || decision.what == verdict::join) {
    done_ = true;
    log::info(role, "", "{} the group {} as {} {}",
              decision.what == verdict::found ? "founds" : "joins", decision.birth.group, role,
              decision.self);
    disconnect();
    admitted_(decision.birth, decision.self);
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

std::string admission_actor::waiting_reason() const {
  auto& reason = self().waits_for;
  return done_ ? "it is about to join one" : reason.empty() ? "it has just started" : reason;
}

std::string admission_actor::why_absent() const {
  return fmt::format("{} takes no part in a group yet: {}", self().node.name, waiting_reason());
}

} // namespace atl::node
