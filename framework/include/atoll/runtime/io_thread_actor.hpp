#pragma once

#include <caf/actor.hpp>
#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/execution_unit.hpp>

#include <utility>

namespace atl::runtime {

/// The unit of the thread that serves the sockets. @pre `runtime::system` made the actor system
caf::execution_unit& io_unit_of(caf::actor_system& actors);

/// An actor between the network and the disk that never waits. It runs in the thread that serves
/// the sockets, so that messages reach it and leave it without a switch of threads (docs/adr/0001).
class io_thread_actor : public caf::event_based_actor {
 public:
  using caf::event_based_actor::enqueue;

  explicit io_thread_actor(caf::actor_config& config)
      : caf::event_based_actor{config}, unit_{&io_unit_of(system())} {}

  /// Tells the unit which actors are its own.
  subtype_t subtype() const override { return io_actor; }

  /// Whoever sends the message, the actor runs in its own thread.
  bool enqueue(caf::mailbox_element_ptr message, caf::execution_unit*) override {
    return caf::event_based_actor::enqueue(std::move(message), unit_);
  }

 private:
  caf::execution_unit* unit_;
};

template <class Actor, class... Args>
caf::actor spawn_on_io_thread(caf::actor_system& actors, Args&&... args) {
  caf::actor_config config{&io_unit_of(actors)};
  return actors.spawn_class<Actor, caf::no_spawn_options>(config, std::forward<Args>(args)...);
}

} // namespace atl::runtime
