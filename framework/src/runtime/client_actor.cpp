#include "client_actor.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace atl::runtime {

namespace {

/// Appended to the error of a command that an earlier attempt may have delivered to a replica.
constexpr const char* may_have_taken_effect = "; the command may still have taken effect";

} // namespace

// -- start and stop
// -------------------------------------------------------------------------------------

client_actor::client_actor(caf::actor_config& config, group_client::settings given,
                           std::shared_ptr<client_inbox> inbox)
    : io_thread_actor{config}, settings_{std::move(given)}, inbox_{std::move(inbox)},
      digest_{cluster_digest(settings_.self)}, random_{settings_.seed}, any_{make_any()} {
  for (auto& it : settings_.members)
    replicas_.push_back(make_replica(it));
  reader_ = random_.below(replicas_.size());
  if (auto first = member_at(settings_.first))
    writer_ = *first; // queries spread over all replicas
  update_any();
}

caf::behavior client_actor::make_behavior() {
  return {
      [this](calls_wait) { take_inbox(); },
      [this](const envelope& message) {
        if (message.kind == message_kind::answers)
          on_responses(message);
      },
      [this](client_tick) { on_wake(); },
      [this](const contact_lost& what) {
        if (what.generation == replicas_[what.member].generation)
          lost(what.member, {"the connection broke"});
        arm();
      },
  };
}

void client_actor::on_exit() {
  inbox_->close();
  for (auto& call : inbox_->take())
    call.done(fail(errc::unavailable, "the client was closed"));
  for (auto& [id, call] : std::exchange(calls_, {}))
    call.what.done(
        fail(call.in_doubt || call.stage == stage::sent ? errc::timeout : errc::unavailable,
             "the client was closed"));
  replicas_.clear();
}

// -- calls ------------------------------------------------------------------------------------

void client_actor::take_inbox() {
  auto now = clock::now();
  for (auto& request : inbox_->take()) {
    auto id = ++last_id_;
    auto member = request.only ? *request.only : is_query(request.kind) ? reader_ : writer_;
    auto& call = calls_[id];
    call.what = std::move(request);
    call.give_up = now + settings_.timeout;
    call.refusal_deadline = now + settings_.refusal_timeout;
    queue_up(id, member);
  }
  send_queued();
  arm();
}

/// Queues a call for a replica: it is sent with the next envelope, or once the connection is up. A
/// call that any replica can answer goes to the one that is picked.
void client_actor::queue_up(call_id id, std::size_t member) {
  auto& call = calls_.at(id);
  if (call.what.any)
    return submit_any(id);
  auto now = clock::now();
  call.member = member;
  call.stage = stage::queued;
  call.attempt_since = now;
  ++call.attempt;
  replicas_[member].queue.push_back(id);
  if (replicas_[member].state == contact::none)
    connect(member);
  set_wake(id, now + check_interval(call));
}

/// When to look after a call that is queued or sent.
client_actor::clock::duration client_actor::check_interval(const call& it) const {
  auto waits_for_connection = replicas_[it.member].state != contact::ready;
  return std::min<clock::duration>(waits_for_connection ? client_race_delay : client_ping_delay,
                                   settings_.timing.failure_timeout);
}

void client_actor::send_queued() {
  for (std::size_t member = 0; member < replicas_.size(); ++member) {
    auto& to = replicas_[member];
    if (to.state != contact::ready || to.queue.empty())
      continue;
    std::vector<client_call> together;
    std::size_t bytes = 0;
    auto send = [&] {
      tell(this, to.handle,
           envelope{message_kind::calls, digest_, encode(together), settings_.role});
      together.clear();
      bytes = 0;
    };
    for (auto id : std::exchange(to.queue, {})) {
      auto found = calls_.find(id);
      if (found == calls_.end() || found->second.stage != stage::queued ||
          found->second.member != member)
        continue; // the call ended, or was queued for another replica
      auto& call = found->second;
      call.stage = stage::sent;
      if (call.what.kind != message_kind::command && call.what.kind != message_kind::query) {
        send_alone(member, id);
        continue;
      }
      if (bytes + call.what.body.size() > calls_together_bytes && !together.empty())
        send();
      bytes += call.what.body.size();
      together.push_back({wire_id(id, call), call.what.kind, call.what.body});
      if (together.size() == calls_together_max)
        send();
    }
    if (!together.empty())
      send();
  }
}

