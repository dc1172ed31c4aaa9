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
constexpr auto look_interval = std::chrono::seconds{1};

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
  runtime::tell_later(this, look_interval, membership_tick{});
  return {
      [this](const envelope& message) { return on_envelope(message); },
      [this](const runtime::turned_away& node) { note_turned_away(node); },
      [this](membership_tick) { look_at_members(); },
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
      spi::read_level::linearizable,
      [this, promise, answer, folder = asking->self.folder](const result<members>& found) mutable {
        // Without a quorum the members are unknown, but the group's existence is known.
        if (found)
          note_members(*found);
        if (found)
          for (auto& member : *found)
            if (member.folder == folder)
              answer.admitted_as = member.id;
        promise.deliver(answer_with(encode(answer)));
      });
  return promise;
}

void membership_actor::look_at_members() {
  query_members(spi::read_level::local, [this](const result<members>& found) {
    if (found)
      note_members(*found);
    runtime::tell_later(this, look_interval, membership_tick{});
  });
}

/// The endpoint knows the folders before a member hears that it was admitted.
void membership_actor::note_members(const members& found) {
  std::map<spi::replica_id, std::string> folders;
  for (auto& member : found)
    folders[member.id] = member.folder;
  if (folders == folders_)
    return;
  folders_ = folders;
  runtime::tell(this, settings_.endpoint,
                runtime::member_folders{settings_.self.role.name, std::move(folders)});
}

void membership_actor::query_members(spi::read_level level,
                                     std::function<void(const result<members>&)> done) {
  runtime::ask(this, settings_.self.replica, settings_.timeout,
               runtime::query_state{members_query(), level})
      .then(
          [done, level](const envelope& message) {
            auto answer = runtime::decode_reply(message.body);
            if (!answer.value)
              return done(tl::unexpected{answer.value.error()});
            if (level == spi::read_level::linearizable)
              return done(decode_members(*answer.value));
            auto local = runtime::decode_local_response(*answer.value);
            done(local ? decode_members(local->response)
                       : result<members>{fail(errc::corrupt, "a local answer can't be read")});
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
          [this, promise](const runtime::replica_view& view) {
            query_members(spi::read_level::local,
                          [this, promise, view](const result<members>& found) mutable {
                            promise.deliver(found ? answer_with(encode(describe(view, *found)))
                                                  : refuse(found.error()));
                          });
          },
          [promise](const caf::error& problem) mutable {
            promise.deliver(refuse({errc::unavailable, runtime::describe_failure(problem)}));
          });
  return promise;
}

group_status membership_actor::describe(const runtime::replica_view& view,
                                        const members& admitted) const {
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
  status.admitted = admitted;
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
