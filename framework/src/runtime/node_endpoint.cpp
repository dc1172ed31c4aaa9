#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/node_endpoint.hpp>
#include <atoll/runtime/runtime_limits.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace atl::runtime {

namespace {

constexpr std::size_t turned_away_max = 1000; ///< remembered names

} // namespace

node_endpoint_actor::node_endpoint_actor(caf::actor_config& config, settings given)
    : io_thread_actor{config}, settings_{std::move(given)},
      cluster_digest_{cluster_digest(settings_.self)}, group_digest_{group_digest(settings_.self)} {
}

caf::behavior node_endpoint_actor::make_behavior() {
  return {
      [this](envelope& message) { return on_envelope(message); },
      [this](adopt_roles& roles) {
        settings_.self = std::move(roles.self);
        settings_.replica = std::move(roles.replica);
        settings_.application = std::move(roles.application);
        group_digest_ = group_digest(settings_.self);
      },
      [this](member_folders& members) { folder_of_ = std::move(members.folder_of); },
  };
}

void node_endpoint_actor::on_exit() {
  settings_.replica = settings_.application = nullptr;
}

caf::result<envelope> node_endpoint_actor::refuse(errc code, std::string why) {
  return make_reply({fail(code, settings_.self.name + ": " + std::move(why)), {}, false});
}

/// Refuses a message that makes no sense here.
caf::result<envelope> node_endpoint_actor::reject_malformed(std::string why) {
  if (auto held_back = malformed_log_.pass())
    log::warning(settings_.self.role, "", "dropped {} ({} more like this)", why, *held_back);
  return refuse(errc::refused, std::move(why));
}

caf::result<envelope> node_endpoint_actor::on_envelope(envelope& message) {
  if (message.kind == message_kind::reply) // a stray reply: answering it would cause another stray
                                           // reply, without end
    return caf::delegated<envelope>{};
  if (message.body.size() > message_bytes_max)
    return reject_malformed("a message above the limit of " + std::to_string(message_bytes_max) +
                            " bytes");
  if (message.kind == message_kind::handshake)
    return answer_handshake(message);
  if (message.kind == message_kind::consensus || message.kind == message_kind::snapshot)
    return from_peer(message);
  if (message.digest != cluster_digest_)
    return reject_malformed("a message for another cluster than '" + settings_.self.cluster + "'");
  switch (message.kind) {
  case message_kind::ping:
    if (auto told = decode_mark(message.body))
      remember(told->first, told->second);
    return make_reply({std::string{}, {}, false});
  case message_kind::local_query:
  case message_kind::members:
  case message_kind::transfer:
  case message_kind::group:
  case message_kind::calls:
    return to_replica(message);
  default:
    break;
  }
  if (message.kind < message_kind::application || !settings_.application)
    return refuse(errc::invalid, "a kind of message that this node doesn't take: " +
                                     std::to_string(static_cast<unsigned>(message.kind)));
  auto promise = make_response_promise();
  promise.delegate(settings_.application, std::move(message));
  return promise;
}

envelope node_endpoint_actor::answer_handshake(const envelope& message) {
  auto theirs = decode_node_info(message.body, settings_.self.wire);
  if (!theirs)
    return make_reply({tl::unexpected{theirs.error()}, {}, false});
  if (auto problem = incompatibility(settings_.self, *theirs); !problem.empty())
    return turn_away(*theirs, problem);
  if (auto problem = wrong_folder(*theirs); !problem.empty())
    return turn_away(*theirs, problem);
  if (auto problem = older_copy(*theirs); !problem.empty()) {
    turn_away(*theirs, problem);
    return make_reply({fail(errc::corrupt, problem), {}, false});
  }
  if (theirs->replica != 0)
    remember(theirs->replica, theirs->mark);
  if (turned_away_.erase(theirs->name) > 0 && settings_.application)
    tell(this, settings_.application, turned_away{theirs->name, {}});
  if (settings_.replica && theirs->replica != 0)
    tell(this, settings_.replica, master_seen{std::move(*theirs)});
  return make_reply({encode(settings_.self), {}, false});
}

envelope node_endpoint_actor::turn_away(const node_info& who, const std::string& why) {
  if (auto held_back = turned_away_log_.pass())
    log::warning(settings_.self.role, who.name, "turned away: {} ({} more like this)", why,
                 *held_back);
  if (settings_.application && who.role != client_role) {
    tell(this, settings_.application, turned_away{who.name, why});
    if (turned_away_.size() < turned_away_max)
      turned_away_.insert(who.name);
  }
  return make_reply({fail(errc::refused, why), {}, false});
}

