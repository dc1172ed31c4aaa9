#include "node/master_role.hpp"

#include "common/clock.hpp"
#include "master/master_actor.hpp"
#include "namespace/name_space.hpp"
#include "node/admission_actor.hpp"
#include "node/open_files_plan.hpp"
#include "settings/plugins.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/core/state/disk_ballast.hpp>
#include <atoll/core/watched_balancer.hpp>
#include <atoll/runtime/caf.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>

namespace dfs {

namespace {

/// How long a master waits for its balancer, which needs microseconds unless it hangs.
constexpr std::chrono::milliseconds placement_time_max{1000};
/// The folder of the name space in data folders of releases before groups had folders.
constexpr const char* former_state = "names";

using atl::errc;
using atl::fail;
using atl::runtime::replica_actor;
using atl::runtime::spawn_on_io_thread;

atl::runtime::role_info describe(const cluster_settings& cluster, const node_settings& self,
                                 const atl::node::node_context& node) {
  atl::runtime::role_info role;
  role.name = master_role_name;
  role.consensus = node.plugins.at(consensus_key).identity();
  for (auto& master : cluster.masters)
    if (master.name == self.name)
      role.replica = master.id;
  return role;
}

/// The settings without which stored data can't be read.
atl::lasting_settings lasting(const atl::node::plugin_host& plugins) {
  return {{"recovery", plugins.at(recovery_key).lasting_text()}};
}

master_policy make_policy(const cluster_settings& cluster, const atl::node::plugin_host& plugins) {
  master_policy policy;
  policy.chunk_bytes = cluster.chunk_bytes;
  policy.inline_bytes = cluster.inline_bytes;
  policy.durability = cluster.durability;
  policy.storage_timeout = cluster.links.failure_timeout;
  policy.grace = cluster.grace;
  policy.collection_interval =
      std::chrono::ceil<std::chrono::milliseconds>(cluster.collection_interval);
  policy.session_expiry = cluster.session_expiry;
  policy.recovery = choice_of(plugins.at(recovery_key));
  policy.placement = choice_of(plugins.at(placement_key));
  policy.reads = choice_of(plugins.at(reads_key));
  policy.consensus = choice_of(plugins.at(consensus_key));
  return policy;
}

std::vector<replica_actor::peer> configured_masters(const cluster_settings& cluster) {
  std::vector<replica_actor::peer> masters;
  for (auto& master : cluster.masters)
    masters.push_back({master.id, master.name, master.address});
  return masters;
}

/// The configured masters, each under its id in the group: a replaced master has another id than in
/// the configuration.
std::vector<replica_actor::peer> known_masters(const cluster_settings& cluster,
                                               const responses::members& members) {
  auto masters = configured_masters(cluster);
  for (auto& member : members.masters) {
    auto same = std::ranges::find(masters, member.name, &replica_actor::peer::name);
    auto where = atl::parse_endpoint(member.address);
    if (same != masters.end())
      same->id = member.id;
    else if (where)
      masters.push_back({member.id, member.name, *where});
  }
  return masters;
}

/// How long a master waits before it founds a group, so that storage nodes can report an existing
/// group: they try to reach a master at least this often.
std::chrono::milliseconds founding_delay(const atl::runtime::connection_settings& links) {
  return links.backoff_max + links.failure_timeout;
}

} // namespace

/// In the data folder, beside log and name space.
std::filesystem::path master_role::ballast_file() const {
  return node_->folder.path() / "ballast";
}

atl::status master_role::start(atl::node::node_context& node) {
  node_ = &node;
  auto cluster = read_cluster(node.configuration);
  if (!cluster)
    return tl::unexpected{cluster.error()};
  cluster_ = std::move(*cluster);
  auto self = read_node(node.configuration, cluster_);
  if (!self)
    return tl::unexpected{self.error()};
  self_ = std::move(*self);
  if (auto planned = plan_open_files(self_, cluster_.durability, node.open_files_max); !planned)
    return tl::unexpected{planned.error()};
  role_ = describe(cluster_, self_, node);
  node.set_address(self_.control, self_.control_listen);
  node.connections->self().set_role(role_);
  if (disk_ballast{ballast_file(), self_.reserve_bytes}.release_if_short())
    atl::log::warning("master", "",
                      "the disk of {} is full: the space that was kept in '{}' for a "
                      "start was given up; free some",
                      node.folder.path().string(), ballast_file().filename().string());
  auto group = find_group();
  if (!group)
    return tl::unexpected{group.error()};
  std::lock_guard lock{mutex_};
  if (group->empty())
    return start_admission();
  auto paths = node.folder.with([&](auto& folder) { return atl::group_folder_in(folder, *group); });
  if (auto opened = open_log(std::move(paths)); !opened)
    return opened;
  auto bound = log_->read_binding();
  if (!bound)
    return tl::unexpected{bound.error()};
  if (!*bound)
    return fail(errc::refused,
                fmt::format("the log in {} belongs to no group, and the data folder to the group "
                            "{}: put the log back that belongs there",
                            paths_.log.string(), *group));
  return start_replica(**bound);
}

/// The group that the master belongs to, and whose data is there; empty: none.
atl::result<std::string> master_role::find_group() {
  return node_->folder.with([&](auto& folder) -> atl::result<std::string> {
    if (auto moved = atl::adopt_former_layout(folder, role_.name, former_state); !moved)
      return tl::unexpected{moved.error()};
    auto group = folder.group_of(role_.name);
    if (!group.empty())
      if (auto there = atl::check_group_folder(folder, role_.name); !there)
        return tl::unexpected{there.error()};
    return group;
  });
}

atl::status master_role::open_log(atl::group_folder at) {
  paths_ = std::move(at);
  auto opened = atl::record_log::open(paths_.log, now_us());
  if (!opened)
    return tl::unexpected{opened.error()};
  log_ = std::move(*opened);
  return {};
}

void master_role::stop() {
  std::vector<caf::actor> actors;
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
    for (auto* actor : {&admission_, &master_, &replica_})
      if (*actor)
        actors.push_back(std::exchange(*actor, nullptr));
  }
  atl::node::end_actors(node_->actors, actors);
  log_.reset();
}

