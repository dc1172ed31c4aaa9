#include "admission_actor.hpp"
#include "membership_actor.hpp"
#include "service_cache.hpp"

#include <atoll/core/damaged_state.hpp>
#include <atoll/core/logging.hpp>
#include <atoll/core/machine_memory.hpp>
#include <atoll/core/state/disk_ballast.hpp>
#include <atoll/node/replicated_service.hpp>
#include <atoll/runtime/caf.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

namespace atl::node {

namespace {

using runtime::replica_actor;

std::uint64_t now_us() {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                        std::chrono::system_clock::now().time_since_epoch())
                                        .count());
}

/// How long a member waits before it founds a group, so that nodes that know a group can say so:
/// they try to reach a member at least this often.
std::chrono::milliseconds founding_delay(const runtime::connection_settings& links) {
  return links.backoff_max + links.failure_timeout;
}

} // namespace

replicated_service::replicated_service(service_description what) : description_{std::move(what)} {}

std::vector<key_spec> replicated_service::keys() const {
  auto keys = replica_keys(description_);
  for (auto& key : group_keys(description_.members))
    keys.push_back(key);
  return keys;
}

status replicated_service::check(const config& config) const {
  config_errors problems{config};
  auto self = read_node_config(config, problems);
  auto members = read_group(config, description_.members, problems);
  if (std::ranges::find(members, self.name, &member_config::name) == members.end())
    problems.add("node.roles",
                 fmt::format("'{}' has the role '{}' and isn't among the members of its group: add "
                             "it to [[{}]], or take the role away",
                             self.name, description_.name, description_.members));
  for (std::size_t i = 0; i < members.size(); ++i)
    if (members[i].joins && description_.admin_command.empty())
      problems.add(config::at(description_.members, i, "joins"),
                   "this service has no command that lets a member in later: all are founders");
  problems.check_listen("node.listen", {});
  check_cache(config, description_, machine_memory(), problems);
  return problems.finish();
}

/// Creates the protocol as the first founder would. A member whose group has changed creates it for
/// other voters.
status replicated_service::try_plugins(const config& config, const plugin_host& plugins,
                                       const announce_step& announce) const {
  config_errors problems{config};
  std::vector<spi::replica_id> founders;
  for (auto& member : read_group(config, description_.members, problems))
    if (!member.joins)
      founders.push_back(member.id);
  return try_consensus(plugins.at(description_.consensus), founders, announce);
}

status replicated_service::start(node_context& node) {
  node_ = &node;
  config_errors problems{node.configuration};
  configured_ = read_group(node.configuration, description_.members, problems);
  auto self = std::ranges::find(configured_, node.self.name, &member_config::name);
  if (self == configured_.end())
    return fail(errc::invalid, fmt::format("'{}' isn't among [[{}]], the members of its group",
                                           node.self.name, description_.members));
  listen_ = problems.check_listen("node.listen", self->address);
  if (auto fine = problems.finish(); !fine)
    return fine;
  if (auto prepared = prepare(); !prepared)
    return prepared;
  role_ = {};
  role_.name = description_.name;
  role_.replica = self->id;
  role_.consensus = node.plugins.at(description_.consensus).identity();
  if (auto set = node.set_address(self->address, listen_); !set)
    return set;
  node.connections->self().set_role(role_);
  release_ballast();
  auto group = find_group();
  if (!group)
    return tl::unexpected{group.error()};
  if (auto opened = open_backup(*group); !opened)
    return opened;
  if (group->empty() && node.orders.rebuild_state)
    return fail(
        errc::refused,
        fmt::format("--rebuild-state is for a {} that belongs to a group, and {} holds none",
                    description_.name, node.folder.path().string()));
  std::lock_guard lock{mutex_};
  stopping_ = waits_for_rebuild_ = starts_again_ = false;
  return group->empty() ? start_admission() : resume(*group);
}

