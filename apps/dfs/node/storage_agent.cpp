#include "node/storage_agent.hpp"

#include "common/actor_messages.hpp"
#include "common/clock.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs {

namespace {

using atl::errc;
using atl::runtime::ask;
using atl::runtime::envelope;
using atl::runtime::message_kind;
using atl::runtime::tell;
using atl::runtime::tell_later;

/// Bound of the findings kept for an unreachable master; an audit shows what is left out.
constexpr std::size_t findings_kept_max = 100'000;
/// Heartbeats between two queries for new masters.
constexpr std::uint64_t ticks_between_queries = 10;
constexpr std::size_t masters_max = 64;

} // namespace

storage_agent::storage_agent(caf::actor_config& config, settings given)
    : caf::event_based_actor{config}, settings_{std::move(given)},
      self_{settings_.connections->self().info()}, incarnation_{now_us()} {}

void storage_agent::on_exit() {
  masters_.clear();
  settings_.connections.reset();
  settings_.repairs.reset();
  settings_.scrub.reset();
  settings_.on_conversions = nullptr;
  settings_.store.reset();
  settings_.jobs = nullptr;
  settings_.supervisor = nullptr;
}

caf::behavior storage_agent::make_behavior() {
  for (auto& master : settings_.masters)
    connect_to(master);
  tell_later(this, settings_.connections->timing().heartbeat, tick{});
  return {
      [this](const atl::runtime::connection_event& event) { on_connection_event(event); },
      [this](const atl::runtime::envelope_from_peer& from) { on_order(from); },
      [this](envelope& message) { return on_envelope(message); },
      [](const atl::runtime::turned_away&) {},
      [this](removals_wait) { remove_some(); },
      [this](task_ended& ended) {
        masters_[ended.master].results.add(std::move(ended.result));
        report_now(ended.master);
      },
      [this](tick) {
        gather_findings();
        publish_usage();
        for (auto& [name, state] : masters_)
          send_heartbeat(name);
        if (++ticks_ % ticks_between_queries == 0)
          query_for_masters();
        tell_later(this, settings_.connections->timing().heartbeat, tick{});
      },
  };
}

void storage_agent::connect_to(const master& to) {
  masters_[to.name].connection = settings_.connections->subscribe(
      to.where, {caf::actor_cast<caf::actor>(this), storage_role_name, to.name, true});
}

/// The configured masters know the masters that joined later.
void storage_agent::query_for_masters() {
  auto up =
      std::find_if(masters_.begin(), masters_.end(), [](auto& entry) { return entry.second.up; });
  if (up == masters_.end())
    return;
  ask(this, up->second.connection.connection(), settings_.connections->timing().failure_timeout,
      envelope{message_kind::group, atl::runtime::cluster_digest(self_), {}, master_role_name})
      .then(
          [this](const envelope& answer) {
            auto reply = atl::runtime::decode_reply(answer.body);
            auto known = reply.value ? atl::runtime::decode_group(*reply.value) : std::nullopt;
            if (!known)
              return;
            for (auto& it : *known)
              if (!masters_.contains(it.name) && masters_.size() < masters_max) {
                atl::log::info("storage", it.name, "is a master that came later");
                connect_to({it.name, it.where});
              }
          },
          [](const caf::error&) {});
}

void storage_agent::on_connection_event(const atl::runtime::connection_event& event) {
  auto& state = masters_[event.peer];
  state.up = event.up.has_value();
  state.waiting = false;
  state.telling = 0;
  if (state.up)
    send_heartbeat(event.peer);
}

/// The answer to a report that is under way may have been made before the orders.
void storage_agent::on_order(const atl::runtime::envelope_from_peer& from) {
  if (static_cast<protocol::kind>(from.message.kind) == protocol::kind::report_now)
    report_now(from.peer);
}

/// Over the node's endpoint, so it isn't known which master asks.
caf::result<envelope> storage_agent::on_envelope(envelope& message) {
  auto kind = static_cast<protocol::kind>(message.kind);
  if (kind == protocol::kind::run_piece || kind == protocol::kind::cancel_job) {
    auto promise = make_response_promise<envelope>();
    promise.delegate(settings_.jobs, std::move(message));
    return promise;
  }
  if (kind == protocol::kind::scrub_now)
    return on_scrub_request(message);
  if (kind != protocol::kind::report_now)
    return atl::runtime::make_reply(
        {atl::fail(errc::invalid, "a kind of message that a storage node doesn't take"),
         {},
         false});
  for (auto& [name, state] : masters_)
    report_now(name);
  return atl::runtime::make_reply({std::string{}, {}, false});
}

envelope storage_agent::on_scrub_request(const envelope& message) {
  auto request = protocol::decode_scrub_request(message.body);
  if (!request)
    return atl::runtime::make_reply({tl::unexpected{request.error()}, {}, false});
  if (!settings_.scrub)
    return atl::runtime::make_reply({atl::fail(errc::unavailable, "the node stops"), {}, false});
  auto state = settings_.scrub->order(*request);
  return atl::runtime::make_reply({protocol::encode(state), {}, false});
}

void storage_agent::report_now(const std::string& name) {
  if (auto& master = masters_[name]; master.waiting) {
    master.report_again = true;
    return;
  }
  gather_findings();
  send_heartbeat(name);
}

void storage_agent::gather_findings() {
  auto found = settings_.store->take_damaged();
  for (auto& [name, state] : masters_)
    for (auto& key : found)
      if (state.to_tell.size() < findings_kept_max)
        state.to_tell.push_back({key.chunk, key.fragment});
  if (auto failure = settings_.store->failure(); failure && failure->message != logged_failure_) {
    logged_failure_ = failure->message;
    atl::log::error("storage", "", "{}", logged_failure_);
  }
}

