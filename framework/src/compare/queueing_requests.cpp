// The way of a request: picked a member for, sent, served or failed, sent again.
#include "queueing_run.hpp"

#include <cmath>

namespace atl::compare {

void queueing_run::arrive(const new_request& what) {
  if (free_.empty()) {
    free_.push_back(static_cast<slot>(requests_.size()));
    requests_.emplace_back();
  }
  auto who = free_.back();
  free_.pop_back();
  requests_[who].what = what;
  dispatch(who);
}

void queueing_run::dispatch(slot who) {
  auto& it = requests_[who];
  auto counts = statistics_.counts(it.what.number);
  do {
    auto picked = pools_[it.what.host]->pick(it.what.key, now(), it.tried);
    if (!picked && first_error_.empty())
      first_error_ = picked.error().message;
    if (!picked || !*picked) {
      if (counts)
        picked ? statistics_.on_rejected() : statistics_.on_failed();
      return release(who);
    }
    if (send(who, **picked))
      return;
  } while (may_retry(who));
}

bool queueing_run::send(slot who, std::uint64_t id) {
  auto& it = requests_[who];
  it.member = static_cast<std::uint32_t>(id - 1);
  it.sent_at = now_;
  it.tried.push_back(id);
  auto& member = members_[it.member];
  auto& pool = *pools_[it.what.host];
  pool.begin(id);
  if (statistics_.counts(it.what.number))
    statistics_.on_sent(it.member);
  probe(it.what.host);
  auto fails = member.faults.chance(workload_.members[it.member].fails);
  if (fails || member.down) {
    pool.finish(id, {.ok = false}, now());
    return false;
  }
  if (member.queue.is_full()) {
    pool.cancel(id);
    return false;
  }
  it.met = member.queue.size();
  member.queue.add(who, it.what.work, now_);
  plan_end(it.member);
  return true;
}

void queueing_run::end_request(std::uint32_t index) {
  auto& member = members_[index];
  auto who = member.queue.finish_next(now_);
  plan_end(index);
  auto& it = requests_[who];
  auto& pool = *pools_[it.what.host];
  auto latency = now_ - it.sent_at;
  member.answers.add(it.met, latency);
  if (workload_.has_reports)
    pool.set_reported_in_flight(index + 1, member.queue.size());
  pool.finish(index + 1, {true, std::chrono::microseconds{std::llround(latency)}}, now());
  if (statistics_.counts(it.what.number))
    statistics_.on_answered(index, now_ - it.what.at);
  release(who);
}

void queueing_run::fail_all(std::uint32_t index) {
  auto& member = members_[index];
  auto lost = member.queue.clear(now_);
  plan_end(index);
  for (auto who : lost) {
    auto& it = requests_[who];
    std::chrono::microseconds latency{std::llround(now_ - it.sent_at)};
    pools_[it.what.host]->finish(index + 1, {false, latency}, now());
  }
  for (auto who : lost) // when hosts know of all of them
    if (may_retry(who))
      dispatch(who);
}

bool queueing_run::may_retry(slot who) {
  auto& it = requests_[who];
  auto counts = statistics_.counts(it.what.number);
  if (counts)
    statistics_.on_failed_at(it.member);
  auto may = it.tried.size() < workload_.tries_max;
  if (counts)
    may ? statistics_.on_retry() : statistics_.on_failed();
  if (!may)
    release(who);
  return may;
}

void queueing_run::release(slot who) {
  requests_[who].tried.clear();
  free_.push_back(who);
}

} // namespace atl::compare