void replicated_service::stop() {
  std::vector<caf::actor> actors;
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
    for (auto* actor : {&admission_, &application_, &membership_, &replica_})
      if (*actor)
        actors.push_back(std::exchange(*actor, nullptr));
  }
  end_actors(node_->actors, actors);
  log_.reset();
}

role_health replicated_service::health() const {
  using state = role_health::state;
  std::unique_lock lock{mutex_, std::try_to_lock};
  if (!lock)
    return {state::waits, "it is joining a group"};
  if (replica_)
    return {state::serves, {}};
  return {state::waits,
          waits_for_rebuild_ ? "it rebuilds its state" : "it belongs to no group yet"};
}

bool replicated_service::starts_again() const {
  return starts_again_;
}

// -- what the service may replace ---------------------------------------------------------------

result<caf::actor> replicated_service::start_application(const service_member&) {
  return caf::actor{};
}

status replicated_service::accept(const group_birth&) const {
  return {};
}

status replicated_service::accept_backup(const backup_info&) const {
  return {};
}

status replicated_service::on_joined(const group_birth&) {
  return {};
}

std::optional<runtime::envelope>
replicated_service::answer_while_waiting(const runtime::envelope&, const waiting_member&) const {
  return std::nullopt;
}

// -- the folders --------------------------------------------------------------------------------

/// In the data folder, beside the groups.
std::filesystem::path replicated_service::ballast_file() const {
  return node_->folder.path() / "ballast";
}

void replicated_service::release_ballast() const {
  disk_ballast ballast{ballast_file(), node_->configuration.size("node.reserve")};
  if (ballast.release_if_short())
    log::warning(description_.name, "",
                 "the disk of {} is full: the space that was kept in '{}' for a start was given "
                 "up; free some",
                 node_->folder.path().string(), ballast_file().filename().string());
}

/// The group that the replica belongs to, and whose data is there; empty: none.
result<std::string> replicated_service::find_group() {
  return node_->folder.with([&](auto& folder) -> result<std::string> {
    if (!description_.former_state.empty())
      if (auto moved = adopt_former_layout(folder, role_.name, description_.former_state); !moved)
        return tl::unexpected{moved.error()};
    auto group = folder.group_of(role_.name);
    if (!group.empty())
      if (auto there = check_group_folder(folder, role_.name); !there)
        return tl::unexpected{there.error()};
    return group;
  });
}

/// Reads all of the backup that the state is to begin from, so that a damaged one founds no group.
status replicated_service::open_backup(const std::string& group) {
  auto& file = node_->orders.restore;
  if (file.empty())
    return {};
  if (!group.empty())
    return fail(
        errc::refused,
        fmt::format("--restore is for an empty data folder, and {} belongs to the group {}: "
                    "start without it; if what is there isn't wanted any more, start with "
                    "--new-disk too",
                    node_->folder.path().string(), group));
  auto opened = backup_file::open(file);
  if (!opened)
    return tl::unexpected{opened.error()};
  auto& info = opened->info();
  if (info.cluster != node_->cluster.name)
    return fail(errc::refused,
                fmt::format("the backup '{}' is of the cluster '{}', and this is '{}'",
                            file.string(), info.cluster, node_->cluster.name));
  if (auto accepted = accept_backup(info); !accepted)
    return fail(accepted.error(), fmt::format("the backup '{}'", file.string()));
  if (auto whole = opened->check(); !whole)
    return whole;
  log::info(description_.name, "", "begins from the backup {} of the group {}, entry {}", info.id,
            info.group, info.log_index);
  backup_ = std::move(*opened);
  return {};
}

status replicated_service::open_log(group_folder at) {
  paths_ = std::move(at);
  auto opened = record_log::open(paths_.log, now_us());
  if (!opened)
    return tl::unexpected{opened.error()};
  log_ = std::move(*opened);
  return {};
}

