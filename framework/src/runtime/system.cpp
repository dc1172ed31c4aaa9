#include "port_guard.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/runtime_messages.hpp>
#include <atoll/runtime/system.hpp>

#include <caf/init_global_meta_objects.hpp>
#include <caf/io/middleman.hpp>
#include <fmt/format.h>

#include <mutex>
#include <system_error>

namespace atl::runtime {

namespace {

void register_types_once() {
  static std::once_flag once;
  std::call_once(once, [] {
    caf::init_global_meta_objects<caf::id_block::atoll>();
    caf::io::middleman::init_global_meta_objects();
    caf::core::init_global_meta_objects();
  });
}

} // namespace

system::system(const connection_settings& links, std::size_t threads) {
  register_types_once();
  config_ = std::make_unique<caf::actor_system_config>();
  config_->load<caf::io::middleman>(); // first, because it adds the options that are set here
  auto identifier =
      fmt::format("atoll-wire-{}-caf-{}", wire_version, CAF_MAJOR_VERSION >= 1 ? "1" : "0.18");
  config_->set("caf.middleman.app-identifiers", std::vector<std::string>{identifier});
  // A silent connection is closed, so that a new one can be made.
  config_->set("caf.middleman.heartbeat-interval", caf::timespan{links.heartbeat});
  config_->set("caf.middleman.connection-timeout", caf::timespan{links.failure_timeout * 5});
  // Messages are small: decoding them on a separate thread costs more than it saves.
  config_->set("caf.middleman.workers", std::size_t{0});
  config_->set("caf.scheduler.max-threads", threads);
  config_->set("caf.scheduler.policy", "sharing");
  config_->set("caf.scheduler.max-throughput", std::size_t{300});
  config_->set("caf.logger.console.verbosity", "quiet");
  actors_ = std::make_unique<caf::actor_system>(*config_);
}

system::~system() = default;

status system::publish(const caf::actor& who, const endpoint& where) {
  auto published = actors_->middleman().publish(who, where.port, where.host.c_str(), true);
  if (published) {
    try {
      guards_.push_back(std::make_unique<port_guard>(*published));
    } catch (const std::system_error& problem) {
      log::warning("node", "", "port {} is not guarded against connections without end: {}",
                   *published, problem.what());
    }
    return {};
  }
  return fail(errc::unavailable,
              fmt::format("can't listen on {}: is the port in use by another process, or the "
                          "address not of this machine?",
                          to_string(where)));
}

} // namespace atl::runtime
