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
#include <atoll/runtime/node_endpoint.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>

namespace dfs {

namespace {

/// How long a master waits for its balancer, which needs microseconds unless it hangs.
constexpr std::chrono::milliseconds placement_time_max{1000};

using atl::errc;
using atl::fail;
using atl::runtime::node_endpoint_actor;
using atl::runtime::replica_actor;
using atl::runtime::spawn_on_io_thread;

atl::runtime::node_info describe(const cluster_settings& cluster, const node_settings& self,
                                 const atl::node::node_context& node) {
  atl::runtime::node_info info;
  info.cluster = cluster.name;
  info.name = self.name;
  info.role = "master";
  info.consensus = node.plugins.at(consensus_key).identity();
  info.address = atl::to_string(self.control);
  info.folder = node.folder.uuid();
  for (auto& master : cluster.masters)
    if (master.name == self.name)
      info.replica = master.id;
  return info;
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
  info_ = describe(cluster_, self_, node);
  if (auto opened = open_log(); !opened)
    return opened;
  auto bound = log_->read_binding();
  if (!bound)
    return tl::unexpected{bound.error()};
  std::lock_guard lock{mutex_};
  endpoint_ = spawn_on_io_thread<node_endpoint_actor>(
      *node.actors, node_endpoint_actor::settings{info_, nullptr, nullptr});
  node.supervise(endpoint_, "the endpoint of the master");
  auto started = *bound ? start_replica(**bound) : start_admission();
  if (!started)
    return started;
  return node.actors.publish(endpoint_, self_.control_listen);
}

atl::status master_role::open_log() {
  auto& folder = node_->folder;
  if (auto there = folder.check_part("log"); !there)
    return there;
  if (atl::disk_ballast{ballast_file(), self_.reserve_bytes}.release_if_short())
    atl::log::warning("master", "",
                      "the disk of {} is full: the space that was kept in '{}' for a "
                      "start was given up; free some",
                      folder.path().string(), ballast_file().filename().string());
  auto opened = atl::record_log::open(folder.path() / "log", now_us());
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
    for (auto* actor : {&endpoint_, &admission_, &master_, &replica_})
      if (*actor)
        actors.push_back(std::exchange(*actor, nullptr));
  }
  atl::node::end_actors(node_->actors, actors);
  log_.reset();
}

atl::node::role_health master_role::health() const {
  using state = atl::node::role_health::state;
  std::lock_guard lock{mutex_};
  if (replica_)
    return {state::serves, {}};
  return {state::waits, "it belongs to no group yet"};
}

// -- without a group --------------------------------------------------------------------------

atl::status master_role::start_admission() {
  atl::group_admission::settings admission;
  auto& self = admission.self;
  self.self = {info_.replica, info_.name, info_.address, info_.folder};
  self.cluster = info_.cluster;
  self.consensus = info_.consensus;
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
  admission.answer_lifetime = cluster_.links.failure_timeout;
  auto admitted = [this](const atl::group_birth& birth, atl::spi::replica_id id) {
    join(birth, id);
  };
  admission_ = node_->actors->spawn<admission_actor, caf::detached>(admission_actor::settings{
      info_, std::move(admission), configured_masters(cluster_), cluster_.links,
      make_policy(cluster_, node_->plugins), admitted, std::hash<std::string>{}(info_.folder)});
  node_->supervise(admission_, "the actor that waits for a group");
  atl::runtime::tell_from_outside(endpoint_, atl::runtime::adopt_roles{info_, nullptr, admission_});
  return {};
}

/// The log is bound first, because a restarting master relies on it.
void master_role::join(const atl::group_birth& birth, atl::spi::replica_id self) {
  std::lock_guard lock{mutex_};
  if (stopping_)
    return;
  atl::record_log::binding bound{birth, self};
  auto joined = log_->bind(bound);
  if (joined)
    joined = start_replica(bound);
  if (!joined) {
    node_->fail(joined.error());
    return;
  }
  caf::anon_send_exit(admission_, caf::exit_reason::user_shutdown);
  admission_ = nullptr;
}

// -- in a group -------------------------------------------------------------------------------

atl::status master_role::check_against(const atl::group_birth& birth) const {
  auto protocol = node_->plugins.at(consensus_key).plugin->name();
  if (birth.protocol != protocol)
    return fail(errc::refused,
                fmt::format("the log in {} was written by the consensus plugin '{}', and the "
                            "configuration names '{}', which can't read it; name the former, or "
                            "start the cluster anew on empty data folders",
                            (node_->folder.path() / "log").string(), birth.protocol, protocol));
  auto differs = atl::difference(lasting(node_->plugins), "the file of " + info_.name,
                                 birth.lasting, "the cluster, since its birth,");
  if (!differs.empty())
    return fail(errc::refused, fmt::format("{}; what is stored can't be read with another one: put "
                                           "the line of the file back",
                                           differs));
  return {};
}

atl::result<std::shared_ptr<atl::state_machine>>
master_role::open_names(const atl::group_birth& birth) {
  auto& folder = node_->folder;
  if (auto there = folder.check_part("names"); !there)
    return tl::unexpected{there.error()};
  name_space::settings wanted;
  wanted.cluster_id = cluster_.name;
  wanted.birth = atl::encode(birth);
  wanted.free_bytes_min = self_.reserve_bytes;
  wanted.ballast = ballast_file();
  auto names = open_name_space(folder.path() / "names", wanted);
  if (!names)
    return tl::unexpected{names.error()};
  for (auto* part : {"log", "names"})
    if (auto noted = folder.note_part(part); !noted)
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
  info_.group = birth.group;
  info_.replica = bound.self;
  auto stable = log_->load();
  if (!stable)
    return tl::unexpected{stable.error()};
  auto names = open_names(birth);
  if (!names)
    return tl::unexpected{names.error()};
  replica_settings settings;
  settings.machine = std::move(*names);
  settings.self = info_;
  settings.timing = cluster_.links;
  settings.voters = atl::voters_of(birth);
  settings.snapshots = folder.path() / "snapshots";
  settings.snapshots_listen = {self_.control_listen.host, self_.snapshot_port};
  settings.secret = cluster_.secret;
  settings.seed = std::hash<std::string>{}(info_.folder) ^ log_->incarnation();
  atl::spi::consensus_setup setup{node_->plugins.at(consensus_key).options, info_.replica,
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
  atl::runtime::member_folders folders;
  for (auto& member : members->masters)
    folders.folder_of[member.id] = member.folder;
  auto group = settings.group;
  auto seed = settings.seed;
  replica_ = spawn_on_io_thread<replica_actor>(*node_->actors, std::move(settings));
  node_->supervise(replica_, "the replica of the master");
  master_ = node_->actors->spawn<master_actor>(
      master_actor::settings{info_, birth, group, make_policy(cluster_, node_->plugins), replica_,
                             endpoint_, std::move(balancer), std::move(*recovery), seed,
                             [actors = &node_->actors] { return actors->connections(); }});
  node_->supervise(master_, "the actor of the master");
  atl::runtime::tell_from_outside(endpoint_, std::move(folders));
  atl::runtime::tell_from_outside(endpoint_, atl::runtime::adopt_roles{info_, replica_, master_});
  return {};
}

} // namespace dfs
