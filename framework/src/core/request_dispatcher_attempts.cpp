#include <atoll/core/request_dispatcher.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

// Picks, attempts, timers and views of a dispatcher.
namespace atl {

// -- picks ------------------------------------------------------------------------------------

request_dispatcher::places request_dispatcher::places_for(const request_state& request) const {
  if (request.what.among.empty())
    return {workers_.size(), available_, full_};
  places there;
  for (auto id : request.what.among)
    if (auto found = workers_.find(id); found != workers_.end()) {
      auto& worker = found->second;
      ++there.workers;
      there.available += worker.is_available;
      there.full += worker.is_available && worker.is_full;
    }
  return there;
}

/// A worker that wasn't tried, if there is one.
result<std::optional<std::uint64_t>> request_dispatcher::pick(const request_state& request) {
  auto picked = pick_other_than(request.tried, request);
  if (picked && !*picked && !request.tried.empty())
    return pick_other_than({}, request);
  return picked;
}

result<std::optional<std::uint64_t>>
request_dispatcher::pick_other_than(const std::vector<std::uint64_t>& excluded,
                                    const request_state& request) {
  if (request.what.among.empty())
    return pool_.pick(request.what.key, now_, excluded);
  std::vector<std::uint64_t> left;
  for (auto id : request.what.among)
    if (std::ranges::find(excluded, id) == excluded.end())
      left.push_back(id);
  auto order = pool_.order(request.what.key, left, now_);
  if (!order)
    return tl::unexpected{order.error()};
  return order->empty() ? std::nullopt : std::optional{order->front()};
}

// -- attempts ---------------------------------------------------------------------------------

void request_dispatcher::start(std::uint64_t id, request_state& request, std::uint64_t worker,
                               bool is_hedge) {
  dequeue(id, request);
  auto attempt = ++last_attempt_;
  ++counters_.attempts;
  pool_.begin(worker);
  auto& at = workers_.at(worker);
  auto& state = attempts_[attempt];
  state = {id, worker, at.attempts.size(), now_, no_deadline, is_hedge};
  state.heard_at = now_;
  at.attempts.push_back(attempt);
  set_state(worker, at, at.is_available);
  request.tried.push_back(worker);
  request.attempts[is_hedge ? 1 : 0] = attempt;
  if (options_.attempt_timeout.count() > 0)
    set_timer(state.timer_at, timer_kind::attempt, attempt, now_ + options_.attempt_timeout);
  state.overdue_at = hedge_time(request);
  if (!is_hedge && !request.was_hedged)
    request.hedge_at = state.overdue_at;
  arm(id, request);
  effects_.emplace_back(std::in_place_type<send_attempt>, attempt, id, worker,
                        request.what.deadline);
}

/// Frees the attempt's place at its worker.
request_dispatcher::attempt_state request_dispatcher::release(attempt_map::iterator ended) {
  set_timer(ended->second.timer_at, timer_kind::attempt, ended->first, no_deadline);
  auto state = ended->second;
  attempts_.erase(ended);
  auto& worker = *find_worker(state.worker);
  if (auto last = worker.attempts.back(); state.place + 1 < worker.attempts.size()) {
    worker.attempts[state.place] = last;
    attempts_.at(last).place = state.place;
  }
  worker.attempts.pop_back();
  set_state(state.worker, worker, worker.is_available);
  if (worker.attempts.empty())
    departed_.erase(state.worker);
  return state;
}

/// The attempt is no longer its request's.
void request_dispatcher::detach(std::uint64_t attempt, std::uint64_t request) {
  auto& attempts = requests_.at(request).attempts;
  if (attempts[0] == attempt)
    attempts[0] = attempts[1];
  attempts[1] = 0;
}

/// The worker may still work on it, so that it keeps its place for a while. Unless the attempt
/// counts as a failure now, its timeout still comes: otherwise hedges, which win before it, would
/// hide a worker that answers nothing.
void request_dispatcher::abandon(std::uint64_t attempt, bool counts_as_failure) {
  auto& state = attempts_.at(attempt);
  state.request = 0;
  state.place_until = now_ + options_.abandoned_max;
  if (counts_as_failure)
    count_failure(state);
  auto timer = options_.attempt_timeout.count() > 0 && !state.was_counted
                   ? std::min(state.started + options_.attempt_timeout, state.place_until)
                   : state.place_until;
  set_timer(state.timer_at, timer_kind::attempt, attempt, timer);
  effects_.emplace_back(std::in_place_type<cancel_attempt>, attempt, state.worker);
}

/// The attempt keeps its place.
void request_dispatcher::count_failure(attempt_state& state) {
  state.was_counted = true;
  pool_.finish(state.worker, {false, now_ - state.started}, now_);
  pool_.begin(state.worker);
}

void request_dispatcher::on_answer(std::uint64_t attempt, spi::timestamp now) {
  enter(now);
  auto found = attempts_.find(attempt);
  if (found == attempts_.end() || found->second.request == 0)
    ++counters_.late_answers;
  if (found == attempts_.end())
    return send_queued();
  auto ended = release(found);
  // A late answer tells how slow the worker is, which nothing else does while hedges win.
  if (ended.was_counted)
    pool_.cancel(ended.worker);
  else
    pool_.finish(ended.worker, {true, now_ - ended.started}, now_);
  if (ended.request != 0) {
    latencies_.add(now_ - ended.started);
    silences_.add(std::max(ended.longest_silence, now_ - ended.heard_at));
    counters_.latency += now_ - ended.started;
    counters_.hedges_won += ended.is_hedge;
    detach(attempt, ended.request);
    complete(ended.request, attempt, std::nullopt);
  }
  send_queued();
}

void request_dispatcher::on_failure(std::uint64_t attempt, attempt_failure how, error problem,
                                    spi::timestamp now) {
  enter(now);
  auto found = attempts_.find(attempt);
  if (found == attempts_.end())
    return send_queued();
  auto ended = release(found);
  if (ended.request == 0 || how == attempt_failure::busy)
    pool_.cancel(ended.worker);
  else
    pool_.finish(ended.worker, {false, now_ - ended.started}, now_);
  if (how == attempt_failure::busy)
    pause(ended.worker);
  if (ended.request != 0) {
    detach(attempt, ended.request);
    fail_over(ended.request, how, problem);
  }
  send_queued();
}

void request_dispatcher::on_cancelled(std::uint64_t attempt, spi::timestamp now) {
  enter(now);
  auto found = attempts_.find(attempt);
  if (found == attempts_.end() || found->second.request != 0)
    return send_queued();
  auto ended = release(found);
  if (ended.was_counted || now_ < ended.overdue_at)
    pool_.cancel(ended.worker);
  else
    pool_.finish(ended.worker, {false, now_ - ended.started}, now_);
  send_queued();
}

void request_dispatcher::on_attempt_timer(std::uint64_t id) {
  auto found = attempts_.find(id);
  auto request = found->second.request;
  if (request == 0)
    return on_abandoned_timer(found);
  auto worker = found->second.worker;
  detach(id, request);
  abandon(id, true);
  fail_over(request, attempt_failure::failed,
            {errc::timeout, fmt::format("worker {} didn't answer within {} ms", worker,
                                        options_.attempt_timeout.count() / 1000)});
}

void request_dispatcher::on_abandoned_timer(attempt_map::iterator abandoned) {
  auto& state = abandoned->second;
  if (now_ >= state.place_until) {
    pool_.cancel(release(abandoned).worker);
    return;
  }
  count_failure(state);
  set_timer(state.timer_at, timer_kind::attempt, abandoned->first, state.place_until);
}

// -- time -------------------------------------------------------------------------------------

spi::timestamp request_dispatcher::next_timer() const {
  return timers_.empty() ? no_deadline : std::get<0>(*timers_.begin());
}

void request_dispatcher::advance(spi::timestamp now) {
  enter(now);
  send_queued();
}

/// Lets time pass before anything else happens, so that an answer after the deadline is late.
void request_dispatcher::enter(spi::timestamp now) {
  now_ = std::max(now_, now);
  while (next_timer() <= now_ && !timers_.empty()) {
    auto [at, kind, id] = *timers_.begin();
    switch (kind) {
    case timer_kind::request:
      on_request_timer(id);
      break;
    case timer_kind::attempt:
      on_attempt_timer(id);
      break;
    case timer_kind::update:
      update_again();
      break;
    case timer_kind::busy_pause:
      resume(id);
      break;
    case timer_kind::ejection_end:
      pool_.advance(now_);
      set_timer(ejection_end_at_, timer_kind::ejection_end, 0, no_deadline);
      break;
    }
  }
}

void request_dispatcher::on_request_timer(std::uint64_t id) {
  auto& request = requests_.at(id);
  if (now_ >= request.what.deadline)
    return expire(id);
  hedge(id, request);
  arm(id, request);
}

void request_dispatcher::arm(std::uint64_t id, request_state& request) {
  set_timer(request.timer_at, timer_kind::request, id,
            std::min(request.what.deadline, request.hedge_at));
}

void request_dispatcher::set_timer(spi::timestamp& armed, timer_kind kind, std::uint64_t id,
                                   spi::timestamp at) {
  if (armed == at)
    return;
  if (armed != no_deadline)
    timers_.erase({armed, kind, id});
  armed = at;
  if (at != no_deadline)
    timers_.insert({at, kind, id});
}

// -- views ------------------------------------------------------------------------------------

void request_dispatcher::drain(std::vector<dispatch_effect>& into) {
  into.insert(into.end(), std::make_move_iterator(effects_.begin()),
              std::make_move_iterator(effects_.end()));
  effects_.clear();
}

dispatch_load request_dispatcher::load() const {
  dispatch_load now;
  now.workers = workers_.size();
  now.available = available_;
  now.ejected = pool_.ejected();
  now.full = full_;
  now.requests = requests_.size();
  now.in_flight = attempts_.size();
  now.queued = queue_.size();
  now.queued_bytes = queue_.bytes();
  now.budget_left = budget_.left(now_);
  now.p50 = latencies_.quantile(0.5);
  now.p99 = latencies_.quantile(0.99);
  return now;
}

std::optional<std::uint64_t> request_dispatcher::worker_of(std::uint64_t attempt) const {
  auto found = attempts_.find(attempt);
  return found == attempts_.end() ? std::nullopt : std::optional{found->second.worker};
}

std::optional<worker_load> request_dispatcher::find_load(std::uint64_t id) const {
  auto found = workers_.find(id);
  if (found == workers_.end())
    return std::nullopt;
  return worker_load{id, found->second.is_available, pool_.is_ejected(id), pool_.in_flight(id),
                     pool_.latency(id)};
}

std::vector<worker_load> request_dispatcher::workers() const {
  std::vector<worker_load> all;
  for (auto& [id, worker] : workers_)
    all.push_back(*find_load(id));
  std::ranges::sort(all, {}, &worker_load::id);
  return all;
}

} // namespace atl
