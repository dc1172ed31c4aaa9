#include "membership_actor.hpp"

#include <atoll/core/state/group_members.hpp>
#include <atoll/runtime/failure.hpp>

#include <fmt/format.h>

#include <utility>

namespace atl::node {

using runtime::envelope;
using runtime::make_reply;
using runtime::message_kind;

namespace {

/// A node that is turned away and doesn't come again is forgotten after so long.
constexpr auto refusal_lifetime = std::chrono::seconds{10};
constexpr std::size_t refusals_max = 1000;

envelope answer_with(std::string value) {
  return make_reply({std::move(value), {}, false});
}

envelope refuse(error why) {
  return make_reply({tl::unexpected{std::move(why)}, {}, false});
}

} // namespace

membership_actor::membership_actor(caf::actor_config& config, settings given)
    : caf::event_based_actor{config}, settings_{std::move(given)} {}

caf::behavior membership_actor::make_behavior() {
  return {
      [this](const envelope& message) { return on_envelope(message); },
      [this](const runtime::turned_away& node) { note_turned_away(node); },
  };
}

caf::result<envelope> membership_actor::on_envelope(const envelope& message) {
  if (message.kind == message_kind::membership)
    return answer_query(message);
  if (message.kind == message_kind::group_status)
    return answer_status();
  return refuse(
      {errc::invalid, fmt::format("a kind of message about the group of the role '{}' that isn't "
                                  "known: {}",
                                  settings_.self.role.name, static_cast<unsigned>(message.kind))});
}

// -- whether a folder belongs to the group ------------------------------------------------------

caf::result<envelope> membership_actor::answer_query(const envelope& message) {
  auto asking = decode_membership_query(message.body);
  if (!asking)
    return refuse(asking.error());
  auto& self = settings_.self;
  membership_response answer;
  answer.peer.self = {self.role.replica, self.node.name, self.node.address, self.node.folder};
  answer.peer.cluster = self.node.cluster;
  answer.peer.consensus = self.role.consensus;
  answer.birth = self.birth;
  // The founders ask before the group can answer queries.
  for (auto& founder : self.birth.founders)
    if (founder.folder == asking->self.folder)
      answer.admitted_as = founder.id;
  if (answer.admitted_as != 0)
    return answer_with(encode(answer));
  auto promise = make_response_promise<envelope>();
  query_members(
      [this, promise, answer, folder = asking->self.folder](const result<members>& found) mutable {
        // Without a quorum the members are unknown, but the group's existence is known.
        runtime::member_folders known{settings_.self.role.name, {}};
        if (found)
          for (auto& member : *found) {
            known.folder_of[member.id] = member.folder;
            if (member.folder == folder)
              answer.admitted_as = member.id;
          }
        if (found)
          runtime::tell(this, settings_.endpoint, std::move(known));
        promise.deliver(answer_with(encode(answer)));
      });
  return promise;
}

void membership_actor::query_members(std::function<void(const result<members>&)> done) {
  runtime::ask(this, settings_.self.replica, settings_.timeout,
               runtime::query_state{members_query()})
      .then(
          [done](const envelope& message) {
            auto answer = runtime::decode_reply(message.body);
            done(answer.value ? decode_members(*answer.value)
                              : tl::unexpected{answer.value.error()});
          },
          [done](const caf::error& problem) {
            done(fail(errc::timeout, runtime::describe_failure(problem)));
          });
}

// -- how the group is ---------------------------------------------------------------------------

caf::result<envelope> membership_actor::answer_status() {
  auto promise = make_response_promise<envelope>();
  runtime::ask(this, settings_.self.replica, settings_.timeout, runtime::get_replica_view{})
      .then(
          [this, promise](const runtime::replica_view& view) mutable {
            promise.deliver(answer_with(encode(describe(view))));
          },
          [promise](const caf::error& problem) mutable {
            promise.deliver(refuse({errc::unavailable, runtime::describe_failure(problem)}));
          });
  return promise;
}

group_status membership_actor::describe(const runtime::replica_view& view) const {
  auto& self = settings_.self;
  group_status status;
  status.self = {view.self, self.node.name, self.node.address, self.node.folder};
  status.group = self.birth.group;
  status.role = view.protocol.role;
  status.term = view.protocol.term;
  status.leader = view.protocol.leader;
  status.committed = view.protocol.committed;
  status.applied = view.applied;
  status.blocked = view.protocol.blocked;
  status.voters = view.voters;
  status.learners = view.learners;
  status.known = view.known;
  status.settings = settings_.shared;
  auto now = std::chrono::steady_clock::now();
  for (auto& [name, refused] : turned_away_)
    if (now - refused.seen <= refusal_lifetime)
      status.turned_away.push_back({name, refused.why});
  return status;
}

void membership_actor::note_turned_away(const runtime::turned_away& node) {
  auto now = std::chrono::steady_clock::now();
  std::erase_if(turned_away_,
                [&](auto& entry) { return now - entry.second.seen > refusal_lifetime; });
  if (node.why.empty())
    turned_away_.erase(node.name);
  else if (turned_away_.size() < refusals_max || turned_away_.contains(node.name))
    turned_away_[node.name] = {node.why, now};
}

} // namespace atl::node
