#include <atoll/core/watched_balancer.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace atl {

/// All that a call reads or writes. Owned by the balancer and by the thread, which may outlive it.
struct watched_balancer::state {
  std::shared_ptr<spi::balancer> inner;

  std::mutex mutex;
  std::condition_variable changed;
  void (*call)(state&) = nullptr; ///< to be made, or under way
  std::exception_ptr thrown;
  bool closed = false;

  // Of one call. The thread alone uses these while a call is under way.
  std::vector<spi::member> members;
  spi::pick_request request;
  std::vector<spi::slot> tried;
  std::vector<std::uint8_t> available;
  std::vector<std::uint32_t> domain, in_flight, reported_in_flight;
  std::vector<float> latency;
  std::vector<std::uint64_t> free_bytes;
  std::vector<spi::slot> picks;
  spi::slot who = spi::no_slot;
  spi::outcome outcome;
  spi::probe_result probe;
  std::size_t count = 0;

  spi::member_facts facts() const {
    return {available, domain, in_flight, reported_in_flight, latency, free_bytes};
  }
  void copy(const spi::member_facts& from) {
    auto take = [](auto& to, auto span) { to.assign(span.begin(), span.end()); };
    take(available, from.available);
    take(domain, from.domain);
    take(in_flight, from.in_flight);
    take(reported_in_flight, from.reported_in_flight);
    take(latency, from.latency);
    take(free_bytes, from.free_bytes);
  }
  void copy(const spi::pick_request& from) {
    tried.assign(from.tried.begin(), from.tried.end());
    request = from;
    request.tried = tried;
  }

  void serve() {
    std::unique_lock lock{mutex};
    for (;;) {
      changed.wait(lock, [this] { return call || closed; });
      if (!call)
        return;
      lock.unlock();
      std::exception_ptr problem;
      try {
        call(*this);
      } catch (...) {
        problem = std::current_exception();
      }
      lock.lock();
      thrown = problem;
      call = nullptr;
      changed.notify_all();
    }
  }
};

watched_balancer::watched_balancer(std::shared_ptr<spi::balancer> inner,
                                   std::chrono::milliseconds limit)
    : limit_{limit}, state_{std::make_shared<state>()} {
  state_->inner = std::move(inner);
  // Detached, because a thread whose call never ends can't be joined.
  std::thread{[shared = state_] { shared->serve(); }}.detach();
}

watched_balancer::~watched_balancer() {
  std::lock_guard lock{state_->mutex};
  state_->closed = true;
  state_->changed.notify_all();
}

void watched_balancer::run(void (*call)(state&)) {
  std::unique_lock lock{state_->mutex};
  state_->call = call;
  state_->changed.notify_all();
  if (!state_->changed.wait_for(lock, limit_, [&] { return state_->call == nullptr; })) {
    hangs_ = true;
    refuse_if_hanging();
  }
  if (auto thrown = std::exchange(state_->thrown, nullptr))
    std::rethrow_exception(thrown);
}

void watched_balancer::refuse_if_hanging() const {
  if (hangs_)
    throw balancer_hangs{fmt::format("hangs: a call took more than {} ms, and it isn't called any "
                                     "more until this process starts again",
                                     limit_.count())};
}

void watched_balancer::update(std::span<const spi::member> members) {
  refuse_if_hanging();
  state_->members.assign(members.begin(), members.end());
  run([](state& it) { it.inner->update(it.members); });
}

spi::slot watched_balancer::pick(const spi::pick_request& request, const spi::member_facts& facts) {
  refuse_if_hanging();
  state_->copy(request);
  state_->copy(facts);
  run([](state& it) { it.who = it.inner->pick(it.request, it.facts()); });
  return state_->who;
}

std::size_t watched_balancer::pick_many(const spi::pick_request& request,
                                        const spi::member_facts& facts,
                                        std::span<spi::slot> picks) {
  refuse_if_hanging();
  state_->copy(request);
  state_->copy(facts);
  state_->picks.assign(picks.size(), spi::no_slot);
  run([](state& it) { it.count = it.inner->pick_many(it.request, it.facts(), it.picks); });
  std::copy(state_->picks.begin(), state_->picks.end(), picks.begin());
  return state_->count;
}

void watched_balancer::observe(spi::slot who, const spi::outcome& result, spi::timestamp now) {
  refuse_if_hanging();
  state_->who = who;
  state_->outcome = result;
  state_->request.now = now;
  run([](state& it) { it.inner->observe(it.who, it.outcome, it.request.now); });
}

std::size_t watched_balancer::wanted_probes(spi::timestamp now, const spi::member_facts& facts,
                                            std::span<spi::slot> whom) {
  refuse_if_hanging();
  state_->request.now = now;
  state_->copy(facts);
  state_->picks.assign(whom.size(), spi::no_slot);
  run([](state& it) { it.count = it.inner->wanted_probes(it.request.now, it.facts(), it.picks); });
  std::copy(state_->picks.begin(), state_->picks.end(), whom.begin());
  return state_->count;
}

void watched_balancer::on_probe(spi::slot who, const spi::probe_result& result,
                                spi::timestamp now) {
  refuse_if_hanging();
  state_->who = who;
  state_->probe = result;
  state_->request.now = now;
  run([](state& it) { it.inner->on_probe(it.who, it.probe, it.request.now); });
}

} // namespace atl
