#pragma once

#include "network_actor.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <chrono>
#include <string>
#include <utility>

/// The first steps of an actor towards a node's endpoint, for a peer's connection and a client.
namespace atl::runtime {

/// Why a node can't be reached.
struct contact_failure {
  std::string why;         ///< empty: no attempt has failed
  bool is_refused = false; ///< the host says that nothing listens there
  errc code = errc::unavailable;
};

/// Connects `self` to the node that listens at `where`, and calls exactly one of the two functions
/// in the context of `self`, unless `self` ends first. Connections that are made at the same time
/// don't wait for each other.
/// @param order the timeout is for the whole attempt
/// @param connected is called with the node's endpoint, `const caf::actor&`; the connection is
/// closed when no handle to it is left
/// @param failed is called with a `contact_failure`
template <class Self, class Connected, class Failed>
void connect_to_node(Self* self, dial_node order, Connected connected, Failed failed) {
  auto network = caf::actor_cast<caf::actor>(self->system().registry().get(network_actor_name));
  if (!network)
    return failed(contact_failure{"this process has closed its connections"});
  ask(self, network, caf::infinite, std::move(order))
      .then(
          [connected, failed](dial_outcome& outcome) {
            if (outcome.node)
              return connected(outcome.node);
            auto& why = outcome.failure;
            failed(contact_failure{why.problem.message, why.nothing_listens, why.problem.code});
          },
          [failed](const caf::error& problem) {
            failed(contact_failure{describe_failure(problem)});
          });
}

/// Sends `lost` to `self` when `there` ends or the connection to it breaks: a process that ends
/// closes its connections, so `self` learns of it at once. A node that only stops answering isn't
/// noticed.
template <class Self>
void watch_node(Self* self, const caf::actor& there, contact_lost lost) {
  auto address = caf::actor_cast<caf::actor_addr>(self);
  there->attach_functor([address, lost](const caf::error&) {
    if (auto alive = caf::actor_cast<caf::actor>(address))
      tell_from_outside(alive, lost);
  });
}

} // namespace atl::runtime
