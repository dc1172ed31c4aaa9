#pragma once

#include <atoll/node/replicated_service.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/runtime_messages.hpp>

namespace atl::node {

/// Stands for the application of a service that has no actor of its own: tells a member with an
/// empty data folder whether it belongs to the group.
class membership_actor : public caf::event_based_actor {
 public:
  membership_actor(caf::actor_config& config, service_member self);
  caf::behavior make_behavior() override;
  void on_exit() override { self_.replica = nullptr; }
  const char* name() const override { return "atoll.membership"; }

 private:
  runtime::envelope on_envelope(const runtime::envelope& message) const;

  service_member self_;
};

/// The answer to a membership query. A node whose data folder is a founder's is a member; others
/// are none, unless the application admits them.
membership_response answer_of_member(const service_member& self, const membership_query& asking);

} // namespace atl::node
