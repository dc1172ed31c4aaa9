#include "keeper_hosts.hpp"
#include "storage_node.hpp"
#include "storage_observer.hpp"

#include <memory>
#include <utility>

namespace atl::sim {

namespace {

constexpr std::int64_t answer_timeout_us = 1'500'000; ///< for what a node is asked to list

} // namespace

void keeper_hosts::carry_out(host& by, keep::effect& what) {
  auto number = ++world_.stats().effects;
  world_.note(combine(what.index(), number));
  if (auto details = world_.should_inject(leader_changes_, world_.rates().leader_change);
      details || number == world_.options().leader_change_at) {
    auto random = details.value_or(spi::random_source{combine(world_.options().seed, number)});
    if (is_leader(by) || details)
      change_leader(random);
    if (by.process == 0)
      return; // it crashed before this effect
  }
  std::visit([&](auto& each) { run(by, each); }, what);
}

void keeper_hosts::run(host& by, const keep::unit_query& what) {
  ++world_.stats().queries;
  if (what.ids.size() > keep::known_ids_max || what.units_max > keep::page_units_max)
    return world_.violate(storage_violation::interface_broken,
                          "a query asks for more than is allowed");
  auto fails = world_.should_inject(failed_queries_, world_.rates().failed_query).has_value();
  auto most = world_.parameters().query_us_max;
  auto read_after = random_.between(50, most);
  auto answer_after = random_.between(50, most);
  world_.after(read_after, [this, id = by.id, process = by.process, term = by.term, what, fails,
                            answer_after] {
    auto& requester = at(id);
    if (requester.process != process)
      return;
    // Only the leader reads the state.
    if (fails || leader_ != id || term != term_) {
      world_.trace("query {} of host {} fails", what.id, id);
      return call_later(requester, answer_after,
                        [ticket = what.id](auto& keeper) { keeper.on_query_failed(ticket); });
    }
    auto page = world_.state().query(what);
    world_.note(page.units.size());
    call_later(requester, answer_after, [ticket = what.id, page = std::move(page)](auto& keeper) {
      keeper.on_page(ticket, page.units, page.more, page.last_spare);
    });
  });
}

void keeper_hosts::run(host& by, const keep::slice_query& what) {
  ++world_.stats().slices;
  if (!world_.has_node(what.node))
    return world_.violate(storage_violation::interface_broken,
                          fmt::format("node {}, which doesn't exist, is audited", what.node));
  auto answered = std::make_shared<bool>(false);
  call_later(by, answer_timeout_us, [answered, ticket = what.id](auto& keeper) {
    if (!std::exchange(*answered, true))
      keeper.on_slice_failed(ticket);
  });
  auto& over = channels_[what.node - 1];
  if (world_.should_inject(over.lost_orders, world_.rates().lost_order))
    return;
  world_.after(delay(), [this, what, id = by.id, process = by.process, answered] {
    auto& node = world_.node(what.node);
    auto& over = channels_[what.node - 1];
    if (!node.up() || !node.is_readable() ||
        world_.should_inject(over.lost_results, world_.rates().lost_result))
      return;
    auto is_last = false;
    auto held = node.slice(what.from, is_last);
    world_.note(held.size());
    if (at(id).process != process)
      return;
    call_later(at(id), delay(),
               [answered, ticket = what.id, held = std::move(held), is_last](auto& keeper) {
                 if (!std::exchange(*answered, true))
                   keeper.on_slice(ticket, held, is_last);
               });
  });
}

void keeper_hosts::run(host& by, const keep::order& what) {
  // Orders go to the process that the host has heard last; a later one gets none of them.
  auto incarnation = by.incarnations[what.at];
  world_.observer().on_order(what, incarnation, is_leader(by));
  if (!world_.ok())
    return;
  if (world_.tracing()) {
    constexpr std::string_view names[] = {"copy", "rebuild", "verify", "remove"};
    world_.trace("host {} orders node {} to {} {} ({} bytes, order {}, term {})", by.id, what.at,
                 names[static_cast<std::size_t>(what.what)], to_text(what.key), what.fragment_bytes,
                 what.id, what.term);
  }
  auto arrive = [this, what, id = by.id, incarnation] {
    auto& to = world_.node(what.at);
    if (to.up() && to.incarnation() == incarnation)
      to.receive(what, id);
  };
  send(what.at, channels_[what.at - 1], arrive);
}

void keeper_hosts::send(keep::node_id node, channel& over, std::function<void()> arrive) {
  auto& rates = world_.rates();
  if (world_.should_inject(over.lost_orders, rates.lost_order))
    return world_.trace("that is lost on its way to node {}", node);
  auto takes = delay();
  if (auto late = world_.should_inject(over.late_orders, rates.late_order))
    takes += late->between(100'000, 8'000'000);
  if (auto again = world_.should_inject(over.doubled_orders, rates.doubled_order))
    world_.after(takes + again->between(0, 8'000'000), arrive);
  world_.after(takes, std::move(arrive));
}

void keeper_hosts::answer(keep::node_id node, std::uint32_t host, keep::ticket id,
                          const keep::order_result& result) {
  auto& to = at(host);
  auto process = to.process;
  if (process == 0)
    return;
  send_back(channels_[node - 1], [this, host, process, id, result] {
    if (at(host).process != process)
      return;
    if (leader_ == host)
      world_.observer().on_answered(id, result);
    call(at(host), [&](auto& keeper) { keeper.on_done(id, result); });
  });
}

void keeper_hosts::send_back(channel& over, const std::function<void()>& arrive) {
  auto& rates = world_.rates();
  if (world_.should_inject(over.lost_results, rates.lost_result))
    return;
  auto takes = delay();
  if (auto late = world_.should_inject(over.late_results, rates.late_result))
    takes += late->between(100'000, 8'000'000);
  if (auto again = world_.should_inject(over.doubled_results, rates.doubled_result))
    world_.after(takes + again->between(0, 8'000'000), arrive);
  world_.after(takes, arrive);
}

void keeper_hosts::run(host& by, const keep::relocate& what) {
  if (what.moves.size() > keep::relocations_max)
    return world_.violate(storage_violation::interface_broken,
                          fmt::format("a command has {} relocations", what.moves.size()));
  auto failure = world_.should_inject(failed_commands_, world_.rates().failed_command);
  relocation_command command{
      by.id, by.process, by.term, what, !failure || failure->chance(0.5), failure.has_value(),
      false};
  world_.after(random_.between(50, world_.parameters().query_us_max),
               [this, command = std::move(command)] { apply(command); });
}

void keeper_hosts::apply(relocation_command command) {
  auto leads = leader_ == command.host && command.term == term_;
  // What was under way when the leader changed may take effect behind the back of the next one.
  if (!leads && !std::exchange(command.is_late, true) && random_.chance(0.7))
    return world_.after(random_.between(0, 6'000'000), [this, command] { apply(command); });
  std::vector<keep::relocation_outcome> outcomes;
  auto& moves = command.what.moves;
  if (command.takes_effect)
    outcomes = world_.state().relocate(command.what.term, moves);
  for (std::size_t i = 0; i < outcomes.size() && world_.ok(); ++i)
    if (outcomes[i] == keep::relocation_outcome::moved) {
      ++world_.stats().relocations;
      world_.trace("{} moves from node {} to node {}", to_text(moves[i].key), moves[i].from,
                   moves[i].to);
      world_.observer().on_relocated(moves[i]);
    }
  if (!world_.ok() || at(command.host).process != command.process)
    return;
  auto succeeds = command.takes_effect && !command.fails && leads;
  call_later(at(command.host), random_.between(50, world_.parameters().query_us_max),
             [ticket = command.what.id, outcomes, succeeds](auto& keeper) {
               if (succeeds)
                 keeper.on_relocated(ticket, outcomes);
               else
                 keeper.on_command_failed(ticket);
             });
}

void keeper_hosts::run(host& by, const keep::set_node_state& what) {
  auto failure = world_.should_inject(failed_commands_, world_.rates().failed_command);
  auto takes_effect = !failure || failure->chance(0.5);
  auto apply_after = random_.between(50, world_.parameters().query_us_max);
  if (is_leader(by))
    world_.observer().on_declared(what.node, what.to);
  world_.after(apply_after, [this, id = by.id, process = by.process, term = by.term, what,
                             takes_effect, fails = failure.has_value()] {
    auto leads = leader_ == id && term == term_;
    if (leads && takes_effect) {
      world_.trace("host {} sets the state of node {} to {}", id, what.node,
                   static_cast<int>(what.to));
      set_node_state(what.node, what.to);
    }
    if (at(id).process == process && (!leads || fails))
      call_later(at(id), delay(),
                 [ticket = what.id](auto& keeper) { keeper.on_command_failed(ticket); });
    else if (at(id).process == process)
      call_later(at(id), delay(),
                 [this](auto& keeper) { keeper.on_nodes(world_.state().nodes()); });
  });
}

void keeper_hosts::run(host& by, const keep::notice& what) {
  if (world_.tracing()) {
    constexpr std::string_view names[] = {"mended",    "moved",      "adopted",  "damaged",
                                          "missing",   "unreadable", "readable", "node dead",
                                          "node back", "drained",    "held back"};
    world_.trace("host {} notes: {}, {} node {} from {}", by.id,
                 names[static_cast<std::size_t>(what.what)], to_text(what.key), what.node,
                 what.from);
  }
}

} // namespace atl::sim