void client_actor::send_alone(std::size_t member, call_id id) {
  auto& call = calls_.at(id);
  auto sent = wire_id(id, call);
  ask(this, replicas_[member].handle, settings_.timing.failure_timeout,
      envelope{call.what.kind, digest_, call.what.body, settings_.role})
      .then(
          [this, sent](const envelope& message) {
            on_response(sent, decode_reply(message.body));
            send_queued();
            arm();
          },
          [](const caf::error&) {}); // the timer of the attempt handles that
}

void client_actor::on_responses(const envelope& message) {
  if (auto from = member_of(current_sender()))
    replicas_[*from].heard_at = clock::now();
  auto answers = decode_responses(message.body);
  if (!answers)
    return;
  for (auto& it : *answers)
    on_response(it.id, std::move(it.answer));
  send_queued();
  arm();
}

/// A successful answer also counts if it belongs to an earlier attempt: the command took effect.
void client_actor::on_response(std::uint64_t wire, reply answer) {
  auto found = calls_.find(wire >> 8);
  if (found == calls_.end())
    return;
  auto& call = found->second;
  auto newest = (wire & 0xff) == call.attempt;
  if (newest)
    replicas_[call.member].silent_until = {};
  if (answer.value) {
    if (newest && !call.what.only) {
      if (is_query(call.what.kind))
        reader_ = call.member;
      else if (std::exchange(writer_, call.member) != call.member)
        end_pauses();
      if (call.what.kind == message_kind::command)
        note_leader(call.member);
    }
    return finish(found->first, std::move(*answer.value));
  }
  if (newest && call.stage == stage::sent)
    again(found->first, answer);
}

void client_actor::note_leader(std::size_t member) {
  if (std::exchange(leader_, member) != member)
    inbox_->set_leader(to_string(replicas_[member].who.where));
}

/// Retries a call that a replica failed to answer, at this or another replica, or completes it with
/// an error.
void client_actor::again(call_id id, const reply& answer) {
  auto& call = calls_.at(id);
  auto& problem = answer.value.error();
  auto now = clock::now();
  call.in_doubt = call.in_doubt || answer.in_doubt;
  auto is_reached = replicas_[call.member].state == contact::ready;
  if (is_reached)
    call.last_error = problem.message;
  if (call.what.only)
    return finish(id, tl::unexpected{problem});
  if (problem.code == errc::invalid || problem.code == errc::corrupt ||
      problem.code == errc::no_space ||
      (problem.code == errc::refused && now >= call.refusal_deadline &&
       (is_reached || are_all_hopeless())))
    return finish(id, call.in_doubt ? fail(errc::timeout, problem.message + may_have_taken_effect)
                                    : tl::unexpected{problem});
  if (now >= call.give_up || (now >= call.refusal_deadline && are_all_hopeless()))
    return give_up(id, problem);
  auto hop = call.hops++;
  if (auto leader = member_at(answer.hint); leader && *leader != call.member && hop % 3 != 2)
    return queue_up(id, *leader); // without a pause, because the leader is known
  auto stays = is_reached && (problem.code == errc::refused || problem.code == errc::busy);
  auto next = stays ? call.member : next_after(call.member);
  // In the first round all replicas are tried without a pause.
  if (hop + 1 < replicas_.size() && !stays)
    return queue_up(id, next);
  auto& timing = settings_.timing;
  // The pause grows with the time since the call began, so that a short outage costs a short pause.
  auto failing = now - (call.give_up - settings_.timeout);
  auto pause = std::clamp(std::chrono::duration_cast<std::chrono::milliseconds>(failing / 4),
                          timing.backoff_min, timing.backoff_max);
  call.member = next;
  call.stage = stage::pausing;
  set_wake(id, now + std::chrono::milliseconds{
                         random_.between(timing.backoff_min.count(), pause.count())});
}