/// A member's promises are in its data folder: a node that claims the member's id with another
/// folder has not made them.
std::string node_endpoint_actor::wrong_folder(const node_info& who) const {
  auto member = folder_of_.find(who.replica);
  if (who.replica == 0 || who.group.empty() || member == folder_of_.end() ||
      member->second == who.folder)
    return {};
  return fmt::format("{} comes as master {} with the data folder {}, and that id stands for the "
                     "folder {}: its disk was lost or isn't mounted; 'dfs admin master replace {}' "
                     "lets it in under a new id",
                     who.name, who.replica, who.folder, member->second, who.name);
}

void node_endpoint_actor::remember(spi::replica_id of, const replica_mark& mark) {
  if (of == 0 || (marks_.size() >= replica_connections_max && !marks_.contains(of)))
    return;
  auto& known = marks_[of];
  if (mark.incarnation < known.incarnation)
    return; // a mark of an earlier incarnation that arrived late
  if (settings_.replica && (mark.short_of_space || known.short_of_space))
    tell(this, settings_.replica, peer_space{of, mark.short_of_space});
  known = {mark.incarnation, std::max(known.term, mark.term), std::max(known.entry, mark.entry),
           mark.short_of_space};
}

/// A log that holds less than before is an older copy of the disk, which lacks the promises that
/// the replica has made since.
std::string node_endpoint_actor::older_copy(const node_info& who) const {
  auto known = marks_.find(who.replica);
  if (who.replica == 0 || who.group.empty() || known == marks_.end())
    return {};
  auto& mark = known->second;
  if (who.mark.incarnation <= mark.incarnation ||
      (who.mark.term >= mark.term && who.mark.entry >= mark.entry))
    return {};
  return fmt::format(
      "{} comes back with an older copy of its disk: its log held term {} and entry "
      "{} before, and now holds term {} and entry {}; put its disk back, or start it "
      "once with --new-disk and let it in under a new id with 'dfs admin master "
      "replace {}'",
      who.name, mark.term, mark.entry, who.mark.term, who.mark.entry, who.name);
}

caf::result<envelope> node_endpoint_actor::to_replica(envelope& message) {
  if (!settings_.replica && settings_.application && settings_.self.replica != 0) {
    auto promise = make_response_promise();
    promise.delegate(settings_.application, std::move(message));
    return promise;
  }
  if (!settings_.replica)
    return refuse(errc::refused, "this node is no master");
  auto promise = make_response_promise();
  if (message.kind == message_kind::members) {
    auto wanted = decode_change_members(message.body);
    if (!wanted)
      return reject_malformed("a change of members that can't be read");
    promise.delegate(settings_.replica, std::move(*wanted));
  } else if (message.kind == message_kind::transfer) {
    spi::reader in{message.body};
    transfer_leadership wanted{in.get<spi::replica_id>()};
    if (!in.done())
      return reject_malformed("a transfer of leadership that can't be read");
    promise.delegate(settings_.replica, wanted);
  } else if (message.kind == message_kind::calls) {
    auto calls = decode_calls(message.body);
    if (!calls)
      return reject_malformed("calls that can't be read");
    promise.delegate(settings_.replica, client_calls{std::move(*calls)});
  } else if (message.kind == message_kind::local_query) {
    promise.delegate(settings_.replica,
                     query_state{std::move(message.body), spi::read_level::local});
  } else {
    promise.delegate(settings_.replica, get_group{});
  }
  return promise;
}

caf::result<envelope> node_endpoint_actor::from_peer(envelope& message) {
  if (!settings_.replica)
    return refuse(errc::refused, "this node is no master");
  if (message.digest != group_digest_)
    return reject_malformed("a message from a master of another group");
  if (message.kind == message_kind::consensus) {
    auto inner = decode_peer_messages(message.body, settings_.self.replica);
    if (!inner)
      return reject_malformed("messages for another master, or such as can't be read");
    auto promise = make_response_promise();
    promise.delegate(settings_.replica, std::move(*inner)); // the replica sends no answer
    return promise;
  }
  spi::reader in{message.body};
  auto from = in.get<spi::replica_id>();
  auto to = in.get<spi::replica_id>();
  if (!in.ok() || to != settings_.self.replica || from == to)
    return reject_malformed("a message for another master");
  auto promise = make_response_promise();
  promise.delegate(settings_.replica, snapshot_call{from, {}, {}, std::string{in.rest()}});
  return promise;
}

} // namespace atl::runtime
