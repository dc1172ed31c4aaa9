#include "keeper_hosts.hpp"

#include "storage_node.hpp"
#include "storage_observer.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <utility>

namespace atl::sim {

namespace {

constexpr std::int64_t tick_us = 200'000;
constexpr std::int64_t idle_tick_us_max = 1'000'000;
constexpr std::int64_t busy_us = 5'000'000; ///< for so long after its last work a keeper isn't idle
constexpr std::uint32_t idle_wakes_max = 1'000;
constexpr std::int64_t idle_wake_us = 10; ///< between two of them, at most

} // namespace

keeper_hosts::keeper_hosts(storage_world& world)
    : world_{world}, random_{world.faults().stream(purpose::link)},
      leader_changes_{world.faults().point(fault_kind::batch_leader_changes)},
      failed_queries_{world.faults().point(fault_kind::failed_queries)},
      failed_commands_{world.faults().point(fault_kind::failed_commands)} {
  for (std::uint32_t id = 1; id <= world.options().hosts; ++id) {
    hosts_.push_back({});
    hosts_.back().id = id;
  }
}

keeper_hosts::~keeper_hosts() = default;

void keeper_hosts::start() {
  for (auto& each : hosts_)
    make_keeper(each);
  lead(1);
  world_.after(tick_interval(), [this] { tick(); });
}

void keeper_hosts::on_node_added(keep::node_id node) {
  auto& faults = world_.faults();
  channels_.push_back(
      {faults.point(fault_kind::lost_heartbeats, node), faults.point(fault_kind::lost_orders, node),
       faults.point(fault_kind::doubled_orders, node), faults.point(fault_kind::late_orders, node),
       faults.point(fault_kind::lost_results, node),
       faults.point(fault_kind::doubled_results, node),
       faults.point(fault_kind::late_results, node)});
  if (term_ != 0)
    tell_nodes();
}

void keeper_hosts::make_keeper(host& which) {
  which.process = ++processes_;
  which.term = 0;
  which.wakes_at = -1;
  which.heard_at.clear();
  which.incarnations.clear();
  which.version = 0;
  which.since = world_.now();
  which.plugins.clear();
  keep::keeper_setup setup;
  setup.settings = world_.parameters().settings;
  setup.seed = combine(world_.options().seed, which.process);
  setup.plugins_of = [this, id = which.id](keep::policy_id policy) {
    return plugins_of(at(id), policy);
  };
  auto& make = world_.options().make_keeper;
  which.keeper =
      make ? make(std::move(setup)) : std::make_unique<simulated_keeper>(std::move(setup));
  auto nodes = world_.state().nodes();
  call(which, [&](auto& keeper) { keeper.on_nodes(nodes); });
}

const keep::policy_plugins* keeper_hosts::plugins_of(host& which, keep::policy_id policy) {
  ++world_.stats().plugin_uses;
  if (policy != 1 && world_.now() < policy_known_at_)
    return nullptr;
  auto [entry, is_new] = which.plugins.try_emplace(policy);
  if (is_new) {
    auto& make = world_.options().plugins;
    entry->second.recovery = make.recovery();
    entry->second.placement = make.balancer(combine(which.process, policy));
  }
  return &entry->second;
}

// -- calls ------------------------------------------------------------------------------------

void keeper_hosts::call(host& which, const keeper_call& what) {
  if (!world_.ok())
    return;
  auto process = which.process;
  try {
    which.keeper->advance(world_.time());
    what(*which.keeper);
    auto effects = which.keeper->take_effects();
    if (!effects.empty()) {
      which.idle_wakes = 0;
      which.worked_at = world_.now();
    }
    for (auto& effect : effects) {
      if (!world_.ok() || which.process != process)
        return;
      carry_out(which, effect);
    }
    if (which.process != process)
      return;
    auto deadline = next_wake(which);
    if (which.wakes_at >= 0 && which.wakes_at <= deadline && which.wakes_at >= world_.now())
      return;
    which.wakes_at = deadline;
    world_.at_time(deadline, [this, id = which.id, number = ++which.wake] {
      if (at(id).wake == number)
        wake(at(id));
    });
  } catch (const std::exception& problem) {
    world_.violate(storage_violation::threw,
                   fmt::format("the keeper of host {} throws: {}", which.id, problem.what()));
  }
}

std::int64_t keeper_hosts::next_wake(const host& which) const {
  auto deadline = std::max(world_.now(), which.keeper->deadline().count());
  auto late = world_.parameters().idle_wake_us;
  if (late == 0 || world_.now() - which.worked_at < busy_us)
    return deadline;
  auto report = which.keeper->report();
  return report.tasks == 0 && report.queued_units == 0 ? std::max(deadline, world_.now() + late)
                                                       : deadline;
}

void keeper_hosts::wake(host& which) {
  which.wakes_at = -1;
  which.idle_wakes = world_.now() - which.woke_at <= idle_wake_us ? which.idle_wakes + 1 : 0;
  which.woke_at = world_.now();
  if (which.idle_wakes > idle_wakes_max)
    return world_.violate(
        storage_violation::interface_broken,
        fmt::format("the keeper of host {} asks {} times in a row to be called, and does nothing",
                    which.id, idle_wakes_max));
  call(which, [](auto&) {});
}

void keeper_hosts::call_later(const host& which, std::int64_t delay, keeper_call what) {
  world_.after(delay, [this, id = which.id, process = which.process, what = std::move(what)] {
    if (at(id).process == process)
      call(at(id), what);
  });
}

std::int64_t keeper_hosts::delay() {
  auto& parameters = world_.parameters();
  return parameters.delay_min_us + random_.between(0, parameters.delay_jitter_us);
}

// -- leaders ----------------------------------------------------------------------------------

void keeper_hosts::lead(std::uint32_t id) {
  leader_ = id;
  ++term_;
  ++world_.stats().leaders;
  auto& which = at(id);
  which.term = term_;
  which.since = world_.now();
  which.version = 0;
  world_.trace("host {} leads in term {}", id, term_);
  world_.note(combine(term_, id));
  world_.observer().on_leader();
  call(which, [&](auto& keeper) {
    keeper.on_settings(world_.parameters().settings);
    keeper.on_lead(term_);
  });
  // The state is read once this host leads.
  call_later(which, random_.between(50, world_.parameters().query_us_max),
             [this](auto& keeper) { keeper.on_nodes(world_.state().nodes()); });
  if (leader_ == id)
    tell_state(which);
}

void keeper_hosts::schedule_lead(std::uint32_t id, std::int64_t delay) {
  world_.after(delay, [this, id, election = ++elections_] {
    if (election == elections_)
      lead(id);
  });
}

void keeper_hosts::change_leader(spi::random_source details) {
  auto old = leader_;
  leader_ = 0;
  auto next =
      static_cast<std::uint32_t>(details.between(1, static_cast<std::int64_t>(hosts_.size())));
  if (old != 0) {
    auto& former = at(old);
    world_.trace("host {} doesn't lead any more", old);
    auto course = details.below(3);
    auto learns_after = details.between(100'000, 4'000'000);
    if (course == 0) {    // it crashes
      former.process = 0; // nothing that was under way reaches the next process
      world_.after(0, [this, old] { make_keeper(at(old)); });
    } else if (course == 1 && next != old) { // it learns of that later
      world_.after(learns_after, [this, old, term = former.term] {
        if (at(old).term != term || leader_ == old)
          return;
        at(old).term = 0;
        call(at(old), [](auto& keeper) { keeper.on_follow(); });
      });
    } else {
      former.term = 0;
      world_.after(0, [this, old, process = former.process] {
        if (at(old).process == process && at(old).term == 0)
          call(at(old), [](auto& keeper) { keeper.on_follow(); });
      });
    }
  }
  schedule_lead(next, details.between(1'000, 3'000'000));
}

std::optional<std::int64_t> keeper_hosts::leads_since() const {
  return leader_ == 0 ? std::nullopt : std::optional{at(leader_).since};
}

std::int64_t keeper_hosts::silence(keep::node_id node) const {
  if (leader_ == 0)
    return 0;
  auto& leader = at(leader_);
  auto heard = leader.heard_at.find(node);
  return world_.now() - (heard == leader.heard_at.end() ? leader.since : heard->second);
}

keep::keeper_report keeper_hosts::report() const {
  return leader_ == 0 ? keep::keeper_report{} : at(leader_).keeper->report();
}

// -- the state --------------------------------------------------------------------------------

void keeper_hosts::tell_state(host& which) {
  auto& state = world_.state();
  if (which.version == state.version())
    return;
  which.version = state.version();
  call(which, [&](auto& keeper) {
    keeper.on_watermark(state.watermark());
    keeper.on_state(state.version(), state.units(), state.incomplete_units());
  });
}

std::int64_t keeper_hosts::tick_interval() const {
  return std::max(tick_us, std::min(idle_tick_us_max, world_.parameters().idle_wake_us));
}

void keeper_hosts::tick() {
  if (leader_ != 0) {
    // Uploads that began before are refused from now on.
    if (world_.now() >= watermark_at_ + 1'000'000) {
      watermark_at_ = world_.now();
      auto begun = world_.now() - world_.parameters().upload_window_us;
      if (begun > 0)
        world_.state().raise_watermark({static_cast<std::uint64_t>(begun), 0});
    }
    tell_state(at(leader_));
  }
  world_.after(tick_interval(), [this] { tick(); });
}

void keeper_hosts::tell_nodes() {
  for (auto& each : hosts_)
    if (each.process != 0)
      call_later(each, delay(), [this](auto& keeper) { keeper.on_nodes(world_.state().nodes()); });
}

void keeper_hosts::set_node_state(keep::node_id node, keep::node_state to) {
  auto before = world_.state().state_of(node);
  if (!world_.state().set_node_state(node, to) || before == to)
    return;
  world_.observer().on_node_state(node);
  tell_nodes();
}

void keeper_hosts::set_settings(const keep::keeper_settings& settings) {
  world_.observer().on_settings(settings);
  world_.parameters().settings = settings;
  if (leader_ != 0)
    call_later(at(leader_), delay(),
               [this](auto& keeper) { keeper.on_settings(world_.parameters().settings); });
}

void keeper_hosts::change_policy() {
  policy_ = policy_ == 1 ? 2 : 1;
  if (policy_known_at_ != 0)
    return;
  policy_known_at_ = world_.now() + random_.between(0, 3'000'000);
  world_.at_time(policy_known_at_, [this] {
    for (auto& each : hosts_)
      if (each.process != 0)
        call(each, [](auto& keeper) { keeper.on_policy(2); });
  });
}

// -- nodes ------------------------------------------------------------------------------------

void keeper_hosts::hear(keep::node_id node, std::uint64_t incarnation, const keep::vitals& what) {
  auto& over = channels_[node - 1];
  for (auto& each : hosts_) {
    if (world_.should_inject(over.lost_heartbeats, world_.rates().lost_heartbeat) ||
        each.process == 0)
      continue;
    world_.after(delay(), [this, id = each.id, process = each.process, node, incarnation, what] {
      auto& to = at(id);
      if (to.process != process)
        return;
      // Hosts know which process of a node is the present one, and listen to no former one.
      auto& latest = to.incarnations[node];
      if (incarnation < latest)
        return;
      latest = incarnation;
      auto [heard, is_first] = to.heard_at.try_emplace(node, to.since);
      world_.observer().on_heard(id, node, world_.now() - heard->second);
      heard->second = world_.now();
      call(to, [&](auto& keeper) { keeper.on_heard(node, incarnation, what); });
    });
  }
}

void keeper_hosts::hear_all() {
  for (auto& each : hosts_)
    if (each.process != 0)
      call(each, [&](auto& keeper) {
        for (keep::node_id id = 1; id <= world_.node_count(); ++id)
          if (auto& node = world_.node(id); node.up()) {
            each.incarnations[id] = node.incarnation();
            keeper.on_heard(id, node.incarnation(), node.vitals());
          }
      });
}

void keeper_hosts::tell(keep::node_id node, const keep::fragment_key& key,
                        keep::fragment_condition what) {
  auto& over = channels_[node - 1];
  for (auto& each : hosts_) {
    if (each.process == 0 || (each.term == 0 && leader_ != each.id))
      continue;
    send_back(over, [this, id = each.id, process = each.process, node, key, what] {
      if (what != keep::fragment_condition::stored)
        world_.observer().on_complaint(node, key);
      else if (leader_ == id)
        world_.observer().on_stored_news(node, key);
      if (at(id).process == process)
        call(at(id), [&](auto& keeper) { keeper.on_fragment(node, key, what); });
    });
  }
}

} // namespace atl::sim
