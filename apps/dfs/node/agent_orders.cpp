// How a storage node follows the orders in a master's answer to its heartbeat.
#include "common/actor_messages.hpp"
#include "node/storage_agent.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace dfs {

namespace {

using protocol::task_outcome;

/// Bound of the removals that wait; masters repeat their orders for fragments that remain.
constexpr std::size_t removals_max = 20'000;
/// Bound of the time of one batch of removals, so that heartbeats are sent in time.
constexpr auto removal_slice = std::chrono::milliseconds{50};

protocol::task_result result_of(std::uint64_t id, std::uint64_t term, task_outcome outcome,
                                std::string why = {}) {
  protocol::task_result result;
  result.id = id;
  result.term = term;
  result.outcome = outcome;
  result.why = std::move(why);
  return result;
}

task_outcome outcome_of(const atl::status& removed) {
  if (removed)
    return task_outcome::ok;
  return removed.error().code == atl::errc::not_found ? task_outcome::not_found
                                                      : task_outcome::failed;
}

} // namespace

/// A master gives a batch again until it hears that the batch was taken.
void storage_agent::take_once(const std::string& name, protocol::storage_commands& commands) {
  auto is_known = commands.batch == 0 || commands.batch == masters_[name].batch_taken;
  if (!is_known) {
    masters_[name].batch_taken = commands.batch;
    return;
  }
  commands.remove.clear();
  commands.tasks.clear();
  commands.slice_from.reset();
}

/// A master that has lost the lead may not know what its successor has decided since.
void storage_agent::apply_orders(const std::string& name, protocol::storage_commands& commands) {
  take_once(name, commands);
  if (commands.term < term_)
    return refuse_orders(name, commands);
  if (commands.term > term_) {
    settings_.repairs->drop_before(commands.term);
    // A new leader may rely on what an earlier one had given up.
    std::erase_if(removals_, [&](const auto& order) { return order.term < commands.term; });
  }
  term_ = commands.term;
  remove_later(name, commands);
  run_tasks(name, commands);
  if (commands.slice_from)
    answer_slice(name, commands);
}

void storage_agent::refuse_orders(const std::string& name,
                                  const protocol::storage_commands& commands) {
  auto why = fmt::format("a master has given orders in term {} already", term_);
  auto& results = masters_[name].results;
  for (auto& task : commands.tasks)
    results.add(result_of(task.id, commands.term, task_outcome::refused, why));
  for (auto& removal : commands.remove)
    if (removal.id != 0)
      results.add(result_of(removal.id, commands.term, task_outcome::refused, why));
}

// -- removals -----------------------------------------------------------------

void storage_agent::remove_later(const std::string& name,
                                 const protocol::storage_commands& commands) {
  auto is_removing = !removals_.empty();
  for (auto& it : commands.remove)
    if (removals_.size() < removals_max)
      removals_.push_back({it, commands.term, name});
    else if (it.id != 0)
      masters_[name].results.add(result_of(it.id, commands.term, task_outcome::refused,
                                           "too many fragments are being removed"));
  if (!is_removing)
    remove_some();
}

void storage_agent::remove_some() {
  auto until = std::chrono::steady_clock::now() + removal_slice;
  while (!removals_.empty() && std::chrono::steady_clock::now() < until) {
    auto& next = removals_.front();
    auto removed =
        settings_.store->remove({next.what.chunk, next.what.fragment}, next.what.generation);
    on_removed(next, removed);
    removals_.pop_front();
  }
  for (auto& [name, state] : masters_)
    if (!state.results.is_empty())
      report_now(name);
  if (!removals_.empty()) // after the messages that wait in the mailbox, such as heartbeats
    atl::runtime::tell(this, caf::actor_cast<caf::actor>(this), removals_wait{});
}

void storage_agent::on_removed(const ordered_removal& order, const atl::status& removed) {
  auto outcome = outcome_of(removed);
  auto why = removed ? std::string{} : removed.error().message;
  if (outcome == task_outcome::failed)
    atl::log::warning("storage", "", "{}", why);
  if (order.what.id != 0)
    masters_[order.master].results.add(result_of(order.what.id, order.term, outcome, why));
}

// -- tasks, and what the node has -----------------------------------------------

void storage_agent::run_tasks(const std::string& name, protocol::storage_commands& commands) {
  for (auto& task : commands.tasks)
    settings_.repairs->run(
        commands.term, std::move(task),
        [self = caf::actor_cast<caf::actor_addr>(this), name](protocol::task_result result) {
          if (auto alive = caf::actor_cast<caf::actor>(self))
            atl::runtime::tell_from_outside(alive, task_ended{name, std::move(result)});
        });
}

void storage_agent::answer_slice(const std::string& name,
                                 const protocol::storage_commands& commands) {
  auto& request = *commands.slice_from;
  protocol::fragment_slice slice;
  slice.id = request.id;
  slice.term = commands.term;
  slice.from_chunk = request.from_chunk;
  slice.from_fragment = request.from_fragment;
  // One more than is told shows whether there are more.
  auto stored = settings_.store->slice({request.from_chunk, request.from_fragment},
                                       protocol::slice_fragments_max + 1);
  slice.last = stored.size() <= protocol::slice_fragments_max;
  stored.resize(std::min(stored.size(), protocol::slice_fragments_max));
  for (auto& each : stored)
    slice.held.push_back({each.key.chunk, each.key.fragment, each.generation});
  masters_[name].results.set_slice(std::move(slice));
}

} // namespace dfs
