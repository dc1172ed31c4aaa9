#include "dispatcher_actor.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/core/pool_metrics.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace atl::runtime {

namespace {

/// What a deferred call adds to a request.
constexpr std::size_t job_head_bytes = 64;
constexpr std::chrono::milliseconds status_interval{100};

dispatch_options bounded(dispatch_options options) {
  options.request_bytes_max =
      std::min<std::uint64_t>(options.request_bytes_max, message_bytes_max - job_head_bytes);
  return options;
}

} // namespace

dispatcher_actor::dispatcher_actor(caf::actor_config& config, dispatcher::settings given,
                                   std::shared_ptr<latest_value<dispatcher_status>> latest)
    : caf::event_based_actor{config}, settings_{std::move(given)},
      arrivals_{settings_.arrivals_max, settings_.arrivals_bytes_max}, latest_{std::move(latest)},
      job_ids_{static_cast<std::uint64_t>(id()) << 40}, core_{std::in_place, settings_.balancer,
                                                              settings_.balancer_name,
                                                              bounded(settings_.options)} {
  if (settings_.connections)
    digest_ = cluster_digest(settings_.connections->self().info());
}

caf::behavior dispatcher_actor::make_behavior() {
  publish_status();
  return {
      [this](envelope& message) -> caf::result<envelope> {
        arrivals_.leave(message.body.size());
        if (message.kind == message_kind::reply) // a stray reply
          return caf::delegated<envelope>{};
        dispatch_terms terms;
        terms.repeatable = settings_.repeatable;
        return accept(dispatch_type::request, message, terms);
      },
      [this](dispatch_call& what) {
        arrivals_.leave(what.message.body.size());
        return accept(dispatch_type::request, what.message, what.terms);
      },
      [this](dispatch_job& what) {
        arrivals_.leave(what.message.body.size());
        return accept(dispatch_type::job, what.message, what.terms);
      },
      [this](const dispatch_order_message& what) {
        arrivals_.leave(what.order->body.size());
        accept(what.order);
      },
      [this](set_dispatcher_workers& what) { set_workers(std::move(what.workers)); },
      [this](const connection_event& what) { on_connection(what); },
      [this](const envelope_from_peer& what) { on_completion(what); },
      [this](const dispatcher_worker_ended& what) { on_actor_ended(what.actor); },
      [this](dispatcher_tick tick) {
        ticks_.on_tick(tick.at);
        on_tick();
      },
      [this](get_dispatcher_status) {
        core_->advance(now());
        step();
        return status_of(core_->workers());
      },
  };
}

void dispatcher_actor::on_exit() {
  core_->close(fmt::format("the dispatcher '{}' was closed", settings_.name), now());
  carry_out_effects();
  workers_.clear();
  watched_.clear();
  // Handles may keep the actor's memory for long; it must not keep the plugin and the connections.
  core_.reset();
  settings_.balancer.reset();
  settings_.connections.reset();
}

// -- workers ----------------------------------------------------------------------------------

void dispatcher_actor::set_workers(std::vector<dispatcher_worker> wanted) {
  std::vector<pool_member> members, staying;
  for (auto& it : wanted) {
    auto known = workers_.find(it.id);
    auto stays = known != workers_.end() && known->second.is_at(it);
    members.emplace_back();
    members.back().id = it.id;
    members.back().domain = it.domain;
    members.back().weight = it.weight;
    members.back().available = stays ? known->second.is_up : it.local != nullptr;
    if (stays || known == workers_.end())
      staying.push_back(members.back());
  }
  auto set = balanced_pool::check(members);
  if (set) {
    if (staying.size() < members.size())
      forget_replaced(wanted, std::move(staying));
    show_first(members);
    set = core_->set_workers(std::move(members), now());
    replace_workers(std::move(wanted));
    step();
  }
  if (!set)
    log::warning("dispatcher", settings_.name, "{}", set.error().message);
}

void dispatcher_actor::show_first(const std::vector<pool_member>& members) {
  shown_.clear();
  for (auto& it : members)
    shown_.push_back(it.id);
  auto count = std::min(shown_.size(), pool_workers_shown_max);
  std::ranges::partial_sort(shown_, shown_.begin() + static_cast<std::ptrdiff_t>(count));
  shown_.resize(count);
}

/// A worker elsewhere under the id of another one is a new worker. It leaves the pool for a moment,
/// so that nothing is left of what is known of the other one.
void dispatcher_actor::forget_replaced(const std::vector<dispatcher_worker>& wanted,
                                       std::vector<pool_member> staying) {
  for (auto& it : wanted)
    if (auto known = workers_.find(it.id); known != workers_.end() && !known->second.is_at(it)) {
      core_->on_worker_lost(it.id, "the worker was replaced", now());
      step();
      forget(known->second);
      workers_.erase(known);
    }
  std::ignore = core_->set_workers(std::move(staying), now()); // told again at once
}

