#include "dispatcher_world.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

using namespace std::chrono_literals;

namespace test {

void moody_balancer::maybe_throw() {
  if (random_.chance(throws))
    throw std::runtime_error{"a bad day"};
}

void moody_balancer::update(std::span<const atl::spi::member>) {
  maybe_throw();
}

atl::spi::slot moody_balancer::pick(const atl::spi::pick_request& request,
                                    const atl::spi::member_facts& facts) {
  maybe_throw();
  auto count = facts.available.size();
  if (random_.chance(wrong))
    return static_cast<atl::spi::slot>(random_.below(count + 1));
  if (count == 0 || random_.chance(none))
    return atl::spi::no_slot;
  auto first = random_.below(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto who = static_cast<atl::spi::slot>((first + i) % count);
    if (facts.available[who] != 0 && std::ranges::find(request.tried, who) == request.tried.end())
      return who;
  }
  return atl::spi::no_slot;
}

dispatcher_world::dispatcher_world(const settings& given)
    : settings_{given}, random_{given.seed},
      balancer_{std::make_shared<moody_balancer>(given.seed + 1)}, arrivals_left_{given.requests} {
  draw_options();
  dispatcher_ = std::make_unique<atl::request_dispatcher>(balancer_, "moody", options_);
  auto count = settings_.workers > 0 ? settings_.workers : 1 + random_.below(6);
  for (std::uint64_t i = 0; i < count; ++i)
    workers_[++last_worker_];
  tell_members();
  after(0, 1000, [this] { arrive(); });
  after(0, 10'000, [this] { fault(); });
}

void dispatcher_world::draw_options() {
  auto& it = options_;
  it.worker_requests_max = static_cast<std::uint32_t>(random_.between(1, 5));
  it.queue.requests_max = random_.below(3) == 0 ? 0 : random_.below(30);
  it.queue.bytes_max = random_.below(2) == 0 ? 1'000'000 : 3000;
  it.queue.overflow = static_cast<atl::overflow_policy>(random_.below(3));
  it.request_bytes_max = 900;
  it.retries_max = static_cast<std::uint32_t>(random_.below(4));
  it.budget = {random_.unit() * 0.5, random_.unit() * 100, 1 + random_.unit() * 30};
  it.attempt_timeout = random_.below(2) == 0 ? 0us : time{random_.between(2000, 50'000)};
  switch (random_.below(3)) {
  case 0:
    it.hedge_after = time{random_.between(1000, 20'000)};
    break;
  case 1:
    it.hedge_quantile = 0.8 + random_.unit() * 0.19;
    break;
  default:
    break;
  }
  it.abandoned_max = time{random_.between(10'000, 500'000)};
  it.outliers.failures = static_cast<std::uint32_t>(random_.below(5));
  it.outliers.ejection = time{random_.between(10'000, 100'000)};
  it.slow_start = random_.below(2) == 0 ? 0us : 50ms;
  it.busy_pause = random_.below(2) == 0 ? 0us : 5ms;
  it.seed = settings_.seed;
  balancer_declines_ = random_.below(2) == 0;
}

// -- time -------------------------------------------------------------------------------------

void dispatcher_world::at(time when, std::function<void()> what) {
  events_.emplace(when, std::move(what));
}

void dispatcher_world::after(std::int64_t least, std::int64_t most, std::function<void()> what) {
  at(now_ + time{random_.between(least, most)}, std::move(what));
}

void dispatcher_world::violated(const std::string& what) {
  if (violation_.empty())
    violation_ = fmt::format("seed {}, {} us: {}", settings_.seed, now_.count(), what);
}

std::string dispatcher_world::run() {
  while (violation_.empty()) {
    auto timer = dispatcher_->next_timer();
    if (events_.empty() && timer == atl::no_deadline)
      break;
    event();
  }
  if (violation_.empty())
    check_rest();
  return violation_;
}

/// A host may be late: another event then comes before a timer that is due.
void dispatcher_world::event() {
  constexpr double late = 0.2;
  auto timer = dispatcher_->next_timer();
  auto is_due = events_.empty() || timer <= events_.begin()->first;
  if (is_due && (events_.empty() || !random_.chance(late))) {
    now_ = std::max(now_, timer);
    dispatcher_->advance(now_);
    if (dispatcher_->next_timer() <= now_)
      violated("a timer that has come is still there");
  } else {
    auto next = events_.extract(events_.begin());
    now_ = next.key();
    next.mapped()();
  }
  carry_out();
}

// -- what happens -----------------------------------------------------------------------------

void dispatcher_world::arrive() {
  auto burst = random_.below(200) == 0 ? 60U : 1U; // a flood now and then
  for (; burst > 0 && arrivals_left_ > 0; --burst) {
    --arrivals_left_;
    atl::dispatch_request what;
    what.key = random_.next();
    what.repeatable = random_.below(2) == 0;
    what.bytes = random_.below(1000);
    what.deadline =
        random_.below(10) == 0 ? atl::no_deadline : now_ + time{random_.between(0, 200'000)};
    if (settings_.has_restricted_requests && random_.below(3) == 0)
      for (auto left = random_.between(1, 3); left > 0; --left) // also workers that aren't there
        what.among.push_back(static_cast<std::uint64_t>(random_.between(1, last_worker_ + 1)));
    auto id = dispatcher_->submit(what, now_);
    if (!requests_.try_emplace(id, request{what}).second)
      violated("a request's id was used twice");
    carry_out();
    if (random_.below(20) == 0)
      after(0, 50'000, [this, id] {
        if (auto& it = requests_.at(id); !it.is_complete) {
          it.is_complete = true;
          dispatcher_->cancel(id, now_);
        }
      });
  }
  if (arrivals_left_ > 0)
    after(100, 2000, [this] { arrive(); });
}

void dispatcher_world::fault() {
  if (arrivals_left_ == 0)
    return end_faults();
  after(0, 10'000, [this] { fault(); });
  auto id = ids_.empty() ? 0 : ids_[random_.below(ids_.size())];
  if (id == 0 || random_.below(12) == 0) {
    auto left = std::ranges::find_if(workers_, [](auto& it) { return !it.second.is_member; });
    if (left != workers_.end() && random_.below(2) == 0)
      left->second.is_member = left->second.takes = true; // it comes back
    else
      workers_[++last_worker_];
    return tell_members();
  }
  auto& it = workers_.at(id);
  switch (random_.below(12)) {
  case 0:
    return lose(id);
  case 1: // drains
  case 2:
  case 3:
    it.takes = random_.below(3) != 0;
    return dispatcher_->set_available(id, it.takes, now_);
  case 4:
    it.hangs = !it.hangs;
    return;
  case 5:
    it.slowness = it.slowness == 1 ? 10 : 1;
    return;
  case 6:
    it.loss = random_.below(2) == 0 ? 0 : 0.3;
    return;
  case 7:
    it.fails = random_.below(2) == 0 ? 0 : random_.unit();
    return;
  case 8:
    it.is_member = false;
    return tell_members();
  case 9:
    balancer_->throws = random_.below(2) == 0 ? 0 : 0.1;
    return;
  case 10:
    balancer_->wrong = random_.below(2) == 0 ? 0 : 0.1;
    return;
  case 11:
    balancer_->none = balancer_declines_ && random_.below(2) == 0 ? 0.2 : 0;
    return;
  }
}

/// Workers that hang are found dead at last, since some requests have no deadline.
void dispatcher_world::end_faults() {
  balancer_->throws = 0;
  for (auto id : std::vector{ids_}) {
    workers_.at(id).loss = 0;
    at(now_ + 300ms, [this, id] { lose(id); });
  }
}

void dispatcher_world::lose(std::uint64_t id) {
  auto& it = workers_.at(id);
  it.takes = it.hangs = false;
  // Reports that are under way come late.
  it.attempts.clear();
  dispatcher_->on_worker_lost(id, "it died", now_);
}

void dispatcher_world::tell_members() {
  std::vector<atl::pool_member> list;
  ids_.clear();
  for (auto& [id, it] : workers_) {
    if (!it.is_member) {
      it.takes = false;
      it.attempts.clear();
      continue;
    }
    ids_.push_back(id);
    list.emplace_back();
    list.back().id = id;
    list.back().available = it.takes;
    list.back().weight = random_.below(20) == 0 ? 0 : 1;
  }
  std::ignore = dispatcher_->set_workers(std::move(list), now_);
}

// -- effects ----------------------------------------------------------------------------------

void dispatcher_world::carry_out() {
  dispatcher_->drain(effects_);
  for (auto& effect : std::exchange(effects_, {}))
    std::visit([this](auto& it) { on_effect(it); }, effect);
  reported_ = 0;
  check_load();
}

void dispatcher_world::on_effect(const atl::send_attempt& effect) {
  digest_ = digest_ * 31 + effect.attempt * 1009 + effect.worker;
  auto& to = workers_.at(effect.worker);
  auto& what = requests_[effect.request];
  if (effect.attempt <= last_attempt_)
    violated("an attempt's number was used twice");
  last_attempt_ = effect.attempt;
  if (!to.is_member || !to.takes)
    violated(fmt::format("worker {}, which takes nothing, was sent a request", effect.worker));
  if (auto& among = what.what.among;
      !among.empty() && std::ranges::find(among, effect.worker) == among.end())
    violated(fmt::format("worker {} was sent a request for others", effect.worker));
  if (what.is_complete)
    violated("a request that is complete was sent");
  if (++what.attempts > options_.retries_max + 2)
    violated(fmt::format("{} attempts for a request", what.attempts));
  if (effect.deadline <= now_)
    violated("a request was sent after its deadline");
  to.attempts.insert(effect.attempt);

  auto id = effect.attempt;
  auto whom = effect.worker;
  auto took = random_.between(200, 3000) * to.slowness;
  auto fail = [this, id](atl::attempt_failure how, atl::errc code) {
    return [this, id, how, code] { dispatcher_->on_failure(id, how, {code, "it failed"}, now_); };
  };
  if (random_.chance(to.fails)) {
    auto how = static_cast<atl::attempt_failure>(random_.below(3));
    what.executions += how == atl::attempt_failure::failed;
    return after(0, took, [=, this] { report(id, whom, fail(how, atl::errc::unavailable)); });
  }
  ++what.executions;
  if (to.hangs || random_.chance(to.loss))
    return;
  after(took, took, [=, this] {
    report(id, whom, [this, id] {
      reported_ = id;
      dispatcher_->on_answer(id, now_);
    });
  });
}

/// A report may come late, when its worker is lost or has left, and twice.
void dispatcher_world::report(std::uint64_t attempt, std::uint64_t worker,
                              std::function<void()> how) {
  workers_.at(worker).attempts.erase(attempt);
  how();
  if (random_.below(50) == 0)
    after(0, 1000, how);
}

void dispatcher_world::on_effect(const atl::cancel_attempt& effect) {
  if (effect.attempt == 0 || effect.attempt > last_attempt_)
    violated("an attempt that was never made was cancelled");
}

void dispatcher_world::on_effect(const atl::complete_request& effect) {
  digest_ = digest_ * 31 + effect.request * 7 + effect.attempt;
  auto& what = requests_[effect.request];
  if (what.is_complete)
    return violated(
        fmt::format("request {} was completed twice, or after it was cancelled", effect.request));
  what.is_complete = true;
  if (now_ > what.what.deadline && !(effect.problem && effect.problem->code == atl::errc::timeout))
    violated("a request was completed after its deadline");
  if (effect.problem.has_value() != (effect.attempt == 0))
    violated("a request has an answer and a problem, or neither");
  if (effect.attempt != reported_ && effect.attempt != 0)
    violated("a request was completed by an answer that isn't there");
  if (effect.problem && !effect.in_doubt && what.executions > 0)
    violated("a request that may have been done is said not to have been");
  if (effect.problem && (effect.problem->message.empty() || effect.problem->message.size() > 1000))
    violated("a problem without a text, or with a long one");
}

// -- promises ---------------------------------------------------------------------------------

void dispatcher_world::check_load() {
  auto load = dispatcher_->load();
  ejected_max_ = std::max(ejected_max_, load.ejected);
  if (load.queued > options_.queue.requests_max || load.queued_bytes > options_.queue.bytes_max)
    violated(fmt::format("{} requests of {} bytes wait", load.queued, load.queued_bytes));
  if (load.queued > 0 && load.available == 0)
    violated("requests wait for nobody");
  auto& count = dispatcher_->counters();
  auto seconds = std::chrono::duration<double>{now_}.count();
  auto earned = options_.budget.per_second * (1 + seconds) +
                options_.budget.share * static_cast<double>(count.requests);
  if (static_cast<double>(count.retries + count.hedges) > earned + 1e-6)
    violated(fmt::format("{} retries and {} hedges for {} requests", count.retries, count.hedges,
                         count.requests));
  if (workers_.size() > 100 && ++checks_ % 256 != 0)
    return; // the rest takes time for each worker
  std::size_t in_flight = 0, available = 0;
  for (auto& it : dispatcher_->workers()) {
    if (load.queued > 0 && !balancer_declines_ && !settings_.has_restricted_requests &&
        options_.busy_pause == 0us && it.available && !it.ejected &&
        it.in_flight < options_.worker_requests_max)
      violated(fmt::format("requests wait beside worker {}, which has a place", it.id));
    in_flight += it.in_flight;
    available += it.available;
    if (it.in_flight > options_.worker_requests_max)
      violated(fmt::format("worker {} has {} requests", it.id, it.in_flight));
  }
  // Workers that left may be working on something too.
  if (in_flight > load.in_flight ||
      (load.workers == workers_.size() && in_flight < load.in_flight) ||
      available != load.available)
    violated("the balancer is told other loads than there are");
}

void dispatcher_world::check_rest() {
  for (auto& [id, it] : requests_) {
    if (!it.is_complete)
      violated(fmt::format("request {} was never completed", id));
    if (!it.what.repeatable && it.executions > 1)
      violated(fmt::format("request {}, which must not be repeated, was done {} times", id,
                           it.executions));
  }
  auto load = dispatcher_->load();
  if (load.requests != 0 || load.queued != 0 || load.queued_bytes != 0)
    violated("something is left of requests that are complete");
  for (auto& it : dispatcher_->workers())
    if (it.in_flight != 0)
      violated(fmt::format("worker {} has {} requests at rest", it.id, it.in_flight));
  auto& count = dispatcher_->counters();
  if (count.requests != count.answered + count.failed + count.cancelled)
    violated("the counters don't add up");
}

} // namespace test
