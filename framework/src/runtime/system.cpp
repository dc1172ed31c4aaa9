#include "io_unit.hpp"
#include "network_actor.hpp"

#include <atoll/core/open_files.hpp>
#include <atoll/net/io_thread.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/dispatcher_messages.hpp>
#include <atoll/runtime/io_thread_actor.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/runtime/runtime_limits.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/runtime/state_copy.hpp>
#include <atoll/runtime/system.hpp>

#include <caf/init_global_meta_objects.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <vector>

namespace atl::runtime {

namespace {

void register_types_once() {
  static std::once_flag once;
  std::call_once(once, [] {
    caf::init_global_meta_objects<caf::id_block::atoll>();
    caf::init_global_meta_objects<caf::id_block::atoll_network>();
    caf::init_global_meta_objects<caf::id_block::atoll_dispatcher>();
    caf::init_global_meta_objects<caf::id_block::atoll_state_copy>();
    caf::core::init_global_meta_objects();
  });
}

net::identity identity_of(const membership& self) {
  net::identity it;
  it.wire = self.wire;
  it.plane = net::plane::control;
  it.cluster = self.cluster;
  it.name = self.name;
  it.role =
      self.roles.empty() ? std::string{client_role} : fmt::format("{}", fmt::join(self.roles, ","));
  return it;
}

} // namespace

struct system::implementation {
  implementation(membership given, std::size_t threads) : self{std::move(given)}, config{io} {
    config.set("caf.scheduler.max-threads", threads);
    config.set("caf.scheduler.policy", "sharing");
    config.set("caf.scheduler.max-throughput", std::size_t{300});
    config.set("caf.logger.console.verbosity", "quiet");
    actors.emplace(config);
    config.unit.serve(*actors);
    network = spawn_on_io_thread<network_actor>(
        *actors, network_actor::settings{io.shared_context(), identity_of(self), self.secret});
    actors->registry().put(network_actor_name, network);
  }

  membership self;
  net::io_thread io{"net"};
  system_config config;
  std::optional<caf::actor_system> actors;
  caf::actor network;
  std::vector<std::unique_ptr<net::gatekeeper>> ports;
};

system::system(std::size_t threads, membership self) {
  register_types_once();
  impl_ = std::make_unique<implementation>(std::move(self), threads);
}

system::~system() {
  disconnect();
  impl_->actors->await_all_actors_done();
  // The I/O thread has spawned actors, so it holds a reference to the system's logger, for which
  // CAF's destructor waits.
  impl_->io.stop();
  impl_->actors.reset();
}

caf::actor_system& system::operator*() {
  return *impl_->actors;
}
caf::actor_system* system::operator->() {
  return &*impl_->actors;
}

void system::disconnect() {
  if (!impl_->network)
    return;
  impl_->ports.clear();
  impl_->actors->registry().erase(network_actor_name);
  caf::anon_send_exit(impl_->network, caf::exit_reason::user_shutdown);
  impl_->network = nullptr;
}

result<endpoint> system::publish(const caf::actor& who, const endpoint& where) {
  net::gatekeeper_settings port;
  port.listen = where;
  port.self = identity_of(impl_->self);
  port.secret = impl_->self.secret;
  port.connections_max = std::clamp<std::size_t>(open_files_limit() / 2, control_connections_min,
                                                 control_connections_max);
  port.unproved_max = std::min<std::size_t>(port.unproved_max, open_files_limit() / 8);
  port.reserve = port.connections_max / 8;
  port.spare_role = client_role;
  auto opened = net::gatekeeper::open(
      impl_->io.shared_context(), std::move(port),
      [network = impl_->network, who](net::admitted connection) {
        tell_from_outside(
            network,
            connection_admitted{std::make_shared<net::admitted>(std::move(connection)), who});
      });
  if (!opened)
    return tl::unexpected{opened.error()};
  impl_->ports.push_back(std::move(*opened));
  return impl_->ports.back()->listens_at();
}

net::gatekeeper_counters system::connections() const {
  net::gatekeeper_counters sum;
  for (auto& port : impl_->ports) {
    auto counters = port->counters();
    sum.admitted += counters.admitted;
    sum.timed_out += counters.timed_out;
    sum.displaced += counters.displaced;
    sum.hung_up += counters.hung_up;
    for (std::size_t i = 0; i < sum.refused.size(); ++i)
      sum.refused[i] += counters.refused[i];
  }
  return sum;
}

} // namespace atl::runtime