void storage_agent::publish_usage() const {
  auto usage = settings_.usage ? settings_.store->usage() : store_usage{};
  if (settings_.usage && usage)
    settings_.usage->set(*usage);
  if (settings_.disks)
    settings_.disks->set(settings_.store->disks());
}

/// None of a node that has one disk.
std::vector<protocol::disk_report> storage_agent::report_disks() const {
  auto scrubs = settings_.scrub ? settings_.scrub->disks() : std::vector<protocol::scrub_status>{};
  std::vector<protocol::disk_report> reports;
  for (auto& disk : settings_.store->disks()) {
    auto at = reports.size();
    auto& usage = disk.usage;
    reports.push_back({disk.folder, disk.failure, usage.capacity, usage.free, usage.bytes,
                       usage.chunks, usage.damaged,
                       at < scrubs.size() ? scrubs[at] : protocol::scrub_status{}});
  }
  return reports;
}

void storage_agent::send_heartbeat(const std::string& name) {
  auto& state = masters_[name];
  if (!state.up || state.waiting)
    return;
  protocol::storage_heartbeat report;
  report.name = self_.name;
  report.control = settings_.connections->self().info().address;
  report.uuid = settings_.uuid;
  report.incarnation = incarnation_;
  report.group = settings_.group;
  report.bulk = settings_.bulk;
  report.zone = settings_.zone;
  report.weight = settings_.weight;
  report.in_flight = settings_.in_flight();
  if (auto usage = settings_.store->usage()) {
    report.capacity_bytes = usage->capacity;
    report.free_bytes = usage->free;
    report.used_bytes = usage->bytes;
    report.chunks = usage->chunks;
    report.removed_bytes = usage->removed_bytes;
    report.damaged = usage->damaged;
  } else {
    report.failed = usage.error().message;
  }
  if (auto failure = settings_.store->failure())
    report.failed = failure->message;
  report.batch_taken = state.batch_taken;
  state.telling = std::min(state.to_tell.size(), protocol::fragments_max);
  report.findings.assign(state.to_tell.begin(),
                         state.to_tell.begin() + static_cast<std::ptrdiff_t>(state.telling));
  if (settings_.scrub)
    report.scrub = settings_.scrub->status();
  report.disks = report_disks();
  state.results.tell(report);
  state.waiting = true;
  envelope message{static_cast<message_kind>(protocol::kind::heartbeat),
                   atl::runtime::cluster_digest(self_), protocol::encode(report), master_role_name};
  ask(this, state.connection.connection(), settings_.connections->timing().failure_timeout * 4,
      std::move(message))
      .then([this, name](const envelope& answer) { apply_commands(name, answer); },
            [this, name](const caf::error&) {
              masters_[name].waiting = false;
              masters_[name].telling = 0; // what the heartbeat told is told again
            });
}

void storage_agent::warn_once(const std::string& name, const std::string& why) {
  auto& last = masters_[name].last_warning;
  if (why != last)
    atl::log::warning("storage", name, "{}", why);
  last = why;
}

/// A master of another group doesn't know the data here, and would order its removal.
bool storage_agent::accept_group(const std::string& name,
                                 const protocol::storage_commands& commands) {
  if (settings_.group.empty() && commands.id != no_storage) {
    if (auto joined = settings_.join_group(commands.group); !joined) {
      warn_once(name, joined.error().message);
      return false;
    }
    settings_.group = commands.group;
    atl::log::info("storage", name, "the data here belongs to the group {} from now on",
                   settings_.group);
  }
  if (settings_.group.empty() || commands.group == settings_.group)
    return true;
  warn_once(name, fmt::format("it belongs to the group {}, the data here to {}: its commands are "
                              "ignored",
                              commands.group, settings_.group));
  return false;
}

void storage_agent::apply_commands(const std::string& name, const envelope& answer) {
  auto& state = masters_[name];
  state.waiting = false;
  auto reply = atl::runtime::decode_reply(answer.body);
  auto told = std::exchange(state.telling, 0);
  if (!reply.value) {
    if (reply.value.error().code == errc::refused)
      tell(this, settings_.supervisor,
           atl::runtime::node_failure{"storage",
                                      {errc::refused, name + " doesn't let this node in: " +
                                                          reply.value.error().message}});
    warn_once(name, reply.value.error().message);
    return;
  }
  auto commands = protocol::decode_storage_commands(*reply.value);
  if (!commands) {
    atl::log::warning("storage", name, "{}", commands.error().message);
    return;
  }
  state.results.on_answered();
  state.to_tell.erase(state.to_tell.begin(),
                      state.to_tell.begin() + static_cast<std::ptrdiff_t>(told));
  auto had_no_group = settings_.group.empty();
  if (!accept_group(name, *commands))
    return;
  auto has_joined = had_no_group && !settings_.group.empty();
  if (commands->id != state.known_as) {
    state.known_as = commands->id;
    atl::log::info("storage", name, "known as storage node {}", commands->id);
  }
  apply_orders(name, *commands);
  if (commands->has_conversions && settings_.on_conversions)
    settings_.on_conversions();
  auto is_ordered = std::exchange(state.report_again, false);
  if (has_joined || !state.to_tell.empty() || is_ordered || !state.results.is_empty())
    send_heartbeat(name); // reports the joined group, or what is left to tell, at once
}

} // namespace dfs
