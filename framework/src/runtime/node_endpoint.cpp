#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>
#include <atoll/runtime/node_endpoint.hpp>
#include <atoll/runtime/runtime_limits.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace atl::runtime {

node_endpoint_actor::node_endpoint_actor(caf::actor_config& config, settings given)
    : io_thread_actor{config}, settings_{std::move(given)} {
  auto self = settings_.self->info();
  name_ = self.name;
  cluster_ = self.cluster;
  cluster_digest_ = cluster_digest(self);
  for (auto& role : settings_.roles)
    adopt(role);
  settings_.roles.clear();
}

caf::behavior node_endpoint_actor::make_behavior() {
  return {
      [this](envelope& message) { return on_envelope(message); },
      [this](adopt_role& role) { adopt(role); },
      [this](const drop_role& dropped) {
        routes_.erase(dropped.role);
        down_[dropped.role] = dropped.why;
      },
      [this](member_folders& members) {
        if (auto* role = find_route(members.role))
          take_folders(*role, std::move(members.folder_of));
      },
  };
}

void node_endpoint_actor::take_folders(route& of,
                                       std::map<spi::replica_id, std::string> folder_of) {
  of.folder_of = std::move(folder_of);
  std::erase_if(of.marks, [&](auto& mark) { return !of.folder_of.contains(mark.first); });
}

void node_endpoint_actor::on_exit() {
  routes_.clear();
}

void node_endpoint_actor::adopt(adopt_role& role) {
  auto& here = routes_[role.info.name];
  if (here.info.group != role.info.group) // what is known is of members of any group
    here.marks.clear();
  here.digest = group_digest(settings_.self->info(), role.info);
  here.info = std::move(role.info);
  here.replica = std::move(role.replica);
  here.application = std::move(role.application);
  here.membership = std::move(role.membership);
  here.admin_command = std::move(role.admin_command);
  down_.erase(here.info.name);
}

node_endpoint_actor::route* node_endpoint_actor::find_route(std::string_view role) {
  auto found = routes_.find(role);
  return found == routes_.end() ? nullptr : &found->second;
}

caf::result<envelope> node_endpoint_actor::refuse(errc code, std::string why) {
  return make_reply({fail(code, name_ + ": " + std::move(why)), {}, false});
}

/// @returns an empty text if the role has not failed
std::string node_endpoint_actor::describe_failed_role(std::string_view role) const {
  auto failed = down_.find(role);
  return failed == down_.end()
             ? std::string{}
             : fmt::format("the role '{}' of {} is down: {}", role, name_, failed->second);
}

caf::result<envelope> node_endpoint_actor::no_such_role(std::string_view role) {
  if (auto why = describe_failed_role(role); !why.empty())
    return make_reply({fail(errc::unavailable, std::move(why)), {}, false});
  std::vector<std::string> present;
  for (auto& [name, here] : routes_)
    present.push_back(name);
  return make_reply(
      {fail(errc::unavailable, describe_missing_role(name_, role, present)), {}, false});
}

/// Refuses a message that makes no sense here.
caf::result<envelope> node_endpoint_actor::reject_malformed(std::string why) {
  if (auto held_back = malformed_log_.pass())
    log::warning("net", "", "dropped {} ({} more like this)", why, *held_back);
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
    return reject_malformed("a message for another cluster than '" + cluster_ + "'");
  switch (message.kind) {
  case message_kind::ping:
    return on_heartbeat(message);
  case message_kind::status:
    return make_reply({encode(settings_.self->status()), {}, false});
  case message_kind::metrics:
    return make_reply({encode(settings_.self->metrics()), {}, false});
  case message_kind::inventory:
    return make_reply({encode(settings_.self->inventory()), {}, false});
  default:
    return to_role(message);
  }
}

// -- messages for a role ----------------------------------------------------------------------

caf::result<envelope> node_endpoint_actor::to_role(envelope& message) {
  auto* to = find_route(message.role);
  if (to == nullptr)
    return no_such_role(message.role);
  switch (message.kind) {
  case message_kind::local_query:
  case message_kind::members:
  case message_kind::transfer:
  case message_kind::group:
  case message_kind::calls:
  case message_kind::state_request:
    return to_replica(*to, message);
  case message_kind::deferred:
    return defer(*to, message);
  default:
    break;
  }
  auto is_for_group =
      message.kind == message_kind::membership || message.kind == message_kind::group_status;
  auto is_for_application = message.kind >= message_kind::application;
  auto& receiver = is_for_group ? to->membership : to->application;
  if (!receiver || !(is_for_group || is_for_application))
    return refuse(errc::invalid,
                  fmt::format("a kind of message that the role '{}' of this node doesn't take: {}",
                              to->info.name, static_cast<unsigned>(message.kind)));
  auto promise = make_response_promise();
  promise.delegate(receiver, std::move(message));
  return promise;
}