status replicated_service::resume(const std::string& group) {
  auto paths = node_->folder.with([&](auto& folder) { return group_folder_in(folder, group); });
  if (auto opened = open_log(std::move(paths)); !opened)
    return opened;
  auto bound = log_->read_binding();
  if (!bound)
    return tl::unexpected{bound.error()};
  if (!*bound)
    return fail(errc::refused,
                fmt::format("the log in {} belongs to no group, and the data folder to the group "
                            "{}: put the log back that belongs there",
                            paths_.log.string(), group));
  if ((*bound)->birth.group != group)
    return fail(errc::refused,
                fmt::format("the log in {} belongs to the group {}: put the log back that belongs "
                            "there",
                            paths_.log.string(), (*bound)->birth.group));
  return start_replica(**bound);
}

/// Makes the state of a backup, before the group is noted: a state that a later start made would be
/// empty.
status replicated_service::begin_from_backup(const group_birth& birth) {
  if (!birth.lasting.contains(std::string{restored_setting}))
    return {};
  auto how = state_settings(birth);
  how.backup = backup_;
  auto made = open_state(paths_.state, how);
  return made ? status{} : tl::unexpected{made.error()};
}

/// Makes the log, binds it to the group and notes that, in one go: another role of the node would
/// remove a folder that isn't noted as what a crash left.
status replicated_service::make_log(const record_log::binding& bound) {
  auto& group = bound.birth.group;
  return node_->folder.with([&](auto& folder) -> status {
    auto made = make_group_folder(folder, group);
    if (!made)
      return tl::unexpected{made.error()};
    if (auto opened = open_log(std::move(*made)); !opened)
      return opened;
    if (auto tied = log_->bind(bound); !tied)
      return tied;
    if (auto begun = begin_from_backup(bound.birth); !begun)
      return begun;
    return note_group_folder(folder, role_.name, group);
  });
}

// -- without a group ----------------------------------------------------------------------------

std::vector<replica_actor::peer> replicated_service::configured_peers() const {
  std::vector<replica_actor::peer> peers;
  for (auto& member : configured_)
    peers.push_back({member.id, member.name, member.address});
  return peers;
}

membership_query replicated_service::own_query() const {
  membership_query query;
  auto info = node_->connections->self().info();
  query.self = {role_.replica, info.name, info.address, info.folder};
  query.cluster = info.cluster;
  query.consensus = role_.consensus;
  query.lasting = lasting();
  for (auto& member : configured_)
    if (!member.joins)
      query.founders += fmt::format("{}{}={}", query.founders.empty() ? "" : ", ", member.id,
                                    to_string(member.address));
  return query;
}

status replicated_service::start_admission() {
  group_admission::settings admission;
  admission.self = own_query();
  auto& self = admission.self;
  self.founding_ordered = node_->orders.found_group || backup_.has_value();
  if (backup_) {
    self.lasting[std::string{restored_setting}] = backup_->info().id;
    admission.group = backup_->info().group;
  }
  for (auto& member : configured_)
    if (!member.joins)
      admission.founders.push_back({member.id, member.name, to_string(member.address), {}});
  auto& links = node_->cluster.links;
  admission.protocol = std::string{node_->plugins.at(description_.consensus).plugin->name()};
  admission.founding_delay = founding_delay(links);
  admission.role = role_.name;
  admission.admin_command = description_.admin_command;
  admission.answer_lifetime = links.failure_timeout;
  admission_ = node_->actors->spawn<admission_actor, caf::detached>(
      waiting_settings(admission.self), std::move(admission),
      [this](const group_birth& birth, spi::replica_id id) { join(birth, id); });
  node_->supervise(admission_, "the actor that waits for a group");
  runtime::tell_from_outside(
      node_->endpoint,
      runtime::adopt_role{role_, nullptr, admission_, admission_, description_.admin_command});
  return {};
}

waiting_replica_settings replicated_service::waiting_settings(const membership_query& query) const {
  return {node_->connections,
          {node_->connections->self().info(), role_, configured_peers(), {}, {}},
          query,
          [this](const runtime::envelope& message, const waiting_member& member) {
            return answer_while_waiting(message, member);
          },
          shared()};
}

