#include "membership_actor.hpp"

#include <fmt/format.h>

namespace atl::node {

using runtime::envelope;
using runtime::make_reply;

membership_response answer_of_member(const service_member& self, const membership_query& asking) {
  membership_response answer;
  answer.peer.self = {self.role.replica, self.node.name, self.node.address, self.node.folder};
  answer.peer.cluster = self.node.cluster;
  answer.peer.consensus = self.role.consensus;
  answer.birth = self.birth;
  for (auto& founder : self.birth.founders)
    if (founder.folder == asking.self.folder)
      answer.admitted_as = founder.id;
  return answer;
}

membership_actor::membership_actor(caf::actor_config& config, service_member self)
    : caf::event_based_actor{config}, self_{std::move(self)} {}

caf::behavior membership_actor::make_behavior() {
  return {
      [this](const envelope& message) { return on_envelope(message); },
      [](const runtime::turned_away&) {}, // the endpoint has logged it
  };
}

envelope membership_actor::on_envelope(const envelope& message) const {
  if (message.kind != runtime::message_kind::membership)
    return make_reply(
        {fail(errc::invalid, fmt::format("a kind of message that the role '{}' doesn't take: {}",
                                         self_.role.name, static_cast<unsigned>(message.kind))),
         {},
         false});
  auto asking = decode_membership_query(message.body);
  if (!asking)
    return make_reply({tl::unexpected{asking.error()}, {}, false});
  return make_reply({encode(answer_of_member(self_, *asking)), {}, false});
}

} // namespace atl::node
