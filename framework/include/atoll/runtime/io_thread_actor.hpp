#pragma once

#include <caf/actor.hpp>
#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/io/broker.hpp>
#include <caf/io/middleman.hpp>

#include <utility>

namespace atl::runtime {

/// An actor between the network and the disk that never waits. It runs in the thread that reads and
/// writes the sockets, so that messages reach it and leave it without a switch of threads
/// (docs/adr/0001).
class io_thread_actor : public caf::io::broker {
 public:
  using caf::io::broker::broker;
#if CAF_MAJOR_VERSION < 1
  /// CAF 0.18's brokers close their connections when they end, and leave their mailbox open. An
  /// actor of this class has no connections, and a request to an ended actor would wait until its
  /// timeout.
  bool cleanup(caf::error&& reason, caf::execution_unit* host) override {
    // NOLINTNEXTLINE(bugprone-parent-virtual-call): the override of the broker is deliberately
    // skipped.
    return caf::scheduled_actor::cleanup(std::move(reason), host);
  }
#endif
};

template <class Actor, class... Args>
caf::actor spawn_on_io_thread(caf::actor_system& actors, Args&&... args) {
  caf::actor_config config{&actors.middleman().backend()};
  return actors.spawn_class<Actor, caf::no_spawn_options>(config, std::forward<Args>(args)...);
}

} // namespace atl::runtime