/// Binds the log and notes the group before the replica starts: the next start relies on both.
void replicated_service::join(const group_birth& birth, spi::replica_id self) {
  std::lock_guard lock{mutex_};
  if (stopping_)
    return;
  record_log::binding bound{birth, self};
  auto joined = accept(birth);
  if (joined)
    joined = make_log(bound);
  if (joined)
    joined = start_replica(bound);
  if (!joined) {
    node_->fail(joined.error());
    return;
  }
  caf::anon_send_exit(admission_, caf::exit_reason::user_shutdown);
  admission_ = nullptr;
}

// -- in a group ---------------------------------------------------------------------------------

status replicated_service::check_against(const group_birth& birth) const {
  auto protocol = node_->plugins.at(description_.consensus).plugin->name();
  if (birth.protocol != protocol)
    return fail(errc::refused,
                fmt::format("the log in {} was written by the consensus plugin '{}', and the "
                            "configuration names '{}', which can't read it; name the former, or "
                            "found the cluster again, on empty data folders",
                            paths_.log.string(), birth.protocol, protocol));
  auto differs = difference(lasting(), "the file of " + node_->self.name,
                            without_restored(birth.lasting), "the cluster, since its birth,");
  if (!differs.empty())
    return fail(errc::refused, fmt::format("{}; what is stored can't be read with another one: put "
                                           "the line of the file back",
                                           differs));
  return {};
}

replicated_state::settings replicated_service::state_settings(const group_birth& birth) const {
  replicated_state::settings how;
  how.cluster_id = node_->cluster.name;
  how.birth = encode(birth);
  how.free_bytes_min = node_->configuration.size("node.reserve");
  how.ballast = ballast_file();
  if (rebuilds_states(birth))
    how.rebuild_advice = fmt::format("it is rebuilt from another {}", description_.name);
  else if (is_alone(birth))
    how.rebuild_advice = fmt::format(
        "there is no other {0} to rebuild it from: start this one once with --new-disk and "
        "--restore FILE, where FILE is a backup",
        description_.name);
  how.cache_bytes = cache_bytes(node_->configuration, description_, machine_memory());
  return how;
}

result<std::shared_ptr<replicated_state>>
replicated_service::open_service_state(const group_birth& birth) {
  auto opened = open_state(paths_.state, state_settings(birth));
  if (!opened)
    return opened;
  auto noted =
      node_->folder.with([&](auto& folder) { return note_group_state(folder, role_.name); });
  if (!noted)
    return tl::unexpected{noted.error()};
  return opened;
}

status replicated_service::start_replica(const record_log::binding& bound) {
  auto& birth = bound.birth;
  if (auto fits = check_against(birth); !fits)
    return fits;
  if (auto accepted = accept(birth); !accepted)
    return accepted;
  if (auto noted = on_joined(birth); !noted)
    return noted;
  auto settings = prepare_replica(bound);
  if (!settings)
    return tl::unexpected{settings.error()};
  auto damage = find_damage(birth);
  if (!damage)
    return tl::unexpected{damage.error()};
  if (damage->empty()) {
    auto state = open_service_state(birth);
    if (state) {
      settings->machine = std::move(*state);
      return run_replica(bound, std::move(*settings));
    }
    if (state.error().code != errc::corrupt || !rebuilds_states(birth))
      return tl::unexpected{state.error()};
    damage = state.error().message;
    if (auto noted = note_damage(paths_, *damage); !noted)
      return noted;
  }
  return start_rebuilding(bound, std::move(*settings), *damage);
}

