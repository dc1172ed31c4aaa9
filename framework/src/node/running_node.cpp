#include "running_node.hpp"

#include "admission_actor.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/node/data_folders.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/node_endpoint.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <caf/init_global_meta_objects.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <exception>
#include <mutex>

namespace atl::node {

namespace {

/// Reports the failures that the actors of a role tell of.
class supervisor_actor : public caf::event_based_actor {
 public:
  supervisor_actor(caf::actor_config& config, std::function<void(const error&)> failed)
      : caf::event_based_actor{config}, failed_{std::move(failed)} {}

  caf::behavior make_behavior() override {
    return {[this](const runtime::node_failure& failure) { failed_(failure.problem); }};
  }
  const char* name() const override { return "atoll.supervisor"; }

 private:
  std::function<void(const error&)> failed_;
};

runtime::role_status describe(const role& what) {
  auto health = what.health();
  auto now = health.now == role_health::state::serves   ? runtime::health::serving
             : health.now == role_health::state::failed ? runtime::health::failed
                                                        : runtime::health::waiting;
  return {std::string{what.name()}, now, health.reason};
}

/// Of the node's control port.
void add_metrics(const net::gatekeeper_counters& connections, metric_set& into) {
  auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    into.counter(name, help, static_cast<double>(value));
  };
  counter("atoll_connections_admitted_total", "Connections let in.", connections.admitted);
  for (std::size_t i = 0; i < connections.refused.size(); ++i)
    into.counter("atoll_connections_refused_total", "Connections refused, by the reason.",
                 static_cast<double>(connections.refused[i]),
                 {{"reason", std::string{to_string(static_cast<net::refusal>(i))}}});
  counter("atoll_connections_timed_out_total", "Connections closed because no proof came in time.",
          connections.timed_out);
  counter("atoll_connections_displaced_total",
          "Connections closed for newer ones, because too many gave no proof.",
          connections.displaced);
  counter("atoll_connections_hung_up_total", "Connections closed by the peer during the handshake.",
          connections.hung_up);
}

runtime::membership who(const loaded_config& all) {
  return {all.cluster.name, all.self.name, all.self.roles, all.cluster.secret};
}

/// Must run before the first actor system is created, because CAF looks up the type of every
/// message.
void register_messages(const application& application) {
  static std::once_flag once;
  std::call_once(once, [&] {
    caf::init_global_meta_objects<caf::id_block::atoll_node>();
    if (application.register_messages)
      application.register_messages();
  });
}

} // namespace

running_node::running_node(parts given)
    : given_{std::move(given)}, actors_{given_.all.self.threads, who(given_.all)} {}

running_node::~running_node() {
  while (!roles_.empty()) {
    stop_role(roles_.back());
    roles_.pop_back();
  }
  if (endpoint_)
    caf::anon_send_exit(endpoint_, caf::exit_reason::user_shutdown);
  endpoint_ = nullptr;
  connections_.reset();
  actors_.disconnect();
  actors_->await_all_actors_done();
}

result<std::unique_ptr<running_node>> running_node::start(parts given,
                                                          const application& application) {
  register_messages(application);
  std::unique_ptr<running_node> node{new running_node{std::move(given)}};
  if (auto locked = node->lock_folder(application); !locked)
    return tl::unexpected{locked.error()};
  node->start_endpoint();
  if (auto started = node->start_roles(application); !started)
    return tl::unexpected{started.error()};
  if (auto published = node->publish(); !published)
    return tl::unexpected{published.error()};
  return node;
}

status running_node::lock_folder(const application& application) {
  auto& all = given_.all;
  auto& name = application.name.empty() ? application.program : application.name;
  data_owner owner{name, all.cluster.name, all.self.name};
  if (application.replace_advice)
    owner.replace_advice = application.replace_advice(all.self.name);
  auto folders = data_folders(all.config);
  if (folders.size() > 1 || data_disks::is_marked(all.self.data))
    return lock_disks(application, folders, owner);
  auto taken = data_folder::lock(all.self.data, owner);
  if (!taken)
    return tl::unexpected{taken.error()};
  if (given_.orders.new_disk)
    if (auto emptied = taken->put_aside(); !emptied)
      return emptied;
  folder_.emplace(std::move(*taken));
  return {};
}

/// Also for one folder, if it is one of several disks that the node had.
status running_node::lock_disks(const application& application,
                                const std::vector<std::filesystem::path>& folders,
                                const data_owner& owner) {
  for (auto& role : application.roles)
    if (given_.all.self.has_role(role->name()) && !role->uses_several_disks())
      return fail(errc::refused,
                  fmt::format("the data folder {} is one of several disks of the node, and the "
                              "role '{}' keeps its data in one: give it a folder of its own",
                              folders.front().string(), role->name()));
  auto new_disk = given_.orders.new_disk;
  auto taken = data_disks::lock(folders, owner, new_disk);
  if (!taken)
    return tl::unexpected{taken.error()};
  if (new_disk && taken->given_up() == 0)
    if (auto emptied = taken->put_aside(); !emptied)
      return emptied;
  folder_.emplace(std::move(*taken));
  return {};
}