void dispatcher_actor::replace_workers(std::vector<dispatcher_worker> wanted) {
  auto former = std::exchange(workers_, {});
  for (auto& it : wanted) {
    auto& here = workers_[it.id];
    if (auto known = former.extract(it.id))
      here = std::move(known.mapped());
    here.what = std::move(it);
    if (here.generation == 0)
      watch(here);
  }
  for (auto& [id, it] : former)
    forget(it);
}

void dispatcher_actor::forget(const worker& it) {
  peers_.erase(it.peer);
  if (!it.what.local)
    return;
  if (auto watched = watched_.find(it.what.local->id()); watched != watched_.end())
    watched->second.erase(it.what.id);
}

/// Learns of the worker's end.
void dispatcher_actor::watch(worker& it) {
  it.generation = ++generations_;
  if (!it.what.local) {
    if (!settings_.connections) {
      log::warning("dispatcher", settings_.name,
                   "worker {} is at another node, and the dispatcher was made without connections",
                   it.what.name);
      return;
    }
    it.peer = fmt::format("{} of {}:{}", it.what.name, settings_.name, it.generation);
    peers_[it.peer] = it.what.id;
    it.connection = settings_.connections->subscribe(
        it.what.where, {caf::actor_cast<caf::actor>(this), {}, it.peer, true});
    return;
  }
  it.is_up = true;
  watch_actor(it);
}

void dispatcher_actor::watch_actor(const worker& it) {
  auto which = it.what.local->id();
  auto [watched, is_new] = watched_.try_emplace(which);
  watched->second.insert(it.what.id);
  if (is_new)
    it.what.local->attach_functor(
        [address = caf::actor_cast<caf::actor_addr>(this), which](const caf::error&) {
          if (auto alive = caf::actor_cast<caf::actor>(address))
            tell_from_outside(alive, dispatcher_worker_ended{which});
        });
}

void dispatcher_actor::on_connection(const connection_event& event) {
  auto peer = peers_.find(event.peer);
  if (peer == peers_.end())
    return;
  auto& it = workers_.at(peer->second);
  it.is_up = event.up.has_value();
  if (it.is_up)
    core_->set_available(it.what.id, true, now());
  else
    core_->on_worker_lost(it.what.id, fmt::format("{}: {}", it.what.name, event.reason), now());
  step();
}

void dispatcher_actor::on_actor_ended(caf::actor_id which) {
  auto ended = watched_.extract(which);
  if (!ended)
    return;
  for (auto id : ended.mapped())
    on_ended({id, workers_.at(id).generation});
}

void dispatcher_actor::on_ended(const worker_key& which) {
  auto found = workers_.find(which.id);
  if (found == workers_.end() || found->second.generation != which.generation ||
      !std::exchange(found->second.is_up, false))
    return;
  core_->on_worker_lost(which.id, fmt::format("{} has ended", found->second.what.name), now());
  step();
}

// -- effects ---------------------------------------------------------------------------------

void dispatcher_actor::step() {
  carry_out_effects();
  if (status_at_ == no_deadline)
    status_at_ = now() + status_interval;
  arm();
}

void dispatcher_actor::carry_out_effects() {
  core_->drain(effects_);
  for (auto& effect : effects_)
    if (auto* sent = std::get_if<send_attempt>(&effect))
      carry_out(*sent);
    else if (auto* done = std::get_if<complete_request>(&effect))
      carry_out(*done);
  // An attempt that is cancelled goes on: neither actors nor nodes can be told to stop.
  effects_.clear();
  answer_.clear();
}

// -- time -------------------------------------------------------------------------------------

spi::timestamp dispatcher_actor::now() const {
  return std::chrono::duration_cast<spi::timestamp>(
      std::chrono::steady_clock::now().time_since_epoch());
}

void dispatcher_actor::on_tick() {
  auto time = now();
  if (time >= core_->next_timer()) {
    core_->advance(time);
    step();
  }
  if (time >= status_at_) {
    status_at_ = no_deadline;
    publish_status();
  }
  arm();
}

void dispatcher_actor::arm() {
  auto wanted = std::min(core_->next_timer(), status_at_);
  if (wanted == no_deadline || !ticks_.arm(wanted))
    return;
  tell_later(this, std::max(wanted - now(), spi::timestamp{0}), dispatcher_tick{wanted});
}

dispatcher_status dispatcher_actor::status() const {
  dispatcher_status all;
  all.name = settings_.name;
  all.balancer = settings_.balancer_name;
  all.plugin_errors = core_->plugin_errors();
  all.turned_away = arrivals_.refused();
  all.load = core_->load();
  all.counters = core_->counters();
  return all;
}

dispatcher_status dispatcher_actor::status_of(const std::vector<worker_load>& workers) const {
  auto all = status();
  for (auto& load : workers) {
    auto known = workers_.find(load.id);
    all.workers.push_back(
        {known == workers_.end() ? std::string{} : known->second.what.name, load});
  }
  return all;
}

void dispatcher_actor::publish_status() {
  std::vector<worker_load> shown;
  for (auto id : shown_)
    if (auto load = core_->find_load(id))
      shown.push_back(*load);
  latest_->set(status_of(shown));
}

} // namespace atl::runtime
