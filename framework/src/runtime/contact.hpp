#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <caf/io/middleman.hpp>

#include <chrono>
#include <set>
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
/// in the context of `self`, unless `self` ends first.
/// @param timeout for the whole attempt
/// @param connected is called with the node's endpoint actor, `const caf::actor&`
/// @param failed is called with a `contact_failure`
template <class Self, class Connected, class Failed>
void connect_to_node(Self* self, const endpoint& where, std::chrono::milliseconds timeout,
                     Connected connected, Failed failed) {
  ask(self, self->system().middleman().actor_handle(), timeout, caf::connect_atom_v, where.host,
      where.port)
      .then(
          [connected, failed](const caf::node_id&, caf::strong_actor_ptr& there,
                              const std::set<std::string>&) {
            if (there)
              connected(caf::actor_cast<caf::actor>(there));
            else
              failed(contact_failure{"what listens there is no node"});
          },
          [failed](const caf::error& problem) {
            failed(contact_failure{describe_failure(problem), is_connection_refused(problem)});
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
