#include "client_actor.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>

/// The client's connections to the replicas.
namespace atl::runtime {

/// `master-1 at 127.0.0.1:7111`
std::string client_actor::describe(const group_client::member& who) {
  return fmt::format("{} at {}", who.name, to_string(who.where));
}

std::size_t client_actor::next_after(std::size_t member) const {
  auto now = clock::now();
  for (std::size_t i = 1; i < replicas_.size(); ++i)
    if (auto next = (member + i) % replicas_.size(); replicas_[next].silent_until <= now)
      return next;
  return (member + 1) % replicas_.size();
}

std::optional<std::size_t> client_actor::member_at(const std::string& address) const {
  for (std::size_t i = 0; i < replicas_.size(); ++i)
    if (to_string(replicas_[i].who.where) == address)
      return i;
  return std::nullopt;
}

std::optional<std::size_t> client_actor::member_of(const caf::strong_actor_ptr& sender) const {
  for (std::size_t i = 0; i < replicas_.size(); ++i)
    if (replicas_[i].handle && sender == replicas_[i].handle)
      return i;
  return std::nullopt;
}

client_actor::replica client_actor::make_replica(const group_client::member& who) {
  replica out;
  out.who = who;
  return out;
}

void client_actor::connect(std::size_t member) {
  auto& to = replicas_[member];
  to.state = contact::connecting;
  auto generation = ++to.generation;
  auto failed = [this, member, generation](const contact_failure& why) {
    if (generation == replicas_[member].generation)
      lost(member, why);
    send_queued();
    arm();
  };
  connect_to_node(
      this, {to.who.where, settings_.timing.failure_timeout},
      [this, member, generation](const caf::actor& there) {
        if (generation == replicas_[member].generation)
          send_handshake(member, there);
      },
      failed);
}

void client_actor::send_handshake(std::size_t member, const caf::actor& there) {
  auto generation = replicas_[member].generation;
  watch_node(this, there, contact_lost{member, generation});
  ask(this, there, settings_.timing.failure_timeout,
      envelope{message_kind::handshake, digest_, encode(settings_.self)})
      .then(
          [this, member, generation, there](const envelope& message) {
            if (generation != replicas_[member].generation)
              return;
            auto answer = decode_reply(message.body);
            auto response = answer.value
                                ? decode_handshake_response(*answer.value, settings_.self.wire)
                                : result<handshake_response>{tl::unexpected{answer.value.error()}};
            auto problem = response ? incompatibility(settings_.self, response->self)
                                    : response.error().message;
            if (problem.empty())
              problem = unfit_role(response->self);
            if (problem.empty())
              connected(member, there);
            else
              lost(member, {problem, false, errc::refused});
            send_queued();
            arm();
          },
          [this, member, generation](const caf::error& problem) {
            if (generation == replicas_[member].generation)
              lost(member, {"no answer to the handshake: " + describe_failure(problem)});
            send_queued();
            arm();
          });
}

/// Why a node can't answer the calls. A client stays with the group that it met first: two groups
/// of one name would each take a part of its commands.
std::string client_actor::unfit_role(const node_info& who) {
  auto* role = who.find_role(settings_.role);
  if (role == nullptr)
    return describe_missing_role(who, settings_.role);
  if (group_.empty())
    group_ = role->group;
  if (role->group.empty() || role->group == group_)
    return {};
  return fmt::format("it belongs to the group {}, and the {}s that answered before to {}",
                     role->group, settings_.role, group_);
}

void client_actor::connected(std::size_t member, const caf::actor& there) {
  auto& to = replicas_[member];
  to.handle = there;
  to.state = contact::ready;
  to.unreachable = {};
  to.heard_at = clock::now();
  to.pinged_at.reset();
  learn_group(member);
  take_over_queued(member);
  send_waiting_any(member);
}

/// Retries the calls that were sent to that replica, or are queued for it, elsewhere.
void client_actor::lost(std::size_t member, const contact_failure& failure) {
  auto& to = replicas_[member];
  ++to.generation;
  to.state = contact::none;
  to.unreachable = failure;
  to.handle = nullptr;
  to.queue.clear();
  std::vector<call_id> affected;
  for (auto& [id, call] : calls_)
    if (call.member == member && (call.stage == stage::queued || call.stage == stage::sent))
      affected.push_back(id);
  std::sort(affected.begin(), affected.end());
  auto what = fmt::format("{} can't be reached ({})", describe(to.who), failure.why);
  for (auto id : affected)
    again(id, {fail(failure.code, what), {}, calls_.at(id).stage == stage::sent});
  fail_any(member, {failure.code, what});
  send_queued();
}

/// Learns of replicas that joined after the settings were written.
void client_actor::learn_group(std::size_t member) {
  ask(this, replicas_[member].handle, settings_.timing.failure_timeout,
      envelope{message_kind::group, digest_, {}, settings_.role})
      .then(
          [this](const envelope& message) {
            auto answer = decode_reply(message.body);
            auto known = answer.value ? decode_group(*answer.value) : std::nullopt;
            if (known)
              for (auto& replica : *known)
                learn({replica.name, replica.where});
          },
          [](const caf::error&) {});
}

void client_actor::learn(const group_client::member& who) {
  if (!member_at(to_string(who.where)) && replicas_.size() < replica_connections_max)
    replicas_.push_back(make_replica(who));
  update_any();
}

/// Does nothing listen at any host, or is this client refused by all that do? Then a retry helps
/// only once a person has changed something.
bool client_actor::are_all_hopeless() const {
  return std::all_of(replicas_.begin(), replicas_.end(), [](auto& replica) {
    return replica.state == contact::none &&
           (replica.unreachable.is_refused || replica.unreachable.code == errc::refused);
  });
}

/// The replicas that couldn't be reached at the last attempt, grouped by reason.
client_actor::unreachable_replicas client_actor::describe_unreachable() const {
  unreachable_replicas found;
  std::map<std::string, std::vector<std::string>> by_reason;
  for (auto& replica : replicas_)
    if (replica.state != contact::ready && !replica.unreachable.why.empty()) {
      by_reason[replica.unreachable.why].push_back(describe(replica.who));
      ++found.count;
    }
  for (auto& [why, who] : by_reason)
    found.text +=
        fmt::format("{}{} ({})", found.text.empty() ? "" : ", ", fmt::join(who, ", "), why);
  return found;
}

// -- silence ----------------------------------------------------------------------------------

/// Connects to the next replica after `member` that isn't connected or being connected yet.
void client_actor::race(std::size_t member) {
  for (std::size_t i = 1; i < replicas_.size(); ++i) {
    auto next = (member + i) % replicas_.size();
    if (replicas_[next].state == contact::ready)
      return take_over_queued(next);
    if (replicas_[next].state == contact::none)
      return connect(next);
  }
}

/// A replica is connected: it takes the calls that wait for the connection to another one.
void client_actor::take_over_queued(std::size_t member) {
  for (auto& [id, call] : calls_)
    if (call.stage == stage::queued && !call.what.only && call.member != member &&
        replicas_[call.member].state != contact::ready)
      queue_up(id, member);
}

void client_actor::ping_if_quiet(std::size_t member, clock::time_point quiet_since,
                                 clock::time_point now) {
  auto& to = replicas_[member];
  if (to.pinged_at || now - quiet_since < client_ping_delay)
    return;
  to.pinged_at = now;
  auto generation = to.generation;
  ask(this, to.handle, settings_.timing.failure_timeout, envelope{message_kind::ping, digest_, {}})
      .then(
          [this, member, generation](const envelope&) {
            auto& from = replicas_[member];
            if (generation != from.generation)
              return;
            from.pinged_at.reset();
            from.heard_at = clock::now();
            from.silent_until = {};
          },
          [this, member, generation](const caf::error&) {
            if (generation == replicas_[member].generation)
              replicas_[member].pinged_at.reset();
          });
}

bool client_actor::is_silent(std::size_t member, clock::time_point now) const {
  auto& of = replicas_[member];
  return of.state == contact::ready && of.pinged_at && of.heard_at < *of.pinged_at &&
         now - *of.pinged_at >= client_ping_timeout;
}

} // namespace atl::runtime