atl::node::role_health master_role::health() const {
  using state = atl::node::role_health::state;
  std::unique_lock lock{mutex_, std::try_to_lock};
  if (!lock)
    return {state::waits, "it is joining a group"};
  if (replica_)
    return {state::serves, {}};
  return {state::waits, "it belongs to no group yet"};
}

// -- without a group --------------------------------------------------------------------------

atl::status master_role::start_admission() {
  atl::group_admission::settings admission;
  auto& self = admission.self;
  auto info = node_->connections->self().info();
  self.self = {role_.replica, info.name, info.address, info.folder};
  self.cluster = info.cluster;
  self.consensus = role_.consensus;
  self.lasting = lasting(node_->plugins);
  self.founding_ordered = node_->orders.found_group;
  for (auto& master : cluster_.masters) {
    if (master.joins)
      continue;
    auto address = atl::to_string(master.address);
    admission.founders.push_back({master.id, master.name, address, {}});
    self.founders += fmt::format("{}{}={}", self.founders.empty() ? "" : ", ", master.id, address);
  }
  admission.protocol = std::string{node_->plugins.at(consensus_key).plugin->name()};
  admission.founding_delay = founding_delay(cluster_.links);
  admission.role = role_.name;
  admission.admin_command = admin_command;
  admission.answer_lifetime = cluster_.links.failure_timeout;
  auto admitted = [this](const atl::group_birth& birth, atl::spi::replica_id id) {
    join(birth, id);
  };
  admission_ = node_->actors->spawn<admission_actor, caf::detached>(admission_actor::settings{
      node_->connections, info, role_, std::move(admission), configured_masters(cluster_),
      make_policy(cluster_, node_->plugins), admitted});
  node_->supervise(admission_, "the actor that waits for a group");
  atl::runtime::tell_from_outside(node_->endpoint,
                                  atl::runtime::adopt_role{role_, nullptr, admission_});
  return {};
}

/// The log is bound, and that noted, first, because a restarting master relies on it.
void master_role::join(const atl::group_birth& birth, atl::spi::replica_id self) {
  std::lock_guard lock{mutex_};
  if (stopping_)
    return;
  atl::record_log::binding bound{birth, self};
  auto joined = make_log(bound);
  if (joined)
    joined = start_replica(bound);
  if (!joined) {
    node_->fail(joined.error());
    return;
  }
  caf::anon_send_exit(admission_, caf::exit_reason::user_shutdown);
  admission_ = nullptr;
}

atl::status master_role::make_log(const atl::record_log::binding& bound) {
  auto& group = bound.birth.group;
  auto made =
      node_->folder.with([&](auto& folder) { return atl::make_group_folder(folder, group); });
  if (!made)
    return tl::unexpected{made.error()};
  if (auto opened = open_log(std::move(*made)); !opened)
    return opened;
  if (auto tied = log_->bind(bound); !tied)
    return tied;
  return node_->folder.with(
      [&](auto& folder) { return atl::note_group_folder(folder, role_.name, group); });
}

// -- in a group -------------------------------------------------------------------------------

