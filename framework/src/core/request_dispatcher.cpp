#include <atoll/core/request_dispatcher.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

// Workers, and the way of a request from its arrival to its end.
namespace atl {

namespace {

constexpr std::chrono::seconds update_again_after{1};
/// An error's text comes from a worker, and is kept as long as its request.
constexpr std::size_t problem_bytes_max = 512;

pool_options make_pool_options(const dispatch_options& options) {
  pool_options made;
  made.outliers = options.outliers;
  made.slow_start = options.slow_start;
  made.local_domain = options.local_domain;
  made.seed = options.seed;
  return made;
}

} // namespace

request_dispatcher::request_dispatcher(std::shared_ptr<spi::balancer> balancer, std::string name,
                                       dispatch_options options)
    : options_{std::move(options)}, pool_{std::move(balancer), std::move(name),
                                          make_pool_options(options_)},
      budget_{options_.budget}, queue_{options_.queue} {}

// -- workers ----------------------------------------------------------------------------------

/// The workers change first, so that what is due at the same time goes to none that has left.
status request_dispatcher::set_workers(std::vector<pool_member> workers, spi::timestamp now) {
  now_ = std::max(now_, now);
  std::vector<std::uint64_t> left;
  auto updated = update_members(std::move(workers), left);
  enter(now);
  end_attempts(left, updated);
  send_queued();
  return updated;
}

/// @param left gets the workers that aren't in the list
status request_dispatcher::update_members(std::vector<pool_member> workers,
                                          std::vector<std::uint64_t>& left) {
  auto updated = pool_.update(workers, now_);
  if (!updated && updated.error().code == errc::invalid)
    return updated;
  set_timer(update_at_, timer_kind::update, 0, updated ? no_deadline : now_ + update_again_after);
  refused_ = updated ? std::vector<pool_member>{} : workers;
  if (!updated)
    workers.clear();
  std::unordered_set<std::uint64_t> present;
  for (auto& it : workers)
    present.insert(it.id);
  for (auto& [id, worker] : workers_)
    if (!present.contains(id))
      left.push_back(id);
  std::ranges::sort(left);
  for (auto id : left) {
    resume(id);
    auto leaving = workers_.find(id);
    set_state(id, leaving->second, false);
    if (leaving->second.attempts.empty())
      workers_.erase(leaving);
    else
      departed_.insert(workers_.extract(leaving));
  }
  for (auto& it : workers)
    admit(it);
  return updated;
}

/// A worker that comes back may still be working on what it was sent before.
void request_dispatcher::admit(const pool_member& member) {
  auto [entry, is_new] = workers_.try_emplace(member.id);
  auto& worker = entry->second;
  if (auto back = is_new ? departed_.extract(member.id) : decltype(departed_)::node_type{}) {
    worker.attempts = std::move(back.mapped().attempts);
    for (std::size_t i = 0; i < worker.attempts.size(); ++i)
      pool_.begin(member.id);
  }
  set_state(member.id, worker, member.available);
}

/// All are taken off their workers first, so that retries find the pool as it is without them.
void request_dispatcher::end_attempts(const std::vector<std::uint64_t>& left,
                                      const status& updated) {
  std::set<std::uint64_t> concerned;
  for (auto id : left)
    if (auto worker = departed_.find(id); worker != departed_.end())
      for (auto attempt : worker->second.attempts)
        if (auto request = attempts_.at(attempt).request; request != 0) {
          detach(attempt, request);
          abandon(attempt, false);
          concerned.insert(request); // once, also if its hedge was at another one that left
        }
  for (auto request : concerned)
    fail_over(request, attempt_failure::failed,
              updated ? error{errc::unavailable, "the worker left the pool"} : updated.error());
}

void request_dispatcher::update_again() {
  std::vector<std::uint64_t> left;
  auto updated = update_members(std::vector{refused_}, left);
  end_attempts(left, updated);
}

request_dispatcher::worker_state* request_dispatcher::find_worker(std::uint64_t id) {
  if (auto found = workers_.find(id); found != workers_.end())
    return &found->second;
  auto found = departed_.find(id);
  return found == departed_.end() ? nullptr : &found->second;
}

void request_dispatcher::set_available(std::uint64_t id, bool available, spi::timestamp now) {
  now_ = std::max(now_, now);
  set_available(id, available);
  enter(now);
  send_queued();
}

void request_dispatcher::set_available(std::uint64_t id, bool available) {
  if (auto found = workers_.find(id); found != workers_.end()) {
    pool_.set_available(id, available, now_);
    set_state(id, found->second, available);
  }
  for (auto& it : refused_)
    if (it.id == id)
      it.available = available;
}

void request_dispatcher::on_worker_lost(std::uint64_t id, const std::string& why,
                                        spi::timestamp now) {
  now_ = std::max(now_, now);
  resume(id);
  set_available(id, false);
  enter(now);
  fail_attempts(id, {errc::unavailable, why});
  send_queued();
}

/// The worker has refused a request.
void request_dispatcher::pause(std::uint64_t id) {
  auto found = workers_.find(id);
  if (found == workers_.end() || options_.busy_pause.count() == 0)
    return;
  auto& worker = found->second;
  set_timer(worker.pause_end_at, timer_kind::busy_pause, id, now_ + options_.busy_pause);
  set_state(id, worker, worker.is_available);
}

void request_dispatcher::resume(std::uint64_t id) {
  auto found = workers_.find(id);
  if (found == workers_.end())
    return;
  auto& worker = found->second;
  set_timer(worker.pause_end_at, timer_kind::busy_pause, id, no_deadline);
  set_state(id, worker, worker.is_available);
}

/// Whether the worker is full follows from its attempts, and from whether it pauses.
void request_dispatcher::set_state(std::uint64_t id, worker_state& worker, bool is_available) {
  auto is_full =
      worker.attempts.size() >= options_.worker_requests_max || worker.pause_end_at != no_deadline;
  available_ = available_ + is_available - worker.is_available;
  full_ = full_ + (is_available && is_full) - (worker.is_available && worker.is_full);
  if (is_full != worker.is_full)
    pool_.set_full(id, is_full);
  worker.is_available = is_available;
  worker.is_full = is_full;
}

/// All attempts are taken off the worker first, so that the retries find the worker as it is
/// without them.
void request_dispatcher::fail_attempts(std::uint64_t id, const error& problem) {
  auto* worker = find_worker(id);
  if (worker == nullptr)
    return;
  std::vector<std::uint64_t> concerned;
  for (auto attempt : std::vector{worker->attempts}) {
    auto ended = release(attempts_.find(attempt));
    if (ended.request != 0 && concerned.empty())
      pool_.finish(id, {false, now_ - ended.started}, now_);
    else
      pool_.cancel(id);
    if (ended.request == 0)
      continue;
    detach(attempt, ended.request);
    concerned.push_back(ended.request);
  }
  for (auto request : concerned)
    fail_over(request, attempt_failure::failed, problem);
}

// -- requests ---------------------------------------------------------------------------------

std::uint64_t request_dispatcher::submit(const dispatch_request& what, spi::timestamp now) {
  enter(now);
  send_queued(); // time alone may have freed places
  auto id = ++last_request_;
  auto& request = requests_[id];
  request.what = what;
  request.arrived = now_;
  ++counters_.requests;
  budget_.on_request();
  if (what.bytes > options_.request_bytes_max)
    complete(id, 0,
             error{errc::invalid,
                   fmt::format("a request of {} bytes; a message takes at most {}: send large data "
                               "another way",
                               what.bytes, options_.request_bytes_max)});
  else if (what.deadline <= now_) {
    ++counters_.timed_out;
    complete(id, 0, error{errc::timeout, "the request came after its deadline"});
  } else
    place(id, request);
  wait_for_ejections();
  return id;
}

/// Before anything that is due, which could complete the request.
void request_dispatcher::cancel(std::uint64_t id, spi::timestamp now) {
  now_ = std::max(now_, now);
  if (requests_.contains(id)) {
    ++counters_.cancelled;
    forget(id);
  }
  enter(now);
  send_queued();
}

void request_dispatcher::close(const std::string& why, spi::timestamp now) {
  now_ = std::max(now_, now);
  std::set<std::uint64_t> open;
  for (auto& [id, request] : requests_)
    open.insert(id);
  for (auto id : open)
    complete(id, 0, error{errc::unavailable, why});
}

/// A request is overtaken only while no worker that may do it has a place.
void request_dispatcher::place(std::uint64_t id, request_state& request) {
  auto is_next = queue_.empty() || id < queue_.front();
  if (!is_next && (restricted_ > 0 || !request.what.among.empty())) {
    send_queued();
    is_next = true;
  }
  auto done = is_next ? send(id, request) : sending::no_place;
  if (done == sending::no_place)
    enqueue(id, request);
}

request_dispatcher::sending request_dispatcher::send(std::uint64_t id, request_state& request) {
  auto there = places_for(request);
  if (there.available == 0) {
    complete(id, 0,
             error{errc::unavailable,
                   workers_.empty() ? std::string{"the pool has no workers; expected at least one"}
                   : there.workers == 0
                       ? std::string{"the workers of the request aren't in the pool"}
                       : fmt::format("none of the {} workers is available", there.workers)});
    return sending::completed;
  }
  if (there.full == there.available)
    return sending::no_place;
  auto picked = pick(request);
  if (!picked) {
    complete(id, 0, picked.error());
    return sending::completed;
  }
  if (*picked) {
    start(id, request, **picked, false);
    return sending::sent;
  }
  if (full_ > 0)
    return sending::no_place;
  complete(id, 0,
           error{errc::unavailable,
                 fmt::format("the balancer '{}' picks none of the {} workers; do all have the "
                             "weight 0?",
                             pool_.name(), there.workers)});
  return sending::completed;
}

void request_dispatcher::enqueue(std::uint64_t id, request_state& request) {
  auto busy = [&](std::string_view why) {
    ++counters_.rejected;
    return error{errc::busy,
                 fmt::format("{} ({} requests wait); try again later", why, queue_.size())};
  };
  if (!queue_.can_hold(request.what.bytes))
    return complete(id, 0, busy("all workers are busy, and the queue can't hold the request"));
  request.is_queued = true;
  restricted_ += !request.what.among.empty();
  queue_.push({id, request.what.deadline, request.what.bytes});
  arm(id, request);
  while (queue_.is_full())
    complete(queue_.victim(id), 0,
             busy(fmt::format("all workers are busy, and the queue is full: {}",
                              to_string(options_.queue.overflow))));
}

void request_dispatcher::dequeue(std::uint64_t id, request_state& request) {
  if (!std::exchange(request.is_queued, false))
    return;
  restricted_ -= !request.what.among.empty();
  queue_.erase({id, request.what.deadline, request.what.bytes});
}

void request_dispatcher::send_queued() {
  for (auto id = queue_.next_after(0); id != 0; id = queue_.next_after(id)) {
    auto& request = requests_.at(id);
    auto is_restricted = !request.what.among.empty();
    if (send(id, request) == sending::no_place && !is_restricted)
      break;
  }
  wait_for_ejections();
}

/// A worker that returns from its ejection has places for requests that wait.
void request_dispatcher::wait_for_ejections() {
  set_timer(ejection_end_at_, timer_kind::ejection_end, 0,
            queue_.empty() ? no_deadline : pool_.next_return());
}

void request_dispatcher::fail_over(std::uint64_t id, attempt_failure how, const error& problem) {
  auto& request = requests_.at(id);
  request.last = {problem.code, problem.message.substr(0, problem_bytes_max)};
  request.in_doubt = request.in_doubt || how == attempt_failure::failed;
  if (request.attempts[0] != 0)
    return; // the other attempt may succeed
  if (now_ >= request.what.deadline)
    return expire(id);
  request.hedge_at = no_deadline;
  auto can_repeat = request.what.repeatable || !request.in_doubt;
  if (!can_repeat || request.retries >= options_.retries_max)
    return complete(id, 0, request.last);
  if (!budget_.take(now_)) {
    ++counters_.budget_denied;
    return complete(id, 0, request.last);
  }
  ++request.retries;
  ++counters_.retries;
  place(id, request);
}

void request_dispatcher::complete(std::uint64_t id, std::uint64_t attempt,
                                  std::optional<error> problem) {
  auto& request = requests_.at(id);
  auto at_deadline = problem && now_ >= request.what.deadline;
  if (problem) {
    ++counters_.failed;
    if (request.retries > 0)
      problem->message += fmt::format(" (after {} attempts)", request.retries + 1);
  } else {
    ++counters_.answered;
  }
  auto in_doubt = problem && (request.in_doubt || request.attempts[0] != 0);
  effects_.emplace_back(std::in_place_type<complete_request>, id, attempt, std::move(problem),
                        in_doubt);
  forget(id, at_deadline);
}

void request_dispatcher::expire(std::uint64_t id) {
  ++counters_.timed_out;
  complete(id, 0,
           error{errc::timeout, requests_.at(id).is_queued
                                    ? "no worker was free until the deadline"
                                    : "no worker answered until the deadline"});
}

/// The request's attempts go on without it.
void request_dispatcher::forget(std::uint64_t id, bool at_deadline) {
  auto& request = requests_.at(id);
  dequeue(id, request);
  set_timer(request.timer_at, timer_kind::request, id, no_deadline);
  for (auto attempt : request.attempts)
    if (attempt != 0) {
      // A deadline is the worker's fault only if the worker had time.
      auto had = now_ - attempts_.at(attempt).started;
      abandon(attempt, at_deadline && had >= (now_ - request.arrived) / 2);
    }
  requests_.erase(id);
}

} // namespace atl
