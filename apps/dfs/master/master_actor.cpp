#include "common/actor_messages.hpp"
#include "common/clock.hpp"
#include "master/backup_actor.hpp"
#include "master/master_metrics.hpp"
#include "master/master_query.hpp"
#include "master/status.hpp"
#include "namespace/query.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dfs {

namespace {

using atl::errc;
using atl::runtime::ask;
using atl::runtime::envelope;
using atl::runtime::make_reply;
using atl::runtime::tell;
using atl::runtime::tell_later;

constexpr auto look_interval = std::chrono::milliseconds{200};
/// Until the root's policy is known: a new cluster's is defined soon after its first election.
constexpr auto first_looks_interval = std::chrono::milliseconds{20};

envelope answer_with(std::string value) {
  return make_reply({std::move(value), {}, false});
}

} // namespace

master_actor::master_actor(caf::actor_config& config, settings given)
    : caf::event_based_actor{config}, settings_{std::move(given)},
      registry_{settings_.policy.storage_timeout},
      placement_{settings_.seed, settings_.policy.pool}, commands_{this, settings_.replica,
                                                                   settings_.seed ^ now_us(),
                                                                   replica_timeout},
      keeper_commands_{this, settings_.replica, ~settings_.seed ^ now_us(), replica_timeout},
      conversion_commands_{this, settings_.replica, settings_.seed ^ now_us() << 8,
                           replica_timeout},
      keeper_{settings_.policy.upkeep, settings_.seed ^ now_us(), keeper_services()},
      names_check_{{settings_.self.name}} {
  for (auto& peer : settings_.group)
    view_.known.push_back({peer.id, peer.name, peer.where});
}

caf::behavior master_actor::make_behavior() {
  last_collection_ = std::chrono::steady_clock::now();
  tell_later(this, first_looks_interval, tick{});
  return {
      [this](envelope& message) { return on_envelope(message); },
      [this](const atl::runtime::turned_away& node) {
        if (node.why.empty())
          refused_.erase(node.name);
        else
          note_refused(node.name,
                       {node.name, {}, node.why, std::chrono::steady_clock::now(), false});
      },
      [this](tick) {
        on_tick();
        tell_later(this, root_policy_ ? look_interval : first_looks_interval, tick{});
      },
  };
}

// -- what comes from outside ------------------------------------------------------------------

caf::result<envelope> master_actor::on_envelope(envelope& message) {
  switch (static_cast<protocol::kind>(message.kind)) {
  case protocol::kind::heartbeat:
    return on_heartbeat(message);
  case protocol::kind::allocate:
    return allocate(message);
  case protocol::kind::finish:
    return finish(message);
  case protocol::kind::renew:
    return renew(message);
  case protocol::kind::collect:
    return collect(message);
  case protocol::kind::check_chunks:
    return check_chunks(message);
  case protocol::kind::rebalance:
    return rebalance(message);
  case protocol::kind::convert:
    return convert(message);
  case protocol::kind::conversions:
    return list_conversions();
  case protocol::kind::check_names:
    return check_names(message);
  case protocol::kind::backup_names:
    return back_up_names(message);
  case protocol::kind::cluster:
    return cluster();
  case protocol::kind::status:
    return status();
  case protocol::kind::report_now: // only a storage node takes these
  case protocol::kind::run_piece:
  case protocol::kind::cancel_job:
  case protocol::kind::scrub_now:
    break;
  }
  return error_reply({errc::invalid, "a kind of message that a master doesn't take"});
}

envelope master_actor::error_reply(const atl::error& problem, bool elsewhere) const {
  atl::runtime::reply answer{tl::unexpected{problem}, {}, false};
  if (elsewhere)
    for (auto& peer : view_.known)
      if (peer.id == view_.protocol.leader && peer.id != settings_.role.replica)
        answer.hint = atl::to_string(peer.where);
  return make_reply(answer);
}