/// The work goes to the application; the notice of its end goes to the connection's other end.
caf::result<envelope> node_endpoint_actor::defer(route& to, const envelope& message) {
  auto call = decode_deferred_call(message.body);
  if (!call)
    return reject_malformed("a deferred call that can't be read");
  if (!to.application)
    return refuse(errc::invalid,
                  fmt::format("the role '{}' of this node takes no calls", to.info.name));
  if (deferred_ >= deferred_calls_max)
    return refuse(errc::busy, "too many deferred calls are under way; try again");
  auto requester = caf::actor_cast<caf::actor_addr>(current_sender());
  auto& of_requester = deferred_of_[requester];
  if (of_requester >= deferred_calls_per_requester_max)
    return refuse(errc::busy,
                  fmt::format("{} deferred calls of this requester are under way, the most that it "
                              "may have; wait for one to end, and try again",
                              of_requester));
  ++deferred_;
  ++of_requester;
  auto notify = [this, id = call->id, requester](reply outcome) {
    release_deferred(requester);
    auto body = encode(completion{id, std::move(outcome)});
    if (body.size() > message_bytes_max)
      body = encode(
          completion{id,
                     {fail(errc::invalid, "it was done, and the answer is too large for a message"),
                      {},
                      false}});
    if (auto alive = caf::actor_cast<caf::actor>(requester))
      tell(this, alive, envelope{message_kind::completion, 0, std::move(body)});
  };
  ask(this, to.application, caf::infinite,
      envelope{call->kind, message.digest, std::move(call->body), message.role})
      .then([notify](const envelope& answer) { notify(decode_reply(answer.body)); },
            [notify](const caf::error& problem) {
              notify({fail(errc::unavailable, describe_failure(problem)), {}, true});
            });
  return make_reply({std::string{}, {}, false});
}

void node_endpoint_actor::release_deferred(const caf::actor_addr& requester) {
  --deferred_;
  auto of_requester = deferred_of_.find(requester);
  if (--of_requester->second == 0)
    deferred_of_.erase(of_requester);
}

caf::result<envelope> node_endpoint_actor::to_replica(route& to, envelope& message) {
  if (!to.replica && to.membership) {
    auto promise = make_response_promise();
    promise.delegate(to.membership, std::move(message));
    return promise;
  }
  if (!to.replica)
    return refuse(errc::refused,
                  fmt::format("the role '{}' of this node has no replica", to.info.name));
  auto promise = make_response_promise();
  if (message.kind == message_kind::members) {
    auto wanted = decode_change_members(message.body);
    if (!wanted)
      return reject_malformed("a change of members that can't be read");
    promise.delegate(to.replica, std::move(*wanted));
  } else if (message.kind == message_kind::transfer) {
    spi::reader in{message.body};
    transfer_leadership wanted{in.get<spi::replica_id>()};
    if (!in.done())
      return reject_malformed("a transfer of leadership that can't be read");
    promise.delegate(to.replica, wanted);
  } else if (message.kind == message_kind::state_request) {
    spi::reader in{message.body};
    offer_state wanted{in.get<spi::replica_id>()};
    if (!in.done())
      return reject_malformed("a request for a state that can't be read");
    promise.delegate(to.replica, wanted);
  } else if (message.kind == message_kind::calls) {
    auto calls = decode_calls(message.body);
    if (!calls)
      return reject_malformed("calls that can't be read");
    promise.delegate(to.replica, client_calls{std::move(*calls)});
  } else if (message.kind == message_kind::local_query) {
    promise.delegate(to.replica, query_state{std::move(message.body), spi::read_level::local});
  } else {
    promise.delegate(to.replica, get_group{});
  }
  return promise;
}

caf::result<envelope> node_endpoint_actor::from_peer(envelope& message) {
  auto* to = find_route(message.role);
  if (to == nullptr)
    return no_such_role(message.role);
  if (!to->replica)
    return refuse(errc::refused,
                  fmt::format("the role '{}' of this node has no replica", to->info.name));
  if (message.digest != to->digest)
    return reject_malformed("a message from a replica of another group");
  if (message.kind == message_kind::consensus) {
    auto inner = decode_peer_messages(message.body, to->info.replica);
    if (!inner)
      return reject_malformed("messages for another replica, or such as can't be read");
    auto promise = make_response_promise();
    promise.delegate(to->replica, std::move(*inner)); // the replica sends no answer
    return promise;
  }
  spi::reader in{message.body};
  auto from = in.get<spi::replica_id>();
  auto receiver = in.get<spi::replica_id>();
  if (!in.ok() || receiver != to->info.replica || from == receiver)
    return reject_malformed("a message for another replica");
  auto promise = make_response_promise();
  promise.delegate(to->replica, snapshot_call{from, {}, {}, std::string{in.rest()}});
  return promise;
}

} // namespace atl::runtime
