#include "node/master_role.hpp"

#include "common/master_protocol.hpp"
#include "master/status.hpp"
#include "namespace/name_space.hpp"
#include "node/open_files_plan.hpp"
#include "settings/masters_service.hpp"
#include "settings/plugins.hpp"
#include "settings/schemes.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>

#include <fmt/format.h>

#include <chrono>

namespace dfs {

namespace {

using atl::errc;
using atl::runtime::make_reply;

} // namespace

master_role::master_role() : replicated_service{masters_service()} {}

atl::status master_role::prepare() {
  auto cluster = read_cluster(node().configuration);
  if (!cluster)
    return tl::unexpected{cluster.error()};
  cluster_ = std::move(*cluster);
  auto self = read_node(node().configuration, cluster_);
  if (!self)
    return tl::unexpected{self.error()};
  self_ = std::move(*self);
  auto planned = plan_open_files(self_, cluster_.durability, node().open_files_max);
  if (!planned)
    return tl::unexpected{planned.error()};
  if (!self_.is_storage()) // which says so itself
    atl::log::info("master", "", "may have {} files open", planned->limit);
  return {};
}

atl::node::shared_settings master_role::shared() const {
  return describe_configuration(policy());
}

atl::result<std::shared_ptr<atl::replicated_state>>
master_role::open_state(const std::filesystem::path& folder,
                        const atl::replicated_state::settings& how) {
  auto names = open_name_space(folder, how);
  if (!names)
    return tl::unexpected{names.error()};
  return std::shared_ptr<atl::replicated_state>{std::move(*names)};
}

/// The chunks on a node that stores some belong to the same group.
atl::status master_role::accept(const atl::group_birth& birth) const {
  auto& folder = node().folder;
  if (!folder.group().empty() && folder.group() != birth.group)
    return atl::fail(
        errc::refused,
        fmt::format("the data folder {} belongs to the group {}, and the master's log to {}: put "
                    "the log back that belongs there",
                    folder.path().string(), folder.group(), birth.group));
  return {};
}

atl::status master_role::accept_backup(const atl::backup_info& backup) const {
  return atl::check_backup(backup, name_space_info());
}

atl::status master_role::on_joined(const atl::group_birth& birth) {
  return node().folder.join_group(birth.group);
}

master_policy master_role::policy() const {
  master_policy policy;
  policy.chunk_bytes = cluster_.chunk_bytes;
  policy.inline_bytes = cluster_.inline_bytes;
  policy.durability = cluster_.durability;
  policy.trash = cluster_.trash;
  policy.storage_timeout = cluster_.links.failure_timeout;
  policy.grace = cluster_.grace;
  policy.collection_interval =
      std::chrono::ceil<std::chrono::milliseconds>(cluster_.collection_interval);
  policy.session_expiry = cluster_.session_expiry;
  policy.upkeep = cluster_.upkeep;
  policy.pool.outliers = cluster_.placement.outliers;
  policy.pool.slow_start = cluster_.placement.slow_start;
  policy.recovery = choice_of(node().plugins.at(recovery_key));
  policy.placement = choice_of(node().plugins.at(placement_key));
  policy.reads = choice_of(node().plugins.at(reads_key));
  policy.consensus = choice_of(node().plugins.at(consensus_key));
  return policy;
}

atl::result<dfs::policy> master_role::root_policy() const {
  auto& recovery = node().plugins.at(recovery_key);
  auto& placement = node().plugins.at(placement_key);
  auto scheme = recovery.create_recovery();
  if (!scheme)
    return tl::unexpected{scheme.error()};
  auto made = make_policy(*recovery.plugin, recovery.options, **scheme, placement.plugin->name(),
                          placement.options);
  if (!made)
    return made;
  if (auto set = set_durability(*made, cluster_.durability); !set)
    return tl::unexpected{set.error()};
  made->chunk_bytes = cluster_.chunk_bytes;
  made->inline_bytes_max = static_cast<std::uint32_t>(cluster_.inline_bytes);
  made->trash_us = static_cast<std::uint64_t>(cluster_.trash.count());
  return made;
}

atl::result<caf::actor> master_role::start_application(const atl::node::service_member& member) {
  auto root = root_policy();
  if (!root)
    return tl::unexpected{root.error()};
  auto schemes = std::make_shared<scheme_library>(cluster_.plugin_path);
  auto load = [schemes, seed = member.seed, timeout = cluster_.placement.balancer_timeout](
                  policy_id id, const dfs::policy& what) -> atl::result<placement_plugins> {
    auto found = schemes->find(id, what);
    if (!found)
      return tl::unexpected{found.error()};
    auto balancer = schemes->make_placement(what, seed);
    if (!balancer)
      return tl::unexpected{balancer.error()};
    return placement_plugins{atl::node::watch(std::move(*balancer), timeout), what.placement,
                             (*found)->recovery};
  };
  return node().actors->spawn<master_actor>(master_actor::settings{
      member.node, member.role, member.birth, member.group, policy(), member.replica,
      std::move(*root), std::move(load), member.seed,
      [actors = &node().actors] { return actors->connections(); }, latest_metrics_});
}

void master_role::metrics(atl::metric_set& into) const {
  replicated_service::metrics(into);
  into.add(latest_metrics_->get());
}

// -- without a group --------------------------------------------------------------------------

std::optional<atl::runtime::envelope>
master_role::answer_while_waiting(const atl::runtime::envelope& message,
                                  const atl::node::waiting_member& member) const {
  switch (static_cast<protocol::kind>(message.kind)) {
  case protocol::kind::heartbeat: // a storage node may know that a group exists
    if (auto report = protocol::decode_storage_heartbeat(message.body);
        report && !report->group.empty())
      member.note_group(report->name, report->group);
    return std::nullopt;
  case protocol::kind::status:
    return describe_waiting(member);
  default:
    return std::nullopt;
  }
}

atl::runtime::envelope
master_role::describe_waiting(const atl::node::waiting_member& member) const {
  auto problem = atl::error{errc::unavailable, fmt::format("{} takes no part in a group yet: {}",
                                                           member.node.name, member.waits_for)};
  atl::runtime::replica_view view;
  view.self = member.role.replica;
  view.protocol.blocked = problem.message;
  for (auto& master : member.group)
    view.known.push_back({master.id, master.name, master.where});
  auto shown = policy();
  storage_registry none{shown.storage_timeout};
  atl::result<responses::summary> no_summary{tl::unexpected{problem}};
  status_view seen{member.node, member.role, shown,           none, view, no_summary,
                   {},          {},          member.waits_for};
  return make_reply({describe_status(seen), {}, false});
}

} // namespace dfs
