#include "network_actor.hpp"

#include "remote_node.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>

#include <utility>

namespace atl::runtime {

network_actor::network_actor(caf::actor_config& config, settings given)
    : io_thread_actor{config}, settings_{std::move(given)} {}

caf::behavior network_actor::make_behavior() {
  return {
      [this](const dial_node& order) { return on_dial(order); },
      [this](const dial_bulk_lane& lane) {
        auto node = caf::actor_cast<caf::actor_addr>(current_sender());
        begin({lane.order, caf::response_promise{}, {}, node}, lane.link);
      },
      [this](dial_ended& ended) { on_dialed(ended); },
      [this](const connection_admitted& what) { take_in(what); },
      [this](const link_ended& ended) { links_.erase(ended.link); },
  };
}

void network_actor::on_exit() {
  for (auto& [link, address] : std::exchange(links_, {}))
    if (auto node = caf::actor_cast<caf::actor>(address))
      caf::anon_send_exit(node, caf::exit_reason::user_shutdown);
  dials_.clear();
  // Handlers that the context still holds refer to this actor.
  settings_.context.reset();
}

// -- to other nodes -----------------------------------------------------------

caf::result<dial_outcome> network_actor::on_dial(const dial_node& order) {
  auto owner = caf::actor_cast<caf::actor_addr>(current_sender()); // the promise takes the sender
  auto promise = make_response_promise();
  begin({order, promise, owner, {}}, net::link_id{});
  return promise;
}

void network_actor::begin(pending_dial what, const net::link_id& link) {
  auto id = ++last_dial_;
  net::dial_request request{what.order.where, settings_.self, settings_.secret, what.order.timeout};
  request.self.link = link;
  dials_.emplace(id, std::move(what));
  net::dial(settings_.context, std::move(request),
            [address = caf::actor_cast<caf::actor_addr>(this), id](auto outcome) {
              if (auto self = caf::actor_cast<caf::actor>(address))
                tell_from_outside(
                    self, dial_ended{id, std::make_shared<decltype(outcome)>(std::move(outcome))});
            });
}

void network_actor::on_dialed(dial_ended& ended) {
  auto found = dials_.find(ended.id);
  if (found == dials_.end())
    return;
  auto dial = std::move(found->second);
  dials_.erase(found);
  auto& outcome = *ended.outcome;
  if (dial.lane_of) {
    if (auto node = caf::actor_cast<caf::actor>(dial.lane_of))
      tell(this, node,
           bulk_lane_opened{
               outcome ? std::make_shared<boost::asio::ip::tcp::socket>(std::move(outcome->socket))
                       : nullptr,
               nullptr});
    return;
  }
  if (!outcome)
    return dial.promise.deliver(dial_outcome{nullptr, std::move(outcome.error())});
  auto node = spawn_on_io_thread<remote_node_actor>(
      system(), remote_node_actor::settings{
                    outcome->peer.name,
                    std::make_shared<boost::asio::ip::tcp::socket>(std::move(outcome->socket)),
                    nullptr, nullptr, dial.owner, dial_bulk_lane{dial.order, outcome->link}});
  dial.promise.deliver(dial_outcome{node, {}});
}

// -- from other nodes ---------------------------------------------------------

void network_actor::take_in(const connection_admitted& what) {
  auto& connection = *what.connection;
  auto socket = std::make_shared<boost::asio::ip::tcp::socket>(std::move(connection.socket));
  if (connection.peer.link != net::link_id{}) {
    auto known = links_.find(connection.peer.link);
    auto node = known == links_.end() ? nullptr : caf::actor_cast<caf::actor>(known->second);
    if (node) // otherwise the link has ended, and so does this connection
      tell(this, node, bulk_lane_opened{std::move(socket), std::move(connection.place)});
    return;
  }
  auto node = spawn_on_io_thread<remote_node_actor>(
      system(), remote_node_actor::settings{connection.peer.name,
                                            std::move(socket),
                                            std::move(connection.place),
                                            what.receiver,
                                            {},
                                            {}});
  remember(connection.link, node);
}

void network_actor::remember(const net::link_id& link, const caf::actor& node) {
  links_.emplace(link, caf::actor_cast<caf::actor_addr>(node));
  node->attach_functor([address = caf::actor_cast<caf::actor_addr>(this), link](const caf::error&) {
    if (auto self = caf::actor_cast<caf::actor>(address))
      tell_from_outside(self, link_ended{link});
  });
}

} // namespace atl::runtime
