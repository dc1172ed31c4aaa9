#include "client_actor.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <algorithm>
#include <tuple>
#include <utility>

/// The client's calls that any replica can answer. A dispatcher's core decides which replica is
/// asked: those that failed are left out for a while, and one that is silent is hedged.
namespace atl::runtime {

namespace {

/// Picks the replica that the request's key names, then one that is connected, then any.
class preferred_replica final : public spi::balancer {
 public:
  /// @param is_connected of the replica of this number
  explicit preferred_replica(std::function<bool(std::size_t)> is_connected)
      : is_connected_{std::move(is_connected)} {}

  void update(std::span<const spi::member> members) override {
    numbers_.clear();
    for (auto& it : members)
      numbers_.push_back(it.id);
  }
  spi::slot pick(const spi::pick_request& request, const spi::member_facts& facts) override {
    auto best = spi::no_slot;
    int best_rank = -1;
    for (spi::slot who = 0; who < numbers_.size(); ++who) {
      if (facts.available[who] == 0 || std::ranges::find(request.tried, who) != request.tried.end())
        continue;
      auto rank = numbers_[who] == request.key ? 2 : is_connected_(numbers_[who]) ? 1 : 0;
      if (rank > best_rank)
        std::tie(best, best_rank) = std::pair{who, rank};
    }
    return best;
  }

