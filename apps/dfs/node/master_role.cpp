#include "node/master_role.hpp"

#include "common/clock.hpp"
#include "master/master_actor.hpp"
#include "namespace/disk_ballast.hpp"
#include "namespace/name_space.hpp"
#include "node/admission_actor.hpp"
#include "node/supervise.hpp"

#include <atoll/core/logging.hpp>
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

atl::runtime::role_info describe(const node::parts& given) {
  atl::runtime::role_info role;
  role.name = master_role_name;
  role.consensus = given.plugins.consensus.text();
  for (auto& master : given.cluster.masters)
    if (master.name == given.self.name)
      role.replica = master.id;
  return role;
}

/// The settings without which stored data can't be read.
atl::lasting_settings lasting(const node::parts& given) {
  return {{"recovery", given.plugins.recovery.lasting_text()}};
}

master_policy make_policy(const node::parts& given) {
  auto& cluster = given.cluster;
  master_policy policy;
  policy.chunk_bytes = cluster.chunk_bytes;
  policy.inline_bytes = cluster.inline_bytes;
  policy.durability = cluster.durability;
  policy.storage_timeout = cluster.links.failure_timeout;
  policy.grace = cluster.grace;
  policy.collection_interval =
      std::chrono::ceil<std::chrono::milliseconds>(cluster.collection_interval);
  policy.session_expiry = cluster.session_expiry;
  policy.recovery = given.plugins.recovery.choice();
  policy.placement = given.plugins.placement.choice();
  policy.reads = given.plugins.reads.choice();
  policy.consensus = given.plugins.consensus.choice();
  return policy;
}

std::vector<replica_actor::peer> configured_masters(const node::parts& given) {
  std::vector<replica_actor::peer> masters;
  for (auto& master : given.cluster.masters)
    masters.push_back({master.id, master.name, master.address});
  return masters;
}

