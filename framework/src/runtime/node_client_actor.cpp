#include "node_client_actor.hpp"

#include "contact.hpp"

#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/failure.hpp>
#include <atoll/runtime/runtime_limits.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace atl::runtime {

node_client_actor::node_client_actor(caf::actor_config& config, node_client::settings given)
    : io_thread_actor{config}, settings_{std::move(given)}, digest_{
                                                                cluster_digest(settings_.self)} {}

caf::behavior node_client_actor::make_behavior() {
  return {
      [this](node_call& call) { on_call(call); },
      [this](const envelope& message) {
        if (message.kind == message_kind::completion)
          on_completion(message);
      },
      [this](const contact_lost& what) { on_lost(what.generation); },
  };
}

void node_client_actor::on_exit() {
  deferred_.clear();
  links_.clear();
}

// -- connections ------------------------------------------------------------------------------

void node_client_actor::on_call(node_call& call) {
  auto address = to_string(call.where);
  auto known = links_.find(address);
  if (known != links_.end() && known->second.node)
    return send_call(address, std::move(call));
  if (known == links_.end() && !make_room())
    return call.caller->finish(fail(errc::busy, "too many nodes are asked at once"));
  auto is_new = known == links_.end();
  auto where = call.where;
  links_[address].queue.push_back(std::move(call));
  if (is_new)
    connect(address, where);
}

/// Closes a connection that isn't in use, if there are as many as there may be.
bool node_client_actor::make_room() {
  if (links_.size() < node_client_connections_max)
    return true;
  auto idle = std::ranges::find_if(
      links_, [](auto& it) { return it.second.node && it.second.under_way == 0; });
  if (idle == links_.end())
    return false;
  links_.erase(idle);
  return true;
}

void node_client_actor::connect(const std::string& address, const endpoint& where) {
  auto generation = links_[address].generation = ++generations_;
  connect_to_node(
      this, {where, settings_.connect_timeout},
      [this, address, generation](const caf::actor& node) {
        watch_node(this, node, contact_lost{0, generation});
        on_connected(address, node);
      },
      [this, address](const contact_failure& failure) {
        on_failed(address,
                  {failure.code, fmt::format("can't connect to {} ({})", address, failure.why)});
      });
}

void node_client_actor::on_connected(const std::string& address, const caf::actor& node) {
  auto& link = links_.at(address);
  link.node = node;
  for (auto& call : std::exchange(link.queue, {}))
    send_call(address, std::move(call));
}

void node_client_actor::on_failed(const std::string& address, const error& problem) {
  auto failed = links_.extract(address);
  for (auto& call : failed.mapped().queue)
    call.caller->finish(tl::unexpected{problem});
}

void node_client_actor::on_lost(std::uint64_t generation) {
  auto lost =
      std::ranges::find_if(links_, [&](auto& it) { return it.second.generation == generation; });
  if (lost == links_.end())
    return;
  auto node = lost->second.node;
  auto address = lost->first;
  links_.erase(lost);
  std::vector<std::uint64_t> broken;
  for (auto& [id, work] : deferred_)
    if (work.node == node)
      broken.push_back(id);
  for (auto id : broken)
    finish_deferred(id, fail(errc::timeout, fmt::format("the connection to {} broke; the work may "
                                                        "still have been done",
                                                        address)));
}

// -- messages ---------------------------------------------------------------------------------

void node_client_actor::send_call(const std::string& address, node_call call) {
  switch (call.type) {
  case node_call_type::request:
    return send_request(
        address, {call.kind, digest_, std::move(call.body), std::move(call.role)},
        [caller = call.caller](auto outcome) { caller->finish(std::move(outcome)); });
  case node_call_type::one_way:
    tell(this, links_.at(address).node,
         envelope{call.kind, digest_, std::move(call.body), std::move(call.role)});
    return call.caller->finish(std::string{});
  case node_call_type::deferred:
    return defer(address, std::move(call));
  }
}

void node_client_actor::send_request(const std::string& address, envelope message,
                                     std::function<void(result<std::string>)> done) {
  auto& link = links_.at(address);
  ++link.under_way;
  ask(this, link.node, settings_.timeout, std::move(message))
      .then(
          [this, address, done](const envelope& answer) {
            release(address);
            done(decode_reply(answer.body).value);
          },
          [this, address, done](const caf::error& problem) {
            release(address);
            done(fail(errc::timeout, fmt::format("{} didn't answer ({}); it may still have been "
                                                 "done",
                                                 address, describe_failure(problem))));
          });
}

void node_client_actor::release(const std::string& address) {
  if (auto link = links_.find(address); link != links_.end() && link->second.under_way > 0)
    --link->second.under_way;
}

void node_client_actor::defer(const std::string& address, node_call call) {
  auto& link = links_.at(address);
  auto id = ++last_id_;
  deferred_[id] = {address, link.node, call.caller};
  ++link.under_way;
  send_request(address,
               {message_kind::deferred, digest_,
                encode(deferred_call{id, call.kind, std::move(call.body)}), std::move(call.role)},
               [this, id, caller = call.caller](result<std::string> outcome) {
                 if (!outcome)
                   finish_deferred(id, std::move(outcome));
                 else if (caller->accepted)
                   caller->accepted();
               });
}

void node_client_actor::on_completion(const envelope& message) {
  auto what = decode_completion(message.body);
  auto work = what ? deferred_.find(what->id) : deferred_.end();
  if (work != deferred_.end() && current_sender() == work->second.node)
    finish_deferred(what->id, std::move(what->outcome.value));
}

void node_client_actor::finish_deferred(std::uint64_t id, result<std::string> outcome) {
  auto work = deferred_.extract(id);
  if (!work)
    return;
  release(work.mapped().where);
  work.mapped().caller->finish(std::move(outcome));
}

} // namespace atl::runtime