caf::result<envelope> master_actor::allocate(const envelope& message) {
  auto request = protocol::decode_allocate_request(message.body);
  if (!request)
    return error_reply(request.error());
  if (request->chunk_bytes > protocol::chunk_bytes_max)
    return error_reply({errc::invalid, "a chunk above the largest that is possible"});
  if (!leads() || !summary_known_)
    return error_reply({errc::unavailable, settings_.self.name + " doesn't lead the masters"},
                       true);
  if (!view_.no_space.empty()) // refused before the client sends the data in vain
    return answer_with(
        encode(protocol::allocate_response{{}, atl::error{errc::no_space, view_.no_space}}));
  if (placement_.has_policy(request->policy))
    return place(*request);
  auto answer = make_response_promise<envelope>();
  learn_policies([this, answer, request = *request]() mutable { answer.deliver(place(request)); });
  return answer;
}

envelope master_actor::place(const protocol::allocate_request& request) {
  if (auto problem = policy_problems_.find(request.policy); problem != policy_problems_.end())
    return error_reply({errc::refused, problem->second});
  try {
    auto placed = placement_.place(request, registry_, now_us(),
                                   std::max(summary_.gc_watermark_us, proposed_gc_watermark_us_),
                                   std::chrono::steady_clock::now());
    if (placed) {
      plugin_problem_.clear();
      placed->version = describe_settings().version;
      return answer_with(encode(*placed));
    }
    // Nodes that are down may return soon; full disks and weights of 0 persist.
    auto code = placed.error().code;
    if (code == errc::unavailable)
      return error_reply({errc::refused, placed.error().message});
    if (code == errc::busy)
      return error_reply(placed.error());
    if (code == errc::internal)
      return error_reply(plugin_failure(placed.error().message));
    return answer_with(encode(protocol::allocate_response{{}, placed.error()}));
  } catch (const std::exception& thrown) {
    return error_reply(plugin_failure(
        fmt::format("the recovery plugin '{}' threw: {}; choose another plugin, or fix this one",
                    recovery_name(request.policy), thrown.what())));
  }
}

/// The refusal of a request for which a plugin failed. The next request asks the plugin again.
atl::error master_actor::plugin_failure(std::string what) {
  plugin_problem_ = what;
  if (auto held_back = plugin_log_.pass())
    atl::log::error("master", "", "no chunk was placed: {} ({} more like this)", what, *held_back);
  return {errc::refused, std::move(what)};
}

envelope master_actor::finish(const envelope& message) {
  auto request = protocol::decode_finish_request(message.body);
  if (!request)
    return error_reply(request.error());
  placement_.finish(request->upload, std::chrono::steady_clock::now());
  return answer_with({});
}

envelope master_actor::renew(const envelope& message) {
  auto request = protocol::decode_renew_request(message.body);
  if (!request)
    return error_reply(request.error());
  if (!leads() || !summary_known_)
    return error_reply({errc::unavailable, settings_.self.name + " doesn't lead the masters"},
                       true);
  placement_.renew(*request, now_us(), std::chrono::steady_clock::now());
  return answer_with({});
}

envelope master_actor::collect(const envelope& message) {
  auto request = protocol::decode_collect_request(message.body);
  if (!request)
    return error_reply(request.error());
  if (!leads() || !summary_known_)
    return error_reply({errc::unavailable, settings_.self.name + " doesn't lead the masters"},
                       true);
  auto now = std::chrono::steady_clock::now();
  if (!collection_.request(request->run, now_us(), registry_, keeper_progress()))
    return error_reply({errc::busy, "too many collections are asked for; try again"});
  auto state = collection_.state(registry_);
  state.uploads = placement_.uploads_under_way();
  auto left = settling_time(true) - (now - leads_since_);
  if (collection_.waits_for_watermark() && left.count() > 0)
    state.wait_ms = static_cast<std::uint64_t>(left / std::chrono::milliseconds{1});
  return answer_with(encode(state));
}

/// By an actor with a thread of its own, because it reads the disk.
caf::result<envelope> master_actor::back_up_names(const envelope& message) {
  if (!leads())
    return error_reply({errc::unavailable, settings_.self.name + " doesn't lead the masters"},
                       true);
  if (!backup_)
    backup_ = spawn<backup_actor, caf::detached + caf::linked>(
        names_backup::settings{settings_.self.cluster, settings_.birth.group}, settings_.replica);
  auto promise = make_response_promise();
  promise.delegate(backup_, message);
  return promise;
}