/// The configured masters, each under its id in the group: a replaced master has another id than in
/// the configuration.
std::vector<replica_actor::peer> known_masters(const node::parts& given,
                                               const responses::members& members) {
  auto masters = configured_masters(given);
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

master_role::master_role(const node::parts& given, atl::data_folder& folder,
                         std::mutex& folder_mutex, atl::runtime::system& actors,
                         std::shared_ptr<atl::runtime::peer_connections> connections,
                         caf::actor endpoint, caf::actor supervisor)
    : given_{given}, folder_{folder}, folder_mutex_{folder_mutex}, actors_{actors},
      supervisor_{std::move(supervisor)},
      connections_{std::move(connections)}, role_{describe(given)}, endpoint_{std::move(endpoint)} {
  connections_->self().set_role(role_);
}

/// In the data folder, beside log and name space.
std::filesystem::path master_role::ballast_file() const {
  return folder_.path() / "ballast";
}

atl::status master_role::start() {
  if (disk_ballast{ballast_file(), given_.self.reserve_bytes}.release_if_short())
    atl::log::warning("master", "",
                      "the disk of {} is full: the space that was kept in '{}' for a "
                      "start was given up; free some",
                      folder_.path().string(), ballast_file().filename().string());
  std::lock_guard lock{mutex_};
  auto group = find_group();
  if (!group)
    return tl::unexpected{group.error()};
  if (group->empty())
    return start_admission();
  if (auto opened = open_log(atl::group_folder_in(folder_, *group)); !opened)
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

/// The group that the master belongs to, whose data is there; empty: none.
atl::result<std::string> master_role::find_group() {
  std::lock_guard lock{folder_mutex_};
  if (auto moved = atl::adopt_former_layout(folder_, role_.name, former_state); !moved)
    return tl::unexpected{moved.error()};
  auto group = folder_.group_of(role_.name);
  if (group.empty())
    return group;
  auto there = atl::check_group_folder(folder_, role_.name);
  return there ? atl::result<std::string>{group} : tl::unexpected{there.error()};
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
  std::lock_guard lock{mutex_};
  stopping_ = true;
  for (auto* actor : {&admission_, &master_, &replica_}) {
    if (*actor)
      caf::anon_send_exit(*actor, caf::exit_reason::user_shutdown);
    *actor = nullptr;
  }
  endpoint_ = nullptr;
  connections_.reset();
  log_.reset();
}

// -- without a group --------------------------------------------------------------------------

atl::status master_role::start_admission() {
  atl::group_admission::settings admission;
  auto& self = admission.self;
  auto info = connections_->self().info();
  self.self = {role_.replica, info.name, info.address, info.folder};
  self.cluster = info.cluster;
  self.consensus = role_.consensus;
  self.lasting = lasting(given_);
  self.founding_ordered = given_.found_group;
  for (auto& master : given_.cluster.masters) {
    if (master.joins)
      continue;
    auto address = atl::to_string(master.address);
    admission.founders.push_back({master.id, master.name, address, {}});
    self.founders += fmt::format("{}{}={}", self.founders.empty() ? "" : ", ", master.id, address);
  }
  admission.protocol = std::string{given_.plugins.consensus.plugin->name()};
  admission.founding_delay = founding_delay(given_.cluster.links);
  admission.role = role_.name;
  admission.admin_command = admin_command;
  admission.answer_lifetime = given_.cluster.links.failure_timeout;
  auto admitted = [this](const atl::group_birth& birth, atl::spi::replica_id id) {
    join(birth, id);
  };
  admission_ = actors_->spawn<admission_actor, caf::detached>(
      admission_actor::settings{connections_, info, role_, std::move(admission),
                                configured_masters(given_), make_policy(given_), admitted});
  supervise(admission_, "the actor that waits for a group", given_.failed);
  atl::runtime::tell_from_outside(endpoint_, atl::runtime::adopt_role{role_, nullptr, admission_});
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
    given_.failed(joined.error());
    return;
  }
  caf::anon_send_exit(admission_, caf::exit_reason::user_shutdown);
  admission_ = nullptr;
}

atl::status master_role::make_log(const atl::record_log::binding& bound) {
  std::lock_guard lock{folder_mutex_};
  auto made = atl::make_group_folder(folder_, bound.birth.group);
  if (!made)
    return tl::unexpected{made.error()};
  if (auto opened = open_log(std::move(*made)); !opened)
    return opened;
  if (auto tied = log_->bind(bound); !tied)
    return tied;
  return atl::note_group_folder(folder_, role_.name, bound.birth.group);
}

// -- in a group -------------------------------------------------------------------------------

atl::status master_role::check_against(const atl::group_birth& birth) const {
  auto protocol = given_.plugins.consensus.plugin->name();
  if (birth.protocol != protocol)
    return fail(errc::refused,
                fmt::format("the log in {} was written by the consensus plugin '{}', and the "
                            "configuration names '{}', which can't read it; name the former, or "
                            "start the cluster anew on empty data folders",
                            paths_.log.string(), birth.protocol, protocol));
  auto differs = atl::difference(lasting(given_), "the file of " + given_.self.name, birth.lasting,
                                 "the cluster, since its birth,");
  if (!differs.empty())
    return fail(errc::refused, fmt::format("{}; what is stored can't be read with another one: put "
                                           "the line of the file back",
                                           differs));
  return {};
}

atl::result<std::shared_ptr<atl::state_machine>>
master_role::open_names(const atl::group_birth& birth) {
  std::lock_guard lock{folder_mutex_};
  name_space_settings wanted;
  wanted.cluster_id = given_.cluster.name;
  wanted.birth = atl::encode(birth);
  wanted.free_bytes_min = given_.self.reserve_bytes;
  wanted.ballast = ballast_file();
  auto names = name_space::open(paths_.state, wanted);
  if (!names)
    return tl::unexpected{names.error()};
  if (auto noted = atl::note_group_state(folder_, role_.name); !noted)
    return tl::unexpected{noted.error()};
  return std::shared_ptr<atl::state_machine>{std::move(*names)};
}

atl::status master_role::start_replica(const atl::record_log::binding& bound) {
  auto& birth = bound.birth;
  if (auto fits = check_against(birth); !fits)
    return fits;
  {
    std::lock_guard lock{folder_mutex_};
    if (!folder_.group().empty() && folder_.group() != birth.group)
      return fail(
          errc::refused,
          fmt::format("the data folder {} belongs to the group {}, and the log in it to {}: "
                      "put the log back that belongs there",
                      folder_.path().string(), folder_.group(), birth.group));
    if (auto joined = folder_.join_group(birth.group); !joined)
      return joined;
  }
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
  settings.connections = connections_;
  settings.role = role_;
  settings.voters = atl::voters_of(birth);
  settings.snapshots = paths_.snapshots;
  settings.snapshots_listen = {given_.self.control_listen.host, given_.self.snapshot_port};
  settings.secret = given_.cluster.secret;
  settings.seed = std::hash<std::string>{}(folder_.uuid()) ^ log_->incarnation();
  atl::spi::consensus_setup setup{given_.plugins.consensus.options, role_.replica, settings.voters,
                                  settings.seed, log_->incarnation()};
  auto protocol = given_.plugins.consensus.create_consensus(setup);
  if (!protocol)
    return tl::unexpected{protocol.error()};
  settings.log = log_;
  settings.protocol = std::move(*protocol);
  settings.stable = std::move(*stable);
  settings.supervisor = supervisor_;
  settings.blocks_on_one_failure =
      given_.plugins.consensus.plugin->claim("blocks_on_one_failure") == "yes";
  return start_actors(std::move(settings), birth);
}

atl::status master_role::start_actors(replica_settings settings, const atl::group_birth& birth) {
  auto& plugins = given_.plugins;
  auto created = plugins.placement.create_balancer(settings.seed);
  if (!created)
    return tl::unexpected{created.error()};
  auto balancer = std::make_shared<atl::watched_balancer>(std::move(*created), placement_time_max);
  auto recovery = plugins.recovery.create_recovery();
  if (!recovery)
    return tl::unexpected{recovery.error()};
  auto members = query(*settings.machine, queries::members{});
  if (!members)
    return tl::unexpected{members.error()};
  settings.group = known_masters(given_, *members);
  atl::runtime::member_folders folders{role_.name, {}};
  for (auto& member : members->masters)
    folders.folder_of[member.id] = member.folder;
  auto group = settings.group;
  auto seed = settings.seed;
  replica_ = spawn_on_io_thread<replica_actor>(*actors_, std::move(settings));
  supervise(replica_, "the replica of the master", given_.failed);
  master_ = actors_->spawn<master_actor>(master_actor::settings{
      connections_->self().info(), role_, birth, group, make_policy(given_), replica_, endpoint_,
      std::move(balancer), std::move(*recovery), seed, [this] { return actors_.connections(); }});
  supervise(master_, "the actor of the master", given_.failed);
  atl::runtime::tell_from_outside(endpoint_, atl::runtime::adopt_role{role_, replica_, master_});
  atl::runtime::tell_from_outside(endpoint_, std::move(folders));
  return {};
}

} // namespace dfs
