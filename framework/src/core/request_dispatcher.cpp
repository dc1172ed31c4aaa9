#include <atoll/core/request_dispatcher.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

// The way of a request from its arrival to its end.
namespace atl {

namespace {

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