/// All but the state.
result<replicated_service::replica_settings>
replicated_service::prepare_replica(const record_log::binding& bound) {
  auto& birth = bound.birth;
  auto stable = log_->load();
  if (!stable)
    return tl::unexpected{stable.error()};
  auto& plugin = node_->plugins.at(description_.consensus);
  replica_settings settings;
  settings.connections = node_->connections;
  settings.voters = voters_of(birth);
  settings.snapshots = paths_.snapshots;
  settings.snapshots_listen = {
      listen_.host, static_cast<std::uint16_t>(node_->configuration.integer("node.snapshot_port"))};
  settings.secret = node_->cluster.secret;
  settings.seed = std::hash<std::string>{}(node_->folder.uuid()) ^ log_->incarnation();
  auto protocol = plugin.create_consensus(
      {plugin.options, bound.self, settings.voters, settings.seed, log_->incarnation()});
  if (!protocol)
    return tl::unexpected{protocol.error()};
  settings.log = log_;
  settings.protocol = std::move(*protocol);
  settings.stable = std::move(*stable);
  settings.supervisor = node_->supervisor;
  settings.latest_view = latest_view_;
  settings.blocks_on_one_failure = plugin.plugin->claim("blocks_on_one_failure") == "yes";
  settings.state_damaged = [this, birth](const error& problem) {
    on_damaged_state(birth, problem);
  };
  return settings;
}

/// @pre `settings` has a state
status replicated_service::run_replica(const record_log::binding& bound,
                                       replica_settings settings) {
  auto members = static_cast<const replicated_state&>(*settings.machine).members();
  if (!members)
    return tl::unexpected{members.error()};
  role_.group = bound.birth.group;
  role_.replica = bound.self;
  settings.role = role_;
  return start_actors(std::move(settings), bound.birth, *members);
}

// -- the actors ---------------------------------------------------------------------------------

/// The configured members, each under its id in the group: a replaced member has another id than in
/// the configuration, and a new one gets another id if that of the configuration is given already.
std::vector<replica_actor::peer>
replicated_service::known_peers(const std::vector<member_identity>& admitted) const {
  auto peers = configured_peers();
  std::erase_if(peers, [&](auto& peer) {
    auto owner = std::ranges::find(admitted, peer.id, &member_identity::id);
    auto own = std::ranges::find(admitted, peer.name, &member_identity::name);
    return owner != admitted.end() && owner->name != peer.name && own == admitted.end();
  });
  for (auto& member : admitted) {
    auto same = std::ranges::find(peers, member.name, &replica_actor::peer::name);
    auto where = parse_endpoint(member.address);
    if (same != peers.end())
      same->id = member.id;
    else if (where)
      peers.push_back({member.id, member.name, *where});
  }
  return peers;
}

status replicated_service::start_actors(replica_settings settings, const group_birth& birth,
                                        const std::vector<member_identity>& members) {
  settings.group = known_peers(members);
  runtime::member_folders folders{role_.name, {}};
  for (auto& member : members)
    folders.folder_of[member.id] = member.folder;
  service_member member{
      node_->connections->self().info(), role_, birth, settings.group, nullptr, settings.seed};
  replica_ = runtime::spawn_on_io_thread<replica_actor>(*node_->actors, std::move(settings));
  node_->supervise(replica_, fmt::format("the replica of the role '{}'", role_.name));
  member.replica = replica_;
  membership_ = node_->actors->spawn<membership_actor>(membership_actor::settings{
      member, node_->endpoint, node_->cluster.links.failure_timeout / 2, shared()});
  node_->supervise(membership_, fmt::format("the membership actor of the role '{}'", role_.name));
  auto application = start_application(member);
  if (!application)
    return tl::unexpected{application.error()};
  application_ = std::move(*application);
  if (application_)
    node_->supervise(application_, fmt::format("the actor of the role '{}'", role_.name));
  // The folders first: no member is let in before they are known.
  runtime::tell_from_outside(node_->endpoint, std::move(folders));
  runtime::tell_from_outside(
      node_->endpoint,
      runtime::adopt_role{role_, replica_, application_, membership_, description_.admin_command});
  return {};
}

} // namespace atl::node
