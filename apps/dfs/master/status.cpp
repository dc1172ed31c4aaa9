#include "master/status.hpp"

#include <atoll/core/quantity.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace dfs {

namespace {

using nlohmann::json;

constexpr std::string_view role_names[] = {"follower", "candidate", "leader", "learner"};

json describe(const protocol::plugin_choice& choice) {
  json options = json::object();
  for (auto& [key, value] : choice.options.values())
    std::visit([&options, &key = key](auto& held) { options[key] = held; }, value);
  return {{"name", choice.name}, {"version", choice.version}, {"options", std::move(options)}};
}

/// Null before the node's first pass.
json describe_scrub(const protocol::scrub_status& scrub) {
  if (scrub.began_us == 0)
    return {};
  return {{"began_us", scrub.began_us},     {"ended_us", scrub.ended_us},
          {"done_bytes", scrub.done_bytes}, {"total_bytes", scrub.total_bytes},
          {"damaged", scrub.damaged},       {"last_finding", scrub.last_finding}};
}

/// None for a node that has one disk.
json describe_disks(const std::vector<protocol::disk_report>& disks) {
  auto list = json::array();
  for (auto& disk : disks)
    list.push_back({{"folder", disk.folder},
                    {"health", disk.failed.empty() ? "up" : "failed"},
                    {"failed", disk.failed},
                    {"capacity_bytes", disk.capacity_bytes},
                    {"free_bytes", disk.free_bytes},
                    {"used_bytes", disk.used_bytes},
                    {"chunks", disk.chunks},
                    {"damaged", disk.damaged},
                    {"scrub", describe_scrub(disk.scrub)}});
  return list;
}

json describe_storages(const status_view& view) {
  auto list = json::array();
  auto now = std::chrono::steady_clock::now();
  for (auto& [name, node] : view.registry.nodes()) {
    auto alive = view.registry.alive(node, now);
    auto silent = std::chrono::duration_cast<std::chrono::milliseconds>(now - node.seen);
    json entry{{"id", node.id},
               {"name", name},
               {"address", atl::to_string(node.last.bulk)},
               {"endpoint", node.last.control},
               {"zone", node.last.zone},
               {"weight", node.last.weight},
               {"capacity_bytes", node.last.capacity_bytes},
               {"free_bytes", node.last.free_bytes},
               {"used_bytes", node.last.used_bytes},
               {"chunks", node.last.chunks},
               {"damaged", node.last.damaged},
               {"failed", node.last.failed},
               {"scrub", describe_scrub(node.last.scrub)},
               {"disks", describe_disks(node.last.disks)},
               {"silent_ms", silent.count()}};
    auto joined = storage_registry::has_joined(node);
    entry["health"] = !alive                     ? "down"
                      : !joined                  ? "joining"
                      : node.last.failed.empty() ? "up"
                                                 : "failed";
    list.push_back(std::move(entry));
  }
  if (view.summary) {
    // Registered nodes that haven't reported since this master started.
    for (auto& known : view.summary->storages) {
      auto& nodes = view.registry.nodes();
      if (!nodes.contains(known.name))
        list.push_back({{"id", known.id}, {"name", known.name}, {"health", "down"}});
    }
  }
  return list;
}

/// The slots of the latency histogram up to the last with a count.
json describe_latency(const atl::runtime::replica_metrics& metrics) {
  auto list = json::array();
  for (std::size_t slot = 0; slot < metrics.latency.size(); ++slot)
    if (metrics.latency[slot] > 0)
      list.push_back({{"up_to_us", std::uint64_t{1} << slot}, {"count", metrics.latency[slot]}});
  return list;
}

json describe_metrics(const atl::runtime::replica_view& view) {
  auto& it = view.metrics;
  return {{"commits", it.commits},
          {"refused", it.refused},
          {"reads", it.reads},
          {"commit_latency", describe_latency(it)},
          {"applied_batches", it.applied_batches},
          {"elections", it.elections},
          {"snapshots_sent", it.snapshots_sent},
          {"snapshots_taken_over", it.snapshots_taken_over},
          {"dropped_messages", it.dropped_messages},
          {"syncs", view.disk.syncs},
          {"synced_batches", view.disk.batches},
          {"synced_bytes", view.disk.bytes},
          {"sync_us", view.disk.sync_us}};
}

json describe_connections(const atl::net::gatekeeper_counters& counters) {
  json refused = json::object();
  for (std::size_t i = 0; i < counters.refused.size(); ++i)
    refused[std::string{to_string(static_cast<atl::net::refusal>(i))}] = counters.refused[i];
  return {{"admitted", counters.admitted},
          {"refused", std::move(refused)},
          {"timed_out", counters.timed_out},
          {"displaced", counters.displaced},
          {"hung_up", counters.hung_up}};
}

json describe_replica(const status_view& view) {
  auto& protocol = view.replica.protocol;
  return {{"name", view.self.name},
          {"id", view.replica.self},
          {"role", view.waiting.empty() ? role_names[static_cast<std::size_t>(protocol.role)]
                                        : std::string_view{"waiting"}},
          {"group", view.role.group},
          {"folder", view.self.folder},
          {"term", protocol.term},
          {"leader", protocol.leader},
          {"committed", protocol.committed},
          {"applied", view.replica.applied},
          {"first", protocol.first},
          {"blocked", protocol.blocked},
          {"incarnation", view.replica.incarnation},
          {"voters", view.replica.voters},
          {"learners", view.replica.learners},
          {"connections", describe_connections(view.connections)},
          {"metrics", describe_metrics(view.replica)}};
}

std::string plugin_text(const protocol::plugin_choice& choice) {
  return fmt::format("{} {} {}", choice.name, choice.version, describe(choice)["options"].dump());
}

std::string size_text(std::uint64_t bytes) {
  return atl::format_size(static_cast<std::int64_t>(bytes));
}

std::string duration_text(std::uint64_t us) {
  return atl::format_duration(std::chrono::microseconds{us});
}

json describe(const atl::keep::redundancy& counts) {
  return {{"degraded", counts.degraded}, {"critical", counts.critical}, {"lost", counts.lost}};
}

/// The number of chunks that aren't in order, as far as the leading master has counted.
json describe_copies(const atl::keep::keeper_report& keeper) {
  if (!keeper.problem.empty())
    return {{"state", "failed"}, {"problem", keeper.problem}};
  if (!keeper.is_counted)
    return {{"state", "counting"}};
  auto out = describe(keeper.all);
  out["state"] = keeper.is_outdated ? "counting again" : "counted";
  out["chunks"] = keeper.units;
  out["short"] = keeper.all.total();
  out["unreadable"] = keeper.all.lost;
  out["age_ms"] = keeper.counted_age.count() / 1000;
  out["by_policy"] = json::object();
  for (const auto& [policy, counts] : keeper.by_policy)
    out["by_policy"][std::to_string(policy)] = describe(counts);
  return out;
}

json describe_repair(const atl::keep::keeper_report& keeper,
                     const atl::keep::keeper_settings& settings) {
  json out{{"queued_chunks", keeper.queued_units},
           {"queued_bytes", keeper.queued_bytes},
           {"stuck_chunks", keeper.stuck_units},
           {"tasks", keeper.tasks},
           {"verifications", keeper.verifications},
           {"damaged_known", keeper.damaged_known},
           {"bytes_a_second", static_cast<std::uint64_t>(keeper.bytes_a_second)},
           {"rate_max", settings.repair_rate},
           {"mended", keeper.fragments_mended},
           {"moved", keeper.fragments_moved},
           {"adopted", keeper.fragments_adopted},
           {"removed", keeper.fragments_removed},
           {"bytes_copied", keeper.bytes_copied},
           {"found_damaged", keeper.found_damaged},
           {"found_missing", keeper.found_missing},
           {"failed", keeper.orders_failed},
           {"seconds_left", nullptr}};
  if (keeper.queued_bytes > 0 && keeper.bytes_a_second >= 1)
    out["seconds_left"] = static_cast<std::uint64_t>(static_cast<double>(keeper.queued_bytes) /
                                                     keeper.bytes_a_second);
  return out;
}

json describe_conversions(const std::vector<protocol::conversion_view>& conversions) {
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;
  auto is_counted = true;
  for (const auto& each : conversions) {
    chunks += each.chunks_left;
    bytes += each.bytes_left;
    is_counted = is_counted && each.is_counted;
  }
  return {{"count", conversions.size()},
          {"chunks_left", chunks},
          {"bytes_left", bytes},
          {"counted", is_counted}};
}

/// Adds to each storage node what the keeper thinks of it.
void add_upkeep(const atl::keep::keeper_report& keeper, json& storages) {
  constexpr std::string_view states[] = {"active", "draining", "dead", "forgotten"};
  for (const auto& node : keeper.nodes)
    for (auto& entry : storages)
      if (entry["id"] == node.id) {
        entry["state"] = states[static_cast<std::size_t>(node.state)];
        entry["empty"] = node.is_empty;
        entry["dead_after_ms"] = node.dead_after.count() / 1000;
        entry["tasks_in"] = node.tasks_in;
        entry["tasks_out"] = node.tasks_out;
        entry["removals"] = node.removals;
        entry["audited_fragments"] = node.is_audited ? json(node.fragments_audited) : json{};
        if (entry["health"] == "up" && node.liveness == atl::keep::liveness::suspect)
          entry["health"] = "suspect";
      }
}

json describe(const atl::spi::options& options) {
  auto out = json::object();
  for (auto& [key, value] : options.values())
    std::visit([&out, &key = key](auto& held) { out[key] = held; }, value);
  return out;
}

/// The parts of a policy by the keys of the configuration.
std::map<std::string, std::string> parts_of(const policy& what) {
  return {{"recovery.plugin", what.recovery},
          {"recovery.options", describe(what.recovery_options).dump()},
          {"placement.balancer", what.placement},
          {"placement.options", describe(what.placement_options).dump()},
          {"files.durability", std::string{to_string(what.durability)}},
          {"files.chunk_size", size_text(what.chunk_bytes)},
          {"files.inline_limit", size_text(what.inline_bytes_max)},
          {"files.trash", duration_text(what.trash_us)}};
}

/// The root's policy, and where the configuration says something else: that was the policy of the
/// root at birth, and changes nothing later.
json describe_policy(const status_view& view) {
  auto& root = *view.root_policy;
  json out{{"id", root.id}};
  for (auto& [key, value] : parts_of(root.policy))
    out[key] = value;
  out["differs"] = json::array();
  if (!view.configured_policy)
    return out;
  auto configured = parts_of(*view.configured_policy);
  for (auto& [key, value] : parts_of(root.policy))
    if (configured[key] != value)
      out["differs"].push_back({{"key", key}, {"holds", value}, {"configured", configured[key]}});
  return out;
}

} // namespace

