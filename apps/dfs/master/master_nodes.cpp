// How a master keeps the list of storage nodes: their reports, those that are turned away, and
// their ids in the name space.
#include "master/master_query.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs {

namespace {

using atl::errc;
using atl::runtime::envelope;

constexpr auto refusal_lifetime = std::chrono::seconds{10};
constexpr std::size_t refused_nodes_max =
    1000; ///< bound of the remembered nodes that were turned away

} // namespace

void master_actor::note_refused(const std::string& key, refused_node node) {
  if (refused_.size() < refused_nodes_max || refused_.contains(key))
    refused_[key] = std::move(node);
}

envelope master_actor::on_heartbeat(const envelope& message) {
  auto report = protocol::decode_storage_heartbeat(message.body);
  if (!report)
    return error_reply(report.error());
  auto now = std::chrono::steady_clock::now();
  auto key = report->name + report->uuid;
  if (auto known = refused_.find(key); known != refused_.end() && known->second.for_good)
    return error_reply({errc::refused, known->second.why});
  if (!report->group.empty() && report->group != settings_.birth.group) {
    auto why = fmt::format(
        "the data of {} belongs to the group {}, and {} to the group {}: one of the two has a "
        "wrong disk, or one that isn't mounted; if the data on {} isn't wanted any more, start it "
        "once with --new-disk",
        report->name, report->group, settings_.self.name, settings_.birth.group, report->name);
    note_refused(key, {report->name, report->uuid, why, now, false});
    return error_reply({errc::unavailable,
                        why}); // not refused for good, because this master may have the wrong disk
  }
  refused_.erase(key);
  auto* before = registry_.find(report->name);
  if (before && before->last.uuid != report->uuid && registry_.alive(*before, now))
    return error_reply(
        {errc::refused, fmt::format("a node named '{}' with another data folder is up "
                                    "already; give each node a name of its own",
                                    report->name)});
  if (!before && registry_.nodes().size() >= protocol::storages_max)
    return error_reply({errc::refused, "the cluster has as many storage nodes as it can take"});
  auto sender = registry_.judge_sender(*report, now);
  if (sender == storage_registry::sender::copy && leads())
    return error_reply(
        {errc::refused, fmt::format("another process runs as {} on the same data folder, or on a "
                                    "copy of it, at {}; give each node a data folder of its own",
                                    report->name, before->last.control)});
  if (sender != storage_registry::sender::current) // it tells again what it has told
    return error_reply({errc::unavailable,
                        fmt::format("two processes run as {}, and it isn't known yet which of them "
                                    "stays",
                                    report->name)});
  auto& node = registry_.update(*report, now);
  placement_.on_report(report->name, node, registry_, now);
  if (node.id == no_storage && leads())
    look_after_nodes();
  reports_over_[report->name] = caf::actor_cast<caf::actor_addr>(current_sender());
  protocol::storage_commands commands;
  commands.has_conversions = leads() && conversions_.is_active();
  commands.group = settings_.birth.group;
  commands.id = node.id;
  commands.term = view_.protocol.term;
  keeper_.on_heartbeat(node, *report, now);
  keeper_.give_orders(node, registry_, commands);
  schedule_keeper();
  return atl::runtime::make_reply({encode(commands), {}, false});
}

/// Drops the refusals of nodes that no longer try to connect.
void master_actor::forget_old_refusals() {
  auto now = std::chrono::steady_clock::now();
  std::erase_if(refused_, [&](auto& entry) {
    return !entry.second.for_good && now - entry.second.seen > refusal_lifetime;
  });
}

bool master_actor::has_unknown_nodes() const {
  return std::ranges::any_of(registry_.nodes(),
                             [](auto& entry) { return entry.second.id == no_storage; });
}

void master_actor::look_after_nodes() {
  if (!view_known_ || looking_after_nodes_)
    return;
  looking_after_nodes_ = true;
  auto term = view_.protocol.term;
  query(queries::summary{}, [this, term](atl::result<responses::summary> summary) {
    looking_after_nodes_ = false;
    if (summary && term == view_.protocol.term)
      resolve_ids(*summary);
  });
}

void master_actor::resolve_ids(const responses::summary& summary) {
  summary_ = summary;
  if (!std::exchange(summary_known_, true))
    look_after_policies();
  for (auto& known : summary.storages) {
    refused_.erase(known.name + known.uuid); // an operator has admitted the node since
    auto* node = registry_.find(known.name);
    if (!node || node->id != no_storage)
      continue;
    if (node->last.uuid == known.uuid)
      set_id(known.name, *node, known.id);
  }
  if (summary.more)
    query(queries::summary{summary.storages.back().id},
          [this](atl::result<responses::summary> next) {
            if (next)
              resolve_ids(*next);
          });
  else if (leads())
    register_unknown();
}

void master_actor::set_id(const std::string& name, storage_registry::node& node, storage_id id) {
  node.id = id;
  placement_.on_report(name, node, registry_, std::chrono::steady_clock::now());
}

void master_actor::register_unknown() {
  for (auto& [name, node] : registry_.nodes()) {
    auto refused = refused_.find(name + node.last.uuid);
    if (node.id != no_storage || (refused != refused_.end() && refused->second.for_good))
      continue;
    auto uuid = node.last.uuid;
    submit(commands::register_storage{name, uuid}, [this, name = name, uuid](const auto& bytes) {
      auto answer = decode_response<responses::registered>(bytes);
      auto* node = registry_.find(name);
      if (answer && node && node->last.uuid == uuid) {
        set_id(name, *node, answer->id);
        atl::log::info("master", name, "joined as storage node {}", answer->id);
        if (root_policy_)
          register_unknown();
        else
          learn_root_policy(); // what the first PUT waits for comes first
      } else if (!answer && answer.error().code == errc::refused &&
                 !atl::is_session_expired(answer.error())) {
        refused_[name + uuid] = {name, uuid, answer.error().message,
                                 std::chrono::steady_clock::now(), true};
        atl::log::warning("master", name, "turned away: {}", answer.error().message);
      }
    });
    return; // one command at a time; its answer leads to the next
  }
}

} // namespace dfs
