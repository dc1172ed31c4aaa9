#include "client/fragment_dispatch.hpp"

#include "client/fragment_reading.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <random>
#include <type_traits>
#include <utility>
#include <variant>

namespace dfs {

namespace {

using namespace std::chrono_literals;
using atl::errc;

/// A node that came back reads from its disk what it had in memory before.
constexpr auto slow_start = 2s;

/// A read whose node is silent is hedged after this, at the earliest.
constexpr auto hedge_floor = 20ms;
/// The same for large reads, because a hedge that was not needed costs as much as the read.
constexpr auto large_hedge_floor = 100ms;
/// A read is repeated at other holders of a fragment, of which there are no more.
constexpr std::uint32_t copies_max = 16;
/// A read of this size is large; between it and none the floor grows with the size.
constexpr std::int64_t large_bytes = 4 << 20;

atl::spi::timestamp now() {
  return std::chrono::duration_cast<atl::spi::timestamp>(
      std::chrono::steady_clock::now().time_since_epoch());
}

atl::dispatch_options options_for(const cluster_view& view) {
  atl::dispatch_options options;
  options.retries_max = copies_max;
  options.budget.per_second = options.budget.burst;
  options.hedge_quantile = 0.95;
  options.hedge_factor = 4;
  options.hedge_floor = hedge_floor;
  options.slow_start = slow_start;
  options.local_domain = view.settings().client_zone;
  options.seed = std::random_device{}();
  return options;
}

atl::dispatch_request request_for(std::uint64_t key, std::uint64_t bytes) {
  atl::dispatch_request request;
  request.key = key;
  request.repeatable = true;
  auto size = std::min(static_cast<std::int64_t>(bytes), large_bytes);
  request.hedge_floor = hedge_floor + (large_hedge_floor - hedge_floor) * size / large_bytes;
  request.may_hedge_anywhere = true;
  return request;
}

/// What is wrong with a node is not what is wrong with a fragment.
bool is_unreachable(const atl::error& why) {
  return why.code == errc::unavailable || why.code == errc::timeout || why.code == errc::refused;
}

} // namespace

atl::result<std::shared_ptr<fragment_dispatch>>
fragment_dispatch::make(cluster_view& view, const cluster_plugins& plugins,
                        connection_pool& connections, transfer_progress& progress) {
  auto balancer = plugins.make_balancer();
  if (!balancer)
    return tl::unexpected{balancer.error()};
  return std::shared_ptr<fragment_dispatch>{
      new fragment_dispatch{view, connections, progress, std::move(*balancer), plugins}};
}

fragment_dispatch::fragment_dispatch(cluster_view& view, connection_pool& connections,
                                     transfer_progress& progress,
                                     std::shared_ptr<atl::spi::balancer> balancer,
                                     const cluster_plugins& plugins)
    : view_{view}, connections_{connections}, progress_{progress},
      dispatcher_{std::move(balancer), plugins.info().reads.name, options_for(view)} {}

fragment_dispatch::~fragment_dispatch() = default;

// -- reads --------------------------------------------------------------------------------------

std::shared_ptr<fragment_reading> fragment_dispatch::begin(const context_pointer& context,
                                                           fragment_read what, bool even_if_down) {
  auto request = request_for(what.chunk.random, what.into.size());
  for (auto& holder : what.holders)
    request.among.push_back(holder.node);
  auto reading = std::make_shared<fragment_reading>(*this, context, std::move(what));
  std::lock_guard lock{mutex_};
  update_workers();
  if (even_if_down)
    for (auto node : request.among)
      dispatcher_.set_available(node, true, now());
  auto id = dispatcher_.submit(request, now());
  reading->set_request(id);
  readings_[id] = reading;
  send_probes();
  deliver();
  return reading;
}

fragment_dispatch::awaitable<fragment_outcome>
fragment_dispatch::finish(std::shared_ptr<fragment_reading> reading) {
  co_return co_await reading->finish();
}

void fragment_dispatch::give_up(const std::shared_ptr<fragment_reading>& reading) {
  std::lock_guard lock{mutex_};
  if (readings_.erase(reading->request()) == 0)
    return;
  dispatcher_.cancel(reading->request(), now());
  deliver();
  boost::asio::post(reading->context(), [reading] {
    reading->complete(0, atl::error{errc::unavailable, "the read was given up"});
  });
}

/// If the balancer failed, the dispatcher says so to each read.
void fragment_dispatch::update_workers() {
  auto nodes = view_.nodes();
  if (has_failures_ || nodes->has_unhealthy())
    view_.refresh_soon();
  if (generation_ == nodes->generation())
    return;
  generation_ = nodes->generation();
  has_failures_ = false;
  std::vector<atl::pool_member> members;
  for (auto& node : nodes->views())
    members.push_back({node.target.id, node.zone, node.weight, node.capacity_bytes, node.free_bytes,
                       node.healthy});
  (void)dispatcher_.set_workers(std::move(members), now());
}

/// Carries out what the dispatcher decided: each reading's thread is told its part.
void fragment_dispatch::deliver() {
  effects_.clear();
  dispatcher_.drain(effects_);
  for (auto& effect : effects_) {
    if (auto* send = std::get_if<atl::send_attempt>(&effect)) {
      auto& reading = attempts_[send->attempt] = readings_.at(send->request);
      boost::asio::post(reading->context(), [reading, send = *send] { reading->start(send); });
    } else if (auto* cancel = std::get_if<atl::cancel_attempt>(&effect)) {
      auto& reading = attempts_.at(cancel->attempt);
      boost::asio::post(reading->context(),
                        [reading, id = cancel->attempt] { reading->cancel(id); });
    } else {
      auto& done = std::get<atl::complete_request>(effect);
      auto reading = std::move(readings_.extract(done.request).mapped());
      boost::asio::post(reading->context(), [reading, done = std::move(done)] {
        reading->complete(done.attempt, done.problem);
      });
    }
  }
}

void fragment_dispatch::report(std::uint64_t attempt, storage_id node, const atl::status& outcome,
                               bool was_cancelled) {
  if (outcome)
    progress_.note();
  std::lock_guard lock{mutex_};
  auto at = now();
  if (outcome)
    dispatcher_.on_answer(attempt, at);
  else if (was_cancelled)
    dispatcher_.on_cancelled(attempt, at);
  else if (outcome.error().code == errc::busy)
    dispatcher_.on_failure(attempt, atl::attempt_failure::busy, outcome.error(), at);
  else {
    // The node is asked last from now on, until the masters say that it is up.
    if (is_unreachable(outcome.error())) {
      dispatcher_.set_available(node, false, at);
      has_failures_ = true;
    }
    dispatcher_.on_failure(attempt, atl::attempt_failure::failed, outcome.error(), at);
  }
  attempts_.erase(attempt);
  deliver();
}

void fragment_dispatch::note_progress(std::uint64_t attempt) {
  std::lock_guard lock{mutex_};
  dispatcher_.on_progress(attempt, now());
  deliver();
}

void fragment_dispatch::advance_if_due() {
  std::lock_guard lock{mutex_};
  auto at = now();
  if (at < dispatcher_.next_timer())
    return;
  dispatcher_.advance(at);
  deliver();
}

atl::spi::timestamp fragment_dispatch::next_timer() {
  std::lock_guard lock{mutex_};
  return dispatcher_.next_timer();
}

// -- probes and views ---------------------------------------------------------------------------

void fragment_dispatch::send_probes() {
  auto wanted = dispatcher_.wanted_probes(now());
  if (wanted.empty())
    return;
  if (!prober_)
    prober_ = std::make_unique<load_prober>([this](storage_id node, const node_load& load) {
      std::lock_guard lock{mutex_};
      dispatcher_.on_probe(node, {load.in_flight, load.read_time}, now());
    });
  auto nodes = view_.nodes();
  for (auto id : wanted)
    if (auto* node = nodes->find(static_cast<storage_id>(id)))
      prober_->request(node->target.id, node->target.bulk, connections_.options());
}

double fragment_dispatch::cost(storage_id node) {
  constexpr double ejected = 1e12;
  std::lock_guard lock{mutex_};
  auto load = dispatcher_.find_load(node);
  if (!load || !load->available)
    return std::numeric_limits<double>::infinity();
  return (load->ejected ? ejected : 0) +
         static_cast<double>(load->latency_us) * (load->in_flight + 1);
}

std::chrono::microseconds fragment_dispatch::hedge_delay(std::uint64_t bytes) {
  std::lock_guard lock{mutex_};
  return dispatcher_.hedge_delay(request_for(0, bytes));
}

atl::dispatch_counters fragment_dispatch::counters() {
  std::lock_guard lock{mutex_};
  return dispatcher_.counters();
}

} // namespace dfs