std::map<std::string, std::string> describe_configuration(const master_policy& policy) {
  return {{"recovery", plugin_text(policy.recovery)},
          {"placement", plugin_text(policy.placement)},
          {"placement.eject_after", std::to_string(policy.pool.outliers.failures)},
          {"placement.eject_for", atl::format_duration(policy.pool.outliers.ejection)},
          {"placement.slow_start", atl::format_duration(policy.pool.slow_start)},
          {"reads", plugin_text(policy.reads)},
          {"files.chunk_size", size_text(policy.chunk_bytes)},
          {"files.inline_limit", size_text(policy.inline_bytes)},
          {"files.durability", std::string{to_string(policy.durability)}},
          {"files.trash", atl::format_duration(policy.trash)},
          {"files.grace", atl::format_duration(policy.grace)},
          {"files.collection_interval", atl::format_duration(policy.collection_interval)},
          {"files.session_expiry", atl::format_duration(policy.session_expiry)}};
}

std::string describe_status(const status_view& view) {
  json out;
  out["cluster"] = view.self.cluster;
  out["seen_by"] = describe_replica(view);
  out["storages"] = describe_storages(view);
  out["durability"] = to_string(view.policy.durability);
  out["chunk_bytes"] = view.policy.chunk_bytes;
  if (view.root_policy) {
    out["durability"] = to_string(view.root_policy->policy.durability);
    out["chunk_bytes"] = view.root_policy->policy.chunk_bytes;
    out["policy"] = describe_policy(view);
  }
  out["plugins"] = {{"consensus", describe(view.policy.consensus)},
                    {"placement", describe(view.policy.placement)},
                    {"reads", describe(view.policy.reads)},
                    {"recovery", describe(view.policy.recovery)}};
  if (view.summary) {
    out["files"] = {{"files", view.summary->files},
                    {"directories", view.summary->directories},
                    {"chunks", view.summary->chunks},
                    {"bytes", view.summary->bytes},
                    {"trash_entries", view.summary->trash_entries},
                    {"trash_bytes", view.summary->trash_bytes},
                    {"pending_removals", view.summary->pending_removals}};
  } else {
    out["files"] = nullptr;
    out["problem"] = view.summary.error().message;
  }
  if (!view.plugin_problem.empty())
    out["problem"] = view.plugin_problem;
  for (auto& [key, node] : view.refused) {
    out["refused"].push_back(node.why);
    out["turned_away"].push_back({{"name", node.name}, {"folder", node.folder}, {"why", node.why}});
  }
  if (!view.waiting.empty())
    out["waiting"] = view.waiting;
  out["copies"] = nullptr;
  out["repair"] = nullptr;
  if (view.keeper) {
    out["copies"] = describe_copies(*view.keeper);
    out["repair"] = describe_repair(*view.keeper, view.upkeep);
    add_upkeep(*view.keeper, out["storages"]);
    out["conversions"] = describe_conversions(view.conversions);
  }
  out["unusable_policies"] = json::array();
  if (view.policy_problems)
    for (const auto& [policy, why] : *view.policy_problems)
      out["unusable_policies"].push_back({{"policy", policy}, {"why", why}});
  out["shortage"] = view.shortage;
  // Names and messages come from other machines: bytes that aren't UTF-8 are replaced, without an
  // exception.
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace dfs
