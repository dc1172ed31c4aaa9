#include "node/node.hpp"

#include "bulk/server.hpp"
#include "common/clock.hpp"
#include "master/master_actor.hpp"
#include "namespace/name_space.hpp"
#include "node/messages.hpp"
#include "node/storage_agent.hpp"
#include "storage/chunk_store.hpp"

#include <atoll/core/log.hpp>
#include <atoll/core/record_log.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/gate.hpp>
#include <atoll/runtime/replica.hpp>
#include <atoll/runtime/system.hpp>

#include <caf/init_global_meta_objects.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>

namespace dfs {

namespace {

using atl::errc;
using atl::fail;
using atl::runtime::gate_actor;
using atl::runtime::replica_actor;

/// Hands failures of the actors to whoever runs the node.
class owner_actor : public caf::event_based_actor {
 public:
  owner_actor(caf::actor_config& config, std::function<void(const atl::error&)> failed)
      : caf::event_based_actor{config}, failed_{std::move(failed)} {}

  caf::behavior make_behavior() override {
    return {[this](const atl::runtime::node_failure& failure) { failed_(failure.problem); }};
  }

 private:
  std::function<void(const atl::error&)> failed_;
};

/// Before the first actor system is made: CAF looks up every message's type.
atl::runtime::node_info describe(const node::parts& given) {
  static std::once_flag once;
  std::call_once(once, [] { caf::init_global_meta_objects<caf::id_block::dfs>(); });
  atl::runtime::node_info info;
  info.cluster = given.cluster.name;
  info.name = given.self.name;
  info.role = given.self.is_master ? "master" : "storage";
  if (!given.self.is_master)
    return info;
  info.consensus = given.plugins.consensus.text();
  info.address = atl::to_string(given.self.control);
  for (auto& master : given.cluster.masters)
    if (master.name == given.self.name)
      info.replica = master.id;
  return info;
}

/// The group at its birth, as the configuration has it.
atl::record_log::owner birth(const node::parts& given) {
  atl::record_log::owner it;
  it.protocol = std::string{given.plugins.consensus.plugin->name()};
  for (auto& master : given.cluster.masters) {
    if (master.joins)
      continue;
    it.voters.push_back(master.id);
    it.group += fmt::format("{}{}={}", it.group.empty() ? "" : ", ", master.id,
                            atl::to_string(master.address));
  }
  return it;
}

master_policy make_policy(const node::parts& given) {
  auto& cluster = given.cluster;
  master_policy policy;
  policy.chunk_bytes = cluster.chunk_bytes;
  policy.inline_bytes = cluster.inline_bytes;
  policy.durability = cluster.durability;
  policy.storage_timeout = cluster.links.failure_timeout;
  policy.grace = cluster.grace;
  policy.housekeeping = std::chrono::ceil<std::chrono::milliseconds>(cluster.housekeeping);
  policy.session_expiry = cluster.session_expiry;
  policy.recovery = given.plugins.recovery.choice();
  policy.placement = given.plugins.placement.choice();
  policy.reads = given.plugins.reads.choice();
  policy.consensus = given.plugins.consensus.choice();
  return policy;
}

std::uint64_t seed_from(const std::string& uuid) {
  return std::hash<std::string>{}(uuid);
}

} // namespace

struct node::implementation {
  explicit implementation(parts the_parts)
      : given{std::move(the_parts)}, info{describe(given)}, actors{given.cluster.links,
                                                                   given.self.threads} {}

  parts given;
  atl::runtime::node_info info;
  std::optional<atl::data_folder> folder;
  std::shared_ptr<chunk_store> store;
  std::unique_ptr<bulk_server> bulk;
  atl::runtime::system actors;
  caf::actor owner;
  caf::actor replica;
  caf::actor master;
  caf::actor gate;
  caf::actor agent;

  atl::status start_all() {
    auto taken = atl::data_folder::take(given.self.data, given.cluster.name, given.self.name);
    if (!taken)
      return tl::unexpected{taken.error()};
    folder = std::move(*taken);
    owner = actors->spawn<owner_actor>(given.failed);
    if (given.self.is_master)
      if (auto started = start_master(); !started)
        return started;
    if (given.self.is_storage)
      if (auto started = start_storage(); !started)
        return started;
    return {};
  }