void running_node::start_endpoint() {
  auto& all = given_.all;
  runtime::node_info self;
  self.cluster = all.cluster.name;
  self.name = all.self.name;
  self.folder = folder_->uuid();
  description_ = std::make_shared<runtime::node_description>(std::move(self));
  description_->set_inventory(given_.plugins.inventory());
  description_->set_metrics({},
                            [this](metric_set& into) { add_metrics(actors_.connections(), into); });
  connections_ = std::make_shared<runtime::peer_connections>(
      *actors_, description_, all.cluster.links, std::hash<std::string>{}(folder_->uuid()));
  std::vector<runtime::adopt_role> roles;
  for (auto& name : all.self.roles) {
    runtime::role_info role;
    role.name = name;
    description_->set_role(role);
    roles.push_back({role, nullptr, nullptr});
  }
  endpoint_ = runtime::spawn_on_io_thread<runtime::node_endpoint_actor>(
      *actors_, runtime::node_endpoint_actor::settings{description_, std::move(roles)});
  supervise(endpoint_, "the endpoint of the node",
            [report = given_.failed, names = all.self.roles](const error& problem) {
              for (auto& name : names)
                report(name, problem);
            });
}

status running_node::set_address(const endpoint& address, const endpoint& listen) {
  auto has_port = address_ && address_->reachable.port != 0;
  if (has_port && address.port != 0 && address_->reachable != address)
    return fail(
        errc::invalid,
        fmt::format("two roles of the node name an address for it, {} and {}: a node has one "
                    "for all its roles",
                    to_string(address_->reachable), to_string(address)));
  if (has_port || (address_ && address.port == 0))
    return {};
  address_ = {address, listen};
  if (address.port != 0)
    description_->set_address(to_string(address));
  return {};
}

status running_node::publish() {
  if (!address_) {
    endpoint where{"127.0.0.1", 0};
    if (auto& text = given_.all.config.text("node.listen"); !text.empty()) {
      auto wanted = parse_endpoint(text);
      if (!wanted)
        return tl::unexpected{wanted.error()};
      if (is_any_address(wanted->host))
        return fail(errc::invalid,
                    fmt::format("node.listen is {}, which means all addresses of the machine, and "
                                "no role says where others find the node",
                                text));
      where = *wanted;
    }
    if (auto set = set_address(where, where); !set)
      return set;
  }
  auto listens_at = actors_.publish(endpoint_, address_->listen);
  if (!listens_at)
    return tl::unexpected{listens_at.error()};
  auto address = address_->reachable;
  if (address.port == 0) {
    address.port = listens_at->port;
    description_->set_address(to_string(address));
  }
  log::info("node", "", "other nodes find it at {}", to_string(address));
  return {};
}

status running_node::start_roles(const application& application) {
  for (auto& role : application.roles)
    if (given_.all.self.has_role(role->name()))
      if (auto started = start_role(role); !started)
        return started;
  return {};
}

status running_node::start_role(const std::shared_ptr<role>& what) {
  auto counts = std::make_shared<std::atomic<bool>>(true);
  auto failed = [report = given_.failed, name = std::string{what->name()},
                 counts](const error& problem) {
    if (*counts)
      report(name, problem);
  };
  auto supervisor = actors_->spawn<supervisor_actor>(failed);
  auto& all = given_.all;
  roles_.push_back({what,
                    {all.config, all.cluster, all.self, given_.plugins, given_.orders, *folder_,
                     actors_, given_.open_files_max, failed, supervisor, connections_, endpoint_,
                     [this](const endpoint& address, const endpoint& listen) {
                       return set_address(address, listen);
                     }},
                    counts});
  try {
    auto started = what->start(roles_.back().context);
    if (started) {
      std::string name{what->name()};
      description_->set_status(name, [what] { return describe(*what); });
      description_->set_metrics(name, [what](metric_set& into) { what->metrics(into); });
    }
    return started;
  } catch (const std::exception& thrown) {
    return fail(errc::internal,
                fmt::format("starting the role '{}' threw: {}", what->name(), thrown.what()));
  }
}

void running_node::stop_role(started_role& running) {
  *running.counts = false;
  std::string name{running.what->name()};
  description_->set_status(name, nullptr);
  description_->set_metrics(name, nullptr);
  running.what->stop();
  description_->remove_role(name);
  running.context.endpoint = nullptr;
  caf::anon_send_exit(running.context.supervisor, caf::exit_reason::user_shutdown);
  running.context.supervisor = nullptr;
}

bool running_node::runs(std::string_view role) const {
  return std::ranges::any_of(roles_, [&](auto& running) { return running.what->name() == role; });
}

std::shared_ptr<role> running_node::stop_for_another_start(std::string_view role) {
  auto failed =
      std::ranges::find_if(roles_, [&](auto& running) { return running.what->name() == role; });
  if (failed == roles_.end() || !failed->what->starts_again())
    return nullptr;
  auto what = failed->what;
  stop_role(*failed);
  roles_.erase(failed);
  return what;
}

status running_node::start_again(const std::shared_ptr<role>& what) {
  given_.orders = {}; // those were for the first start
  return start_role(what);
}

bool running_node::take_down(std::string_view role, const error& why) {
  auto failed =
      std::ranges::find_if(roles_, [&](auto& running) { return running.what->name() == role; });
  if (failed != roles_.end()) {
    stop_role(*failed);
    roles_.erase(failed);
    runtime::role_status down{std::string{role}, runtime::health::failed, why.message};
    runtime::tell_from_outside(endpoint_, runtime::drop_role{down.role, why.message});
    description_->set_status(down.role, [down] { return down; });
  }
  return !roles_.empty();
}

} // namespace atl::node
