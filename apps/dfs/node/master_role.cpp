#include "node/master_role.hpp"

#include "common/clock.hpp"
#include "master/master_actor.hpp"
#include "namespace/name_space.hpp"
#include "node/admission_actor.hpp"
#include "node/supervise.hpp"

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

atl::runtime::node_info describe(const node::parts& given, const atl::data_folder& folder) {
  atl::runtime::node_info info;
  info.cluster = given.cluster.name;
  info.name = given.self.name;
  info.role = "master";
  info.consensus = given.plugins.consensus.text();
  info.address = atl::to_string(given.self.control);
  info.folder = folder.uuid();
  for (auto& master : given.cluster.masters)
    if (master.name == given.self.name)
      info.replica = master.id;
  return info;
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
                         caf::actor supervisor)
    : given_{given}, folder_{folder}, folder_mutex_{folder_mutex}, actors_{actors},
      supervisor_{std::move(supervisor)}, info_{describe(given, folder)} {}

/// In the data folder, beside log and name space.
std::filesystem::path master_role::ballast_file() const {
  return folder_.path() / "ballast";
}

atl::status master_role::start() {
  if (auto there = folder_.check_part("log"); !there)
    return there;
  if (atl::disk_ballast{ballast_file(), given_.self.reserve_bytes}.release_if_short())
    atl::log::warning("master", "",
                      "the disk of {} is full: the space that was kept in '{}' for a "
                      "start was given up; free some",
                      folder_.path().string(), ballast_file().filename().string());
  auto opened = atl::record_log::open(folder_.path() / "log", now_us());
  if (!opened)
    return tl::unexpected{opened.error()};
  log_ = std::move(*opened);
  auto bound = log_->read_binding();
  if (!bound)
    return tl::unexpected{bound.error()};
  std::lock_guard lock{mutex_};
  endpoint_ = spawn_on_io_thread<node_endpoint_actor>(
      *actors_, node_endpoint_actor::settings{info_, nullptr, nullptr});
  supervise(endpoint_, "the endpoint of the master", given_.failed);
  auto started = *bound ? start_replica(**bound) : start_admission();
  if (!started)
    return started;
  return actors_.publish(endpoint_, given_.self.control_listen);
}

void master_role::stop() {
  std::lock_guard lock{mutex_};
  stopping_ = true;
  for (auto* actor : {&endpoint_, &admission_, &master_, &replica_}) {
    if (*actor)
      caf::anon_send_exit(*actor, caf::exit_reason::user_shutdown);
    *actor = nullptr;
  }
  log_.reset();
}

// -- without a group --------------------------------------------------------------------------

atl::status master_role::start_admission() {
  atl::group_admission::settings admission;
  auto& self = admission.self;
  self.self = {info_.replica, info_.name, info_.address, info_.folder};
  self.cluster = info_.cluster;
  self.consensus = info_.consensus;
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
  admission.answer_lifetime = given_.cluster.links.failure_timeout;
  auto admitted = [this](const atl::group_birth& birth, atl::spi::replica_id id) {
    join(birth, id);
  };
  admission_ = actors_->spawn<admission_actor, caf::detached>(admission_actor::settings{
      info_, std::move(admission), configured_masters(given_), given_.cluster.links,
      make_policy(given_), admitted, std::hash<std::string>{}(info_.folder)});
  supervise(admission_, "the actor that waits for a group", given_.failed);
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
    given_.failed(joined.error());
    return;
  }
  caf::anon_send_exit(admission_, caf::exit_reason::user_shutdown);
  admission_ = nullptr;
}

// -- in a group -------------------------------------------------------------------------------

atl::status master_role::check_against(const atl::group_birth& birth) const {
  auto protocol = given_.plugins.consensus.plugin->name();
  if (birth.protocol != protocol)
    return fail(errc::refused,
                fmt::format("the log in {} was written by the consensus plugin '{}', and the "
                            "configuration names '{}', which can't read it; name the former, or "
                            "start the cluster anew on empty data folders",
                            (folder_.path() / "log").string(), birth.protocol, protocol));
  auto differs = atl::difference(lasting(given_), "the file of " + info_.name, birth.lasting,
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
  if (auto there = folder_.check_part("names"); !there)
    return tl::unexpected{there.error()};
  name_space::settings wanted;
  wanted.cluster_id = given_.cluster.name;
  wanted.birth = atl::encode(birth);
  wanted.free_bytes_min = given_.self.reserve_bytes;
  wanted.ballast = ballast_file();
  auto names = open_name_space(folder_.path() / "names", wanted);
  if (!names)
    return tl::unexpected{names.error()};
  for (auto* part : {"log", "names"})
    if (auto noted = folder_.note_part(part); !noted)
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
  settings.timing = given_.cluster.links;
  settings.voters = atl::voters_of(birth);
  settings.snapshots = folder_.path() / "snapshots";
  settings.snapshots_listen = {given_.self.control_listen.host, given_.self.snapshot_port};
  settings.secret = given_.cluster.secret;
  settings.seed = std::hash<std::string>{}(info_.folder) ^ log_->incarnation();
  atl::spi::consensus_setup setup{given_.plugins.consensus.options, info_.replica, settings.voters,
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
  atl::runtime::member_folders folders;
  for (auto& member : members->masters)
    folders.folder_of[member.id] = member.folder;
  auto group = settings.group;
  auto seed = settings.seed;
  replica_ = spawn_on_io_thread<replica_actor>(*actors_, std::move(settings));
  supervise(replica_, "the replica of the master", given_.failed);
  master_ = actors_->spawn<master_actor>(master_actor::settings{
      info_, birth, group, make_policy(given_), replica_, endpoint_, std::move(balancer),
      std::move(*recovery), seed, [this] { return actors_.connections(); }});
  supervise(master_, "the actor of the master", given_.failed);
  atl::runtime::tell_from_outside(endpoint_, std::move(folders));
  atl::runtime::tell_from_outside(endpoint_, atl::runtime::adopt_roles{info_, replica_, master_});
  return {};
}

} // namespace dfs
