#include "queueing_run.hpp"

#include <algorithm>
#include <cmath>

namespace atl::compare {

namespace {

/// A seed for each purpose, from the seed of the run.
std::uint64_t seed_for(std::uint64_t seed, std::uint64_t purpose, std::uint64_t index = 0) {
  spi::random_source mixed{seed ^ (purpose << 56)};
  return mixed.next() + index * 0x9e3779b97f4a7c15;
}

constexpr std::uint64_t for_requests = 1, for_faults = 2, for_antagonists = 3, for_balancers = 4,
                        for_keys = 5;

std::chrono::microseconds whole_microseconds(double time) {
  return std::chrono::microseconds{static_cast<std::int64_t>(std::llround(time))};
}

} // namespace

queueing_run::queueing_run(const workload& workload, const strategy& strategy, std::uint64_t seed,
                           const std::function<void()>& on_progress)
    : workload_{workload}, strategy_{strategy}, seed_{seed}, on_progress_{on_progress},
      source_{workload, seed_for(seed, for_requests)}, statistics_{workload} {
  add_planned_events(timeline_, workload);
  for (std::uint32_t i = 0; i < workload.members.size(); ++i) {
    members_.push_back({service_queue{workload.members[i]},
                        spi::random_source{seed_for(seed, for_faults, i)},
                        spi::random_source{seed_for(seed, for_antagonists, i)},
                        {}});
    draw_antagonist(i);
  }
}

result<strategy_result> queueing_run::run() {
  if (auto made = create_pools(); !made)
    return tl::unexpected{made.error()};
  constexpr std::uint64_t events_between_reports = 1024;
  std::uint64_t arrived = 0, events = 0;
  for (auto next = source_.next(); next || free_.size() < requests_.size();) {
    if (++events % events_between_reports == 0)
      report_progress();
    if (next && (timeline_.empty() || next->at <= timeline_.next().at)) {
      now_ = next->at;
      if (next->number == statistics_.first_counted())
        statistics_.begin_window(now_, busy());
      arrive(*next);
      next = source_.next();
      if (++arrived == workload_.requests)
        statistics_.end_window(now_, busy());
      continue;
    }
    auto it = timeline_.next();
    timeline_.pop();
    now_ = it.at;
    if (auto handled = handle(it); !handled)
      return tl::unexpected{handled.error()};
  }
  auto out = statistics_.finish();
  out.label = strategy_.label;
  out.probes = probes_;
  for (auto& pool : pools_)
    out.plugin_errors += pool->plugin_errors();
  out.first_error = first_error_;
  out.moves = std::move(moves_);
  return out;
}

// -- pools ------------------------------------------------------------------------------------

result<std::unique_ptr<balanced_pool>>
queueing_run::create_pool(std::uint64_t seed, std::chrono::microseconds slow_start) {
  auto balancer = strategy_.make(seed);
  if (!balancer)
    return tl::unexpected{balancer.error()};
  pool_options options;
  options.slow_start = slow_start;
  options.outliers.failures = workload_.eject_failures;
  options.outliers.ejection = whole_microseconds(workload_.ejection);
  options.seed = seed;
  return std::make_unique<balanced_pool>(std::move(*balancer), strategy_.plugin, options);
}

status queueing_run::create_pools() {
  for (std::uint32_t host = 0; host < workload_.hosts; ++host) {
    auto pool =
        create_pool(seed_for(seed_, for_balancers, host), whole_microseconds(workload_.slow_start));
    if (!pool)
      return tl::unexpected{pool.error()};
    pools_.push_back(std::move(*pool));
    report_progress();
  }
  auto changes = [](auto& member) { return member.joins != 0 || member.leaves != 0; };
  if (std::any_of(workload_.members.begin(), workload_.members.end(), changes)) {
    auto pool = create_pool(seed_for(seed_, for_keys), {});
    if (!pool)
      return tl::unexpected{pool.error()};
    keys_.emplace(workload_, std::move(*pool));
  }
  auto told = change_members();
  moves_.clear(); // the first members moved no key
  return told;
}

status queueing_run::change_members() {
  if (!moves_.empty() && moves_.back().at == now_)
    return {}; // of several changes at one time, the first has made all
  if (keys_) {
    auto moved = keys_->change(now_);
    if (!moved)
      return tl::unexpected{moved.error()};
    moves_.push_back(*moved);
  }
  auto members = members_at(workload_, now_);
  for (auto& each : members)
    each.available = !members_[each.id - 1].seen_down;
  for (auto& pool : pools_) {
    if (auto told = pool->update(members, now()); !told)
      return told;
    report_progress();
  }
  return {};
}

status queueing_run::handle(const event& it) {
  auto& member = members_[it.member];
  switch (it.what) {
  case event_kind::membership:
    return change_members();
  case event_kind::pauses:
  case event_kind::resumes:
    member.paused = it.what == event_kind::pauses;
    update_speed(it.member);
    break;
  case event_kind::goes_down:
    member.down = true;
    fail_all(it.member);
    break;
  case event_kind::comes_up:
    member.down = false;
    break;
  case event_kind::seen_down:
  case event_kind::seen_up:
    member.seen_down = it.what == event_kind::seen_down;
    for (auto& pool : pools_)
      pool->set_available(it.member + 1, !member.seen_down, now());
    break;
  case event_kind::antagonist:
    draw_antagonist(it.member);
    break;
  case event_kind::request_ends:
    if (it.version == member.version)
      end_request(it.member);
    break;
  case event_kind::probe_arrives:
    answer_probe(it);
    break;
  case event_kind::probe_answered:
    pools_[it.host]->set_reported_in_flight(it.member + 1, it.probe.in_flight);
    pools_[it.host]->on_probe(it.member + 1, it.probe, now());
    break;
  }
  return {};
}

// -- members ----------------------------------------------------------------------------------

void queueing_run::draw_antagonist(std::uint32_t index) {
  auto& model = workload_.members[index].antagonist;
  auto& member = members_[index];
  if (model.stretch > 1 && model.share > 0) {
    member.stretch = member.antagonists.chance(model.share)
                         ? 1 + (model.stretch - 1) * member.antagonists.unit()
                         : 1;
    timeline_.add({.at = now_ + draw_exponential(member.antagonists, model.period),
                   .what = event_kind::antagonist,
                   .member = index});
  }
  update_speed(index);
}

void queueing_run::update_speed(std::uint32_t index) {
  auto& member = members_[index];
  member.queue.set_speed(member.paused ? 0 : 1 / (workload_.members[index].slow * member.stretch),
                         now_);
  plan_end(index);
}

void queueing_run::plan_end(std::uint32_t index) {
  auto& member = members_[index];
  ++member.version;
  if (auto at = member.queue.next_end(); std::isfinite(at))
    timeline_.add(
        {.at = at, .what = event_kind::request_ends, .member = index, .version = member.version});
}

std::vector<double> queueing_run::busy() {
  std::vector<double> out;
  for (auto& each : members_)
    out.push_back(each.queue.busy(now_));
  return out;
}

// -- probes -----------------------------------------------------------------------------------

void queueing_run::probe(std::uint32_t host) {
  for (auto id : pools_[host]->wanted_probes(now())) {
    ++probes_;
    timeline_.add({.at = now_ + workload_.probe_delay / 2,
                   .what = event_kind::probe_arrives,
                   .member = static_cast<std::uint32_t>(id - 1),
                   .host = host});
  }
}

void queueing_run::answer_probe(const event& it) {
  auto& member = members_[it.member];
  if (member.down || member.paused)
    return;
  auto answer = it;
  answer.at = now_ + workload_.probe_delay / 2;
  answer.what = event_kind::probe_answered;
  answer.probe = {member.queue.size(), member.answers.estimate(member.queue.size())};
  timeline_.add(answer);
}

result<strategy_result> run_queueing(const workload& workload, const strategy& strategy,
                                     std::uint64_t seed, const std::function<void()>& on_progress) {
  return queueing_run{workload, strategy, seed, on_progress}.run();
}

} // namespace atl::compare