  atl::status start_master() {
    auto log = atl::record_log::open(folder->path() / "log", now_us());
    if (!log)
      return tl::unexpected{log.error()};
    auto owner_of_log = (*log)->own(birth(given));
    if (!owner_of_log)
      return tl::unexpected{owner_of_log.error()};
    auto& voters = owner_of_log->voters;
    if (std::find(voters.begin(), voters.end(), info.replica) != voters.end())
      info.group = owner_of_log->group;
    auto stable = (*log)->load();
    if (!stable)
      return tl::unexpected{stable.error()};
    name_space_settings wanted;
    wanted.cluster_id = given.cluster.name;
    wanted.free_bytes_min = given.self.reserve_bytes;
    auto names = name_space::open(folder->path() / "names", wanted);
    if (!names)
      return tl::unexpected{names.error()};
    replica_actor::settings settings;
    settings.self = info;
    for (auto& master : given.cluster.masters)
      settings.group.push_back({master.id, master.name, master.address});
    settings.timing = given.cluster.links;
    settings.voters = voters;
    settings.snapshots = folder->path() / "snapshots";
    settings.snapshots_listen = {given.self.control_listen.host, given.self.snapshot_port};
    settings.seed = seed_from(folder->uuid()) ^ (*log)->incarnation();
    auto protocol = create_protocol(settings, **log);
    if (!protocol)
      return tl::unexpected{protocol.error()};
    settings.machine = std::move(*names);
    settings.log = std::move(*log);
    settings.protocol = std::move(*protocol);
    settings.stable = std::move(*stable);
    settings.owner = owner;
    settings.blocks_on_one_failure =
        given.plugins.consensus.plugin->claim("blocks_on_one_failure") == "yes";
    settings.hears_of_losses = given.plugins.consensus.plugin->descriptor().spi_minor >= 1;
    auto balancer = given.plugins.placement.plugin->create_balancer(given.plugins.placement.options,
                                                                    settings.seed);
    if (!balancer)
      return tl::unexpected{balancer.error()};
    auto recovery = given.plugins.recovery.plugin->create_recovery(given.plugins.recovery.options);
    if (!recovery)
      return tl::unexpected{recovery.error()};
    auto group = settings.group;
    auto seed = settings.seed;
    replica = spawn_net<replica_actor>(*actors, std::move(settings));
    master = actors->spawn<master_actor>(master_actor::settings{info, group, make_policy(given),
                                                                replica, std::move(*balancer),
                                                                std::move(*recovery), seed});
    gate = spawn_net<gate_actor>(*actors, gate_actor::settings{info, replica, master});
    return actors.publish(gate, given.self.control_listen);
  }

  atl::result<std::shared_ptr<atl::spi::consensus>>
  create_protocol(const replica_actor::settings& settings, const atl::record_log& log) {
    atl::spi::consensus_setup setup{given.plugins.consensus.options, info.replica, settings.voters,
                                    settings.seed, log.incarnation()};
    return given.plugins.consensus.plugin->create_consensus(setup);
  }

  atl::status start_storage() {
    auto opened = chunk_store::open({(folder->path() / "chunks").string(), given.self.reserve_bytes,
                                     given.self.sync_backlog_max});
    if (!opened)
      return tl::unexpected{opened.error()};
    store = std::move(*opened);
    if (auto started = start_bulk(); !started)
      return started;
    storage_agent::settings settings;
    settings.self = info;
    settings.self.role = "storage";
    settings.self.replica = 0;
    for (auto& master : given.cluster.masters)
      settings.masters.push_back({master.name, master.address});
    settings.timing = given.cluster.links;
    settings.uuid = folder->uuid();
    settings.bulk = given.self.bulk;
    settings.zone = given.self.zone;
    settings.weight = given.self.weight;
    settings.store = store;
    settings.owner = owner;
    settings.seed = seed_from(folder->uuid());
    agent = actors->spawn<storage_agent, caf::detached>(std::move(settings));
    return {};
  }

  atl::status start_bulk() {
    bulk_server_options options;
    options.cluster = given.cluster.name;
    options.listen = given.self.bulk_listen;
    options.max_connections = given.self.connections_max;
    options.write_buffer_bytes = given.self.write_buffer_bytes;
    options.timeouts.connect =
        std::chrono::ceil<std::chrono::milliseconds>(given.cluster.connect_timeout);
    options.timeouts.progress =
        std::chrono::ceil<std::chrono::milliseconds>(given.cluster.transfer_timeout);
    auto started = bulk_server::start(*store, std::move(options));
    if (!started)
      return tl::unexpected{started.error()};
    bulk = std::move(*started);
    return {};
  }

  void stop() {
    for (auto* actor : {&gate, &master, &agent, &replica, &owner}) {
      if (*actor)
        caf::anon_send_exit(*actor, caf::exit_reason::user_shutdown);
      *actor = nullptr;
    }
    if (bulk)
      bulk->stop();
    actors->await_all_actors_done();
    bulk.reset();
    if (store)
      if (auto flushed = store->flush(); !flushed)
        atl::log::error("storage", "", "{}", flushed.error().message);
    store.reset();
  }
};

node::node(std::unique_ptr<implementation> impl) : impl_{std::move(impl)} {}

node::~node() {
  impl_->stop();
}

atl::result<std::unique_ptr<node>> node::start(parts given) {
  auto impl = std::make_unique<implementation>(std::move(given));
  auto started = impl->start_all();
  std::unique_ptr<node> made{new node{std::move(impl)}};
  if (!started)
    return tl::unexpected{started.error()};
  return made;
}

} // namespace dfs