 private:
  std::function<bool(std::size_t)> is_connected_;
  std::vector<std::size_t> numbers_; ///< of the replicas, by slot
};

dispatch_options options_of(const group_client::settings& settings) {
  constexpr std::uint32_t no_bound = 1 << 30; // calls are bounded by those who make them
  dispatch_options options;
  options.worker_requests_max = no_bound;
  options.retries_max = 3;
  options.budget = {1, 20, 20};
  options.hedge_after = client_race_delay;
  options.attempt_timeout = settings.timing.failure_timeout;
  options.abandoned_max = settings.timing.failure_timeout;
  options.busy_pause = std::chrono::microseconds{0};
  options.outliers.failures = 1;
  options.outliers.ejection = settings.timing.failure_timeout * 4;
  options.outliers.ejection_max = options.outliers.ejection;
  return options;
}

/// Whether another replica may give a better answer.
bool is_worth_repeating(const error& problem) {
  return problem.code == errc::busy || problem.code == errc::refused ||
         problem.code == errc::unavailable || problem.code == errc::timeout;
}

spi::timestamp stamp(std::chrono::steady_clock::time_point at) {
  return std::chrono::duration_cast<spi::timestamp>(at.time_since_epoch());
}

} // namespace

request_dispatcher client_actor::make_any() {
  auto is_connected = [this](std::size_t member) {
    return replicas_[member].state == contact::ready;
  };
  return {std::make_shared<preferred_replica>(is_connected), "replicas", options_of(settings_)};
}

void client_actor::update_any() {
  std::vector<pool_member> members(replicas_.size());
  for (std::size_t i = 0; i < members.size(); ++i)
    members[i].id = i;
  std::ignore = any_.set_workers(std::move(members), stamp(clock::now())); // none is there twice
}

void client_actor::submit_any(call_id id) {
  auto& call = calls_.at(id);
  call.stage = stage::dispatched;
  set_wake(id, clock::now() + client_ping_delay);
  dispatch_request request;
  request.key = is_query(call.what.kind) ? reader_ : writer_;
  request.repeatable = true;
  request.deadline = stamp(call.give_up);
  any_calls_[any_.submit(request, stamp(clock::now()))] = id;
  carry_out_any();
}

void client_actor::carry_out_any() {
  std::vector<dispatch_effect> effects;
  any_.drain(effects);
  for (auto& effect : effects)
    if (auto* sent = std::get_if<send_attempt>(&effect))
      start_any(*sent);
    else if (auto* done = std::get_if<complete_request>(&effect))
      finish_any(*done);
  // What is cancelled goes on: a replica can't be told to stop.
}

void client_actor::start_any(const send_attempt& what) {
  auto member = static_cast<std::size_t>(what.worker);
  auto id = any_calls_.at(what.request);
  calls_.at(id).member = member;
  any_attempts_[what.attempt] = {id, member, false, clock::now()};
  if (replicas_[member].state == contact::ready)
    send_any(what.attempt);
  else if (replicas_[member].state == contact::none)
    connect(member);
}

void client_actor::send_any(std::uint64_t attempt) {
  auto& it = any_attempts_.at(attempt);
  auto call = calls_.find(it.call);
  if (call == calls_.end()) { // it was answered before the connection was there
    any_attempts_.erase(attempt);
    return any_.on_failure(attempt, attempt_failure::busy, {}, stamp(clock::now()));
  }
  it.is_sent = true;
  auto& what = call->second.what;
  ask(this, replicas_[it.member].handle, settings_.timing.failure_timeout,
      envelope{what.kind, digest_, what.body, settings_.role})
      .then([this, attempt](
                const envelope& message) { on_any_response(attempt, decode_reply(message.body)); },
            [this, attempt](const caf::error&) { // the timeout of the attempt has come before
              any_attempts_.erase(attempt);
            });
}

void client_actor::send_waiting_any(std::size_t member) {
  std::vector<std::uint64_t> waiting;
  for (auto& [attempt, it] : any_attempts_)
    if (it.member == member && !it.is_sent)
      waiting.push_back(attempt);
  std::ranges::sort(waiting);
  for (auto attempt : waiting)
    send_any(attempt);
  carry_out_any();
}

void client_actor::on_any_response(std::uint64_t attempt, reply answer) {
  auto found = any_attempts_.extract(attempt);
  if (!found)
    return;
  auto& it = found.mapped();
  replicas_[it.member].heard_at = clock::now();
  auto call = calls_.find(it.call);
  if (call != calls_.end())
    call->second.member = it.member;
  auto now = stamp(clock::now());
  if (answer.value || !is_worth_repeating(answer.value.error())) {
    if (call != calls_.end() && answer.value && is_query(call->second.what.kind))
      reader_ = it.member;
    any_answer_ = std::move(answer);
    any_.on_answer(attempt, now);
  } else {
    auto how = answer.value.error().code == errc::busy ? attempt_failure::busy
                                                       : attempt_failure::not_delivered;
    any_.on_failure(attempt, how, answer.value.error(), now);
  }
  carry_out_any();
  send_queued();
  arm();
}

/// A replica that isn't connected soon, or that answers no ping, is left for another.
void client_actor::look_after_any(call_id id, clock::time_point now) {
  set_wake(id, now + client_ping_delay);
  std::vector<std::pair<std::uint64_t, bool>> lost;
  for (auto& [attempt, it] : any_attempts_) {
    if (it.call != id)
      continue;
    if (it.is_sent)
      ping_if_quiet(it.member, std::max(it.since, replicas_[it.member].heard_at), now);
    if (it.is_sent ? is_silent(it.member, now)
                   : replicas_.size() > 1 && now - it.since >= client_race_delay)
      lost.emplace_back(attempt, it.is_sent);
  }
  std::ranges::sort(lost);
  for (auto& [attempt, is_sent] : lost) {
    note_no_answer(any_attempts_.extract(attempt).mapped().member);
    any_.on_failure(attempt, is_sent ? attempt_failure::failed : attempt_failure::not_delivered,
                    {errc::timeout, "no answer in time"}, stamp(now));
  }
  carry_out_any();
}

void client_actor::note_no_answer(std::size_t member) {
  auto& silent = replicas_[member];
  if (silent.state != contact::ready && silent.unreachable.why.empty())
    silent.unreachable = {"no answer in time"};
}

/// The replica's connection is gone, or was never there.
void client_actor::fail_any(std::size_t member, const error& problem) {
  std::vector<std::pair<std::uint64_t, bool>> failed;
  for (auto& [attempt, it] : any_attempts_)
    if (it.member == member) {
      failed.emplace_back(attempt, it.is_sent);
      if (auto call = calls_.find(it.call); call != calls_.end())
        call->second.member = member;
    }
  std::ranges::sort(failed);
  for (auto& [attempt, is_sent] : failed) {
    any_attempts_.erase(attempt);
    any_.on_failure(attempt, is_sent ? attempt_failure::failed : attempt_failure::not_delivered,
                    problem, stamp(clock::now()));
  }
  carry_out_any();
}

/// What no replica could answer is tried again after a pause, until the call's time is over.
void client_actor::finish_any(const complete_request& what) {
  auto id = any_calls_.extract(what.request).mapped();
  if (what.attempt != 0 && any_answer_.value)
    return finish(id, std::move(*any_answer_.value));
  auto& call = calls_.at(id);
  call.hops = replicas_.size();
  if (what.attempt != 0)
    return again(id, std::exchange(any_answer_, {}));
  auto problem = *what.problem;
  if (problem.code == errc::timeout) {
    for (auto& [attempt, it] : any_attempts_)
      if (it.call == id)
        note_no_answer(it.member);
    problem.message = describe(replicas_[call.member].who) + " didn't answer in time";
  }
  again(id, {tl::unexpected{std::move(problem)}, {}, false});
}

} // namespace atl::runtime