void client_actor::give_up(call_id id, const error& problem) {
  auto& call = calls_.at(id);
  auto unreachable = describe_unreachable();
  auto all_unreachable = unreachable.count == replicas_.size();
  auto& reason = call.last_error.empty() ? problem.message : call.last_error;
  auto text =
      all_unreachable
          ? fmt::format("no {} answers: {}", settings_.role, unreachable.text)
          : fmt::format("no {} could do it within {} ms; the last one said: {}", settings_.role,
                        settings_.timeout / std::chrono::milliseconds{1}, reason);
  if (!all_unreachable && unreachable.count > 0)
    text +=
        fmt::format("; {} of {} {}s {} answer{}: {}", unreachable.count, replicas_.size(),
                    settings_.role, unreachable.count == 1 ? "doesn't" : "don't",
                    unreachable.count * 2 >= replicas_.size() ? ", so a majority is missing" : "",
                    unreachable.text);
  if (call.in_doubt)
    text += may_have_taken_effect;
  if (all_unreachable && !settings_.advice.empty())
    text += "; " + settings_.advice;
  finish(id, fail(call.in_doubt ? errc::timeout : errc::unavailable, std::move(text)));
}

/// The leader was found: calls that pause before they look for the leader are sent to it.
void client_actor::end_pauses() {
  for (auto& [id, call] : calls_)
    if (call.stage == stage::pausing && !is_query(call.what.kind)) {
      call.member = writer_;
      set_wake(id, clock::now());
    }
}

void client_actor::finish(call_id id, result<std::string> answer) {
  auto it = calls_.find(id);
  wakes_.erase({it->second.wake, id});
  auto done = std::move(it->second.what.done);
  calls_.erase(it);
  done(std::move(answer));
}

// -- time -------------------------------------------------------------------------------------

void client_actor::set_wake(call_id id, clock::time_point at) {
  auto& call = calls_.at(id);
  wakes_.erase({call.wake, id});
  call.wake = at;
  wakes_.emplace(at, id);
}

void client_actor::on_wake() {
  armed_ = clock::time_point::max();
  auto now = clock::now();
  any_.advance(std::chrono::duration_cast<spi::timestamp>(now.time_since_epoch()));
  carry_out_any();
  while (!wakes_.empty() && wakes_.begin()->first <= now) {
    auto id = wakes_.begin()->second;
    auto& call = calls_.at(id);
    if (call.stage == stage::pausing) {
      queue_up(id, call.member);
      continue;
    }
    if (call.stage == stage::dispatched) {
      look_after_any(id, now);
      continue;
    }
    auto is_over = now - call.attempt_since >= settings_.timing.failure_timeout;
    if (is_over || (!call.what.only && is_silent(call.member, now)))
      give_up_attempt(id, now);
    else
      look_after(id, now);
  }
  send_queued();
  arm();
}

void client_actor::give_up_attempt(call_id id, clock::time_point now) {
  auto& call = calls_.at(id);
  auto& silent = replicas_[call.member];
  silent.silent_until = now + settings_.timing.failure_timeout * 4;
  if (silent.state != contact::ready)
    silent.unreachable = {"no answer in time"};
  again(id, {fail(errc::timeout, describe(silent.who) + " didn't answer in time"),
             {},
             call.stage == stage::sent});
}

/// Before an attempt's time is over: while there is no connection, another replica is tried as
/// well, and whichever is connected first takes the call; a replica that says nothing is pinged,
/// because one that is alive answers a ping at once, however long the call takes.
void client_actor::look_after(call_id id, clock::time_point now) {
  auto& call = calls_.at(id);
  if (call.what.only)
    return set_wake(id, call.attempt_since + settings_.timing.failure_timeout);
  if (replicas_[call.member].state != contact::ready)
    race(call.member);
  else if (call.stage == stage::sent)
    ping_if_quiet(call.member, std::max(call.attempt_since, replicas_[call.member].heard_at), now);
  set_wake(id, now + check_interval(call));
}

void client_actor::arm() {
  auto wanted = wakes_.empty() ? clock::time_point::max() : wakes_.begin()->first;
  if (auto timer = any_.next_timer(); timer != no_deadline)
    wanted = std::min(wanted, clock::time_point{timer});
  if (wanted >= armed_)
    return;
  armed_ = wanted;
  tell_later(this, std::max(armed_ - clock::now(), clock::duration{0}), client_tick{});
}

} // namespace atl::runtime