/// Without the storage nodes.
protocol::cluster_info master_actor::describe_settings() const {
  auto& policy = settings_.policy;
  protocol::cluster_info info;
  info.cluster = settings_.self.cluster;
  auto masters = view_known_ ? view_.voters.size() : settings_.group.size();
  info.losses_survived = masters == 0 ? 0 : static_cast<std::uint32_t>((masters - 1) / 2);
  info.grace_us = static_cast<std::uint64_t>(policy.grace.count());
  info.reads = policy.reads;
  info.version = protocol::settings_version(info);
  return info;
}

envelope master_actor::cluster() const {
  auto info = describe_settings();
  auto now = std::chrono::steady_clock::now();
  for (auto& [name, node] : registry_.nodes())
    if (node.id != no_storage)
      info.storages.push_back({{node.id, name, node.last.bulk},
                               node.last.zone,
                               node.last.weight,
                               node.last.capacity_bytes,
                               node.last.free_bytes,
                               registry_.alive(node, now)});
  return answer_with(encode(info));
}

caf::result<envelope> master_actor::status() {
  auto answer = make_response_promise<envelope>();
  // The present state, not that of the last tick, because an operator acts upon it.
  query_replica([this, answer] {
    // The status matters most during a failure, when reads wait and files can't be counted.
    query(
        queries::summary{},
        [this, answer](const atl::result<responses::summary>& summary) mutable {
          status_view seen{settings_.self, settings_.role,  settings_.policy, registry_, view_,
                           summary,        plugin_problem_, refused_,         {}};
          seen.configured_policy = &settings_.root_policy;
          seen.policy_problems = &policy_problems_;
          if (root_policy_)
            seen.root_policy = &*root_policy_;
          if (settings_.connections)
            seen.connections = settings_.connections();
          if (leads()) {
            seen.keeper = keeper_.report();
            seen.upkeep = keeper_.settings();
            seen.conversions = conversions_.views();
            seen.shortage = placement_.shortage_of_nodes(
                root_policy_id(), root_chunk_bytes(), registry_, std::chrono::steady_clock::now());
          }
          answer.deliver(answer_with(describe_status(seen)));
        },
        settings_.policy.storage_timeout / 2);
  });
  return answer;
}

// -- what it does by itself -------------------------------------------------------------------

bool master_actor::leads() const {
  return view_known_ && view_.protocol.leader == settings_.role.replica;
}

void master_actor::query_replica(const std::function<void()>& then) {
  ask(this, settings_.replica, replica_timeout, atl::runtime::get_replica_view{})
      .then(
          [this, then](atl::runtime::replica_view& view) {
            view_ = std::move(view);
            view_known_ = true;
            // In another term, another master may have led in between.
            if (leads() && (!was_leader_ || leads_in_term_ != view_.protocol.term)) {
              leads_since_ = std::chrono::steady_clock::now();
              summary_known_ = false; // others may have led since it was learnt
              garbage_until_us_ = now_us();
              chunk_check_.clear();
              begin_conversions();
            }
            keeper_.on_leadership(leads() && summary_known_, view_.protocol.term,
                                  std::chrono::steady_clock::now());
            was_leader_ = leads();
            leads_in_term_ = view_.protocol.term;
            if (!was_leader_)
              collection_.abandon();
            then();
          },
          [then](const caf::error&) { then(); });
}

void master_actor::on_tick() {
  query_replica([this] {
    if (!summary_known_ || !refused_.empty() || has_unknown_nodes())
      look_after_nodes();
    if (summary_known_)
      look_after_policies();
  });
  forget_old_refusals();
  if (leads() && summary_known_) {
    start_garbage_collection();
  }
  look_after_keeper();
  advance_conversions();
  publish_metrics();
}

void master_actor::publish_metrics() const {
  if (!settings_.metrics)
    return;
  atl::metric_set all;
  add_metrics(registry_, std::chrono::steady_clock::now(), all);
  if (leads())
    add_metrics(keeper_.report(), all);
  placement_.add_metrics(all);
  settings_.metrics->set(std::move(all));
}

// -- the replica ------------------------------------------------------------------------------

void master_actor::submit(action what, std::function<void(std::string)> done) {
  if (commands_.is_busy())
    return;
  commands_.send(std::move(what), [done = std::move(done)](atl::result<std::string> answer) {
    if (answer && !atl::is_session_expired(std::string_view{*answer}))
      done(std::move(*answer));
  });
}

} // namespace dfs