atl::status master_role::check_against(const atl::group_birth& birth) const {
  auto protocol = node_->plugins.at(consensus_key).plugin->name();
  if (birth.protocol != protocol)
    return fail(errc::refused,
                fmt::format("the log in {} was written by the consensus plugin '{}', and the "
                            "configuration names '{}', which can't read it; name the former, or "
                            "start the cluster anew on empty data folders",
                            paths_.log.string(), birth.protocol, protocol));
  auto differs = atl::difference(lasting(node_->plugins), "the file of " + self_.name,
                                 birth.lasting, "the cluster, since its birth,");
  if (!differs.empty())
    return fail(errc::refused, fmt::format("{}; what is stored can't be read with another one: put "
                                           "the line of the file back",
                                           differs));
  return {};
}

atl::result<std::shared_ptr<atl::state_machine>>
master_role::open_names(const atl::group_birth& birth) {
  name_space_settings wanted;
  wanted.cluster_id = cluster_.name;
  wanted.birth = atl::encode(birth);
  wanted.free_bytes_min = self_.reserve_bytes;
  wanted.ballast = ballast_file();
  auto names = name_space::open(paths_.state, wanted);
  if (!names)
    return tl::unexpected{names.error()};
  auto noted =
      node_->folder.with([&](auto& folder) { return atl::note_group_state(folder, role_.name); });
  if (!noted)
    return tl::unexpected{noted.error()};
  return std::shared_ptr<atl::state_machine>{std::move(*names)};
}

atl::status master_role::start_replica(const atl::record_log::binding& bound) {
  auto& birth = bound.birth;
  if (auto fits = check_against(birth); !fits)
    return fits;
  auto& folder = node_->folder;
  if (!folder.group().empty() && folder.group() != birth.group)
    return fail(errc::refused,
                fmt::format("the data folder {} belongs to the group {}, and the log in it to {}: "
                            "put the log back that belongs there",
                            folder.path().string(), folder.group(), birth.group));
  if (auto joined = folder.join_group(birth.group); !joined)
    return joined;
  role_.group = birth.group;
  role_.replica = bound.self;
  auto stable = log_->load();
  if (!stable)
    return tl::unexpected{stable.error()};
  auto names = open_names(birth);
  if (!names)
    return tl::unexpected{names.error()};
  replica_settings settings;
  settings.machine = std::move(*names);
  settings.connections = node_->connections;
  settings.role = role_;
  settings.voters = atl::voters_of(birth);
  settings.snapshots = paths_.snapshots;
  settings.snapshots_listen = {self_.control_listen.host, self_.snapshot_port};
  settings.secret = cluster_.secret;
  settings.seed = std::hash<std::string>{}(folder.uuid()) ^ log_->incarnation();
  atl::spi::consensus_setup setup{node_->plugins.at(consensus_key).options, role_.replica,
                                  settings.voters, settings.seed, log_->incarnation()};
  auto protocol = node_->plugins.at(consensus_key).create_consensus(setup);
  if (!protocol)
    return tl::unexpected{protocol.error()};
  settings.log = log_;
  settings.protocol = std::move(*protocol);
  settings.stable = std::move(*stable);
  settings.supervisor = node_->supervisor;
  settings.blocks_on_one_failure =
      node_->plugins.at(consensus_key).plugin->claim("blocks_on_one_failure") == "yes";
  return start_actors(std::move(settings), birth);
}

atl::status master_role::start_actors(replica_settings settings, const atl::group_birth& birth) {
  auto& plugins = node_->plugins;
  auto created = plugins.at(placement_key).create_balancer(settings.seed);
  if (!created)
    return tl::unexpected{created.error()};
  auto balancer = std::make_shared<atl::watched_balancer>(std::move(*created), placement_time_max);
  auto recovery = plugins.at(recovery_key).create_recovery();
  if (!recovery)
    return tl::unexpected{recovery.error()};
  auto members = query(*settings.machine, queries::members{});
  if (!members)
    return tl::unexpected{members.error()};
  settings.group = known_masters(cluster_, *members);
  atl::runtime::member_folders folders{role_.name, {}};
  for (auto& member : members->masters)
    folders.folder_of[member.id] = member.folder;
  auto group = settings.group;
  auto seed = settings.seed;
  replica_ = spawn_on_io_thread<replica_actor>(*node_->actors, std::move(settings));
  node_->supervise(replica_, "the replica of the master");
  master_ = node_->actors->spawn<master_actor>(master_actor::settings{
      node_->connections->self().info(), role_, birth, group, make_policy(cluster_, node_->plugins),
      replica_, node_->endpoint, std::move(balancer), std::move(*recovery), seed,
      [actors = &node_->actors] { return actors->connections(); }});
  node_->supervise(master_, "the actor of the master");
  atl::runtime::tell_from_outside(node_->endpoint,
                                  atl::runtime::adopt_role{role_, replica_, master_});
  atl::runtime::tell_from_outside(node_->endpoint, std::move(folders));
  return {};
}

} // namespace dfs
