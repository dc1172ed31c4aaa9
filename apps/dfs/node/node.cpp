#include "node/node.hpp"

#include "bulk/server.hpp"
#include "common/actor_messages.hpp"
#include "node/master_role.hpp"
#include "node/storage_agent.hpp"
#include "node/supervise.hpp"
#include "storage/chunk_store.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/node_endpoint.hpp>
#include <atoll/runtime/peer_connections.hpp>
#include <atoll/runtime/system.hpp>

#include <caf/init_global_meta_objects.hpp>
#include <fmt/format.h>

#include <functional>
#include <mutex>

namespace dfs {

namespace {

constexpr const char* application_name = "dfs";

/// Reports failures of the actors to the program that runs the node.
class supervisor_actor : public caf::event_based_actor {
 public:
  supervisor_actor(caf::actor_config& config, std::function<void(const atl::error&)> failed)
      : caf::event_based_actor{config}, failed_{std::move(failed)} {}

  caf::behavior make_behavior() override {
    return {[this](const atl::runtime::node_failure& failure) { failed_(failure.problem); }};
  }

 private:
  std::function<void(const atl::error&)> failed_;
};

atl::runtime::membership who(const node::parts& given) {
  std::vector<std::string> roles;
  if (given.self.is_master)
    roles.push_back(master_role_name);
  if (given.self.is_storage)
    roles.push_back(storage_role_name);
  return {given.cluster.name, given.self.name, std::move(roles), given.cluster.secret};
}

/// Must run before the first actor system is created, because CAF looks up the type of every
/// message.
void register_types_once() {
  static std::once_flag once;
  std::call_once(once, [] { caf::init_global_meta_objects<caf::id_block::dfs>(); });
}

} // namespace

struct node::implementation {
  explicit implementation(parts the_parts)
      : given{std::move(the_parts)}, actors{given.self.threads, who(given)} {}

  parts given;
  std::optional<atl::data_folder> folder;
  std::mutex folder_mutex; ///< guards the identity of the data folder
  std::shared_ptr<chunk_store> store;
  std::unique_ptr<bulk_server> bulk;
  atl::runtime::system actors;
  std::shared_ptr<atl::runtime::peer_connections> connections;
  caf::actor endpoint;
  caf::actor supervisor;
  std::optional<master_role> master;
  caf::actor agent;

  atl::status start_all() {
    auto& name = given.self.name;
    auto advice = fmt::format(
        "say so with 'dfs admin master replace {}' or 'dfs admin storage replace {}'", name, name);
    auto taken = atl::data_folder::lock(given.self.data,
                                        {application_name, given.cluster.name, name, advice});
    if (!taken)
      return tl::unexpected{taken.error()};
    folder = std::move(*taken);
    if (given.new_disk)
      if (auto emptied = folder->put_aside(); !emptied)
        return emptied;
    supervisor = actors->spawn<supervisor_actor>(given.failed);
    start_endpoint();
    if (given.self.is_master) {
      master.emplace(given, *folder, folder_mutex, actors, connections, endpoint, supervisor);
      if (auto started = master->start(); !started)
        return started;
    }
    if (given.self.is_storage)
      if (auto started = start_storage(); !started)
        return started;
    auto listens_at = actors.publish(endpoint, given.self.control_listen);
    if (!listens_at)
      return tl::unexpected{listens_at.error()};
    auto address = given.self.control;
    if (address.port == 0) {
      address.port = listens_at->port;
      connections->self().set_address(atl::to_string(address));
    }
    atl::log::info("node", "", "others reach it at {}", atl::to_string(address));
    return {};
  }

  void start_endpoint() {
    atl::runtime::node_info self;
    self.cluster = given.cluster.name;
    self.name = given.self.name;
    self.folder = folder->uuid();
    if (given.self.control.port != 0)
      self.address = atl::to_string(given.self.control);
    auto description = std::make_shared<atl::runtime::node_description>(std::move(self));
    connections = std::make_shared<atl::runtime::peer_connections>(
        *actors, description, given.cluster.links, std::hash<std::string>{}(folder->uuid()));
    endpoint = atl::runtime::spawn_on_io_thread<atl::runtime::node_endpoint_actor>(
        *actors, atl::runtime::node_endpoint_actor::settings{description, {}, admin_command});
    supervise(endpoint, "the endpoint of the node", given.failed);
  }

  /// Called by the storage agent, which ends before the bulk server does.
  atl::status join_group(const std::string& group) {
    std::lock_guard lock{folder_mutex};
    auto joined = folder->join_group(group);
    if (joined)
      bulk->join_group(group);
    return joined;
  }

  atl::status open_store() {
    std::lock_guard lock{folder_mutex};
    if (auto there = folder->check_part("chunks"); !there)
      return there;
    auto opened = chunk_store::open({(folder->path() / "chunks").string(), given.self.reserve_bytes,
                                     given.self.sync_backlog_max});
    if (!opened)
      return tl::unexpected{opened.error()};
    store = std::move(*opened);
    return folder->note_part("chunks");
  }

  atl::status start_storage() {
    if (auto opened = open_store(); !opened)
      return opened;
    if (auto started = start_bulk(); !started)
      return started;
    storage_agent::settings settings;
    settings.connections = connections;
    for (auto& master : given.cluster.masters)
      settings.masters.push_back({master.name, master.address});
    settings.uuid = folder->uuid();
    {
      std::lock_guard lock{folder_mutex};
      settings.group = folder->group();
    }
    settings.join_group = [this](const std::string& group) { return join_group(group); };
    settings.bulk = given.self.bulk;
    settings.zone = given.self.zone;
    settings.weight = given.self.weight;
    settings.in_flight = [server = bulk.get()] { return server->stats().load.in_flight; };
    settings.store = store;
    settings.supervisor = supervisor;
    atl::runtime::role_info role;
    role.name = storage_role_name;
    auto& self = connections->self();
    self.set_role(role);
    self.set_status(role.name, [store = store] {
      auto failure = store->failure();
      return failure ? atl::runtime::role_status{{}, atl::runtime::health::failed, failure->message}
                     : atl::runtime::role_status{{}, atl::runtime::health::serving, {}};
    });
    agent = actors->spawn<storage_agent, caf::detached>(std::move(settings));
    supervise(agent, "the actor of the storage node", given.failed);
    atl::runtime::tell_from_outside(endpoint, atl::runtime::adopt_role{role, nullptr, agent});
    return {};
  }

  atl::status start_bulk() {
    bulk_server_options options;
    options.self.cluster = given.cluster.name;
    options.self.name = given.self.name;
    options.self.role = storage_role_name;
    {
      std::lock_guard lock{folder_mutex};
      options.self.group = folder->group();
    }
    options.secret = given.cluster.secret;
    options.listen = given.self.bulk_listen;
    options.connections_max = given.self.connections_max;
    options.unproved_max = given.self.unproved_max;
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
    if (master)
      master->stop();
    if (connections) // none: the data folder couldn't be taken
      connections->self().set_status(storage_role_name, nullptr);
    connections.reset();
    for (auto* actor : {&endpoint, &agent, &supervisor}) {
      if (*actor)
        caf::anon_send_exit(*actor, caf::exit_reason::user_shutdown);
      *actor = nullptr;
    }
    if (bulk)
      bulk->stop();
    actors.disconnect();
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
  register_types_once();
  auto impl = std::make_unique<implementation>(std::move(given));
  auto started = impl->start_all();
  std::unique_ptr<node> made{new node{std::move(impl)}};
  if (!started)
    return tl::unexpected{started.error()};
  return made;
}

} // namespace dfs
