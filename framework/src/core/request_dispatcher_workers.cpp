#include <atoll/core/request_dispatcher.hpp>

#include <algorithm>
#include <set>
#include <unordered_set>
#include <utility>

// The workers of a dispatcher.
namespace atl {

namespace {

constexpr std::chrono::seconds update_again_after{1};

} // namespace

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

} // namespace atl
