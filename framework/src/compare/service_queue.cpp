#include "service_queue.hpp"

#include <algorithm>
#include <limits>

namespace atl::compare {

service_queue::service_queue(const member_model& member)
    : servers_{static_cast<double>(member.servers)}, discipline_{member.discipline},
      queue_max_{member.queue_max} {}

void service_queue::set_speed(double speed, double now) {
  work_until(now);
  speed_ = speed;
}

void service_queue::add(job who, double work, double now) {
  work_until(now);
  waiting_job next{who, work};
  if (discipline_ == queue_discipline::sharing || static_cast<double>(active_.size()) < servers_)
    start(next);
  else
    waiting_.push_back(next);
}

double service_queue::next_end() const {
  if (active_.empty() || speed_ == 0)
    return std::numeric_limits<double>::infinity();
  return now_ + std::max(0.0, active_.top().end - progress_) / rate();
}

service_queue::job service_queue::finish_next(double now) {
  work_until(now);
  auto done = active_.top().who;
  active_.pop();
  if (!waiting_.empty()) {
    start(waiting_.front());
    waiting_.pop_front();
  }
  return done;
}

std::vector<service_queue::job> service_queue::clear(double now) {
  work_until(now);
  std::vector<job> all;
  for (; !active_.empty(); active_.pop())
    all.push_back(active_.top().who);
  for (auto& each : waiting_)
    all.push_back(each.who);
  waiting_.clear();
  return all;
}

double service_queue::busy(double now) {
  work_until(now);
  return busy_;
}

void service_queue::work_until(double now) {
  auto passed = std::max(0.0, now - now_);
  now_ = std::max(now, now_);
  if (active_.empty()) {
    progress_ = 0; // keeps the number small, and exact
    return;
  }
  progress_ += passed * rate();
  if (speed_ > 0)
    busy_ += passed * busy_servers();
}

void service_queue::start(const waiting_job& next) {
  active_.push({progress_ + next.work, order_++, next.who});
}

double service_queue::busy_servers() const {
  return std::min(servers_, static_cast<double>(active_.size()));
}

double service_queue::rate() const {
  return speed_ * busy_servers() / static_cast<double>(active_.size());
}

} // namespace atl::compare
