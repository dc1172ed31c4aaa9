#include "keeper_impl.hpp"

#include <algorithm>
#include <span>
#include <utility>

// How a keeper carries repairs and moves out: orders to nodes first, then relocations.
namespace atl::keep {

namespace {

/// A node has that long for an order, and besides the time for the fragment's bytes at the rate
/// below.
constexpr spi::timestamp task_timeout{60'000'000};
constexpr std::uint64_t slowest_bytes_a_second = 1 << 20;
constexpr spi::timestamp pause_after_failed_command{500'000};

} // namespace

void keeper::impl::start_tasks() {
  tokens_at_ = spi::timestamp{0};
  // Until the whole state has been searched, there may be units in greater danger than those known.
  auto is_danger_known = danger_known_of_ == nodes_.badness_version();
  auto only_endangered =
      setup_.rules.most_endangered_first && (!is_danger_known || queue_.has_most_endangered());
  queue_.offer(only_endangered ? repair_queue::most_endangered : repair_queue::rebalance,
               [this](const repair_queue::entry& next) { return start(next); });
}

repair_queue::attempt keeper::impl::start(const repair_queue::entry& next) {
  if (tasks_.size() >= tasks_max || !may_start(next.rank) || are_receivers_busy())
    return repair_queue::attempt::stop;
  return next.rank >= repair_queue::drain ? start_move(next) : start_repair(next);
}

/// Does the node receive as much as it may? Notes when it can receive more, if its rate says so.
bool keeper::impl::is_receiver_busy(node_id node) {
  if (tasks_.in(node) >= setup_.settings.streams_in)
    return true;
  auto rate = node_rates_.find(node);
  if (!setup_.rules.keep_rates || rate == node_rates_.end() || rate->second.is_open(now_))
    return false;
  auto opens = rate->second.opens_at();
  tokens_at_ = tokens_at_ > now_ ? std::min(tokens_at_, opens) : opens;
  return true;
}

/// Whether all nodes that could take fragments are busy, so that it is in vain to look for a target
/// for each unit of the queue.
bool keeper::impl::are_receivers_busy() {
  auto is_any_busy = false;
  for (const auto& [id, node] : nodes_.all()) {
    if (!node.can_receive())
      continue;
    if (!is_receiver_busy(id))
      return false;
    is_any_busy = true;
  }
  return is_any_busy;
}

bool keeper::impl::may_start(repair_queue::danger rank) {
  if (!setup_.rules.keep_rates || repair_rate_.is_open(now_)) {
    if (rank != repair_queue::rebalance || rebalance_rate_.is_open(now_))
      return true;
    tokens_at_ = rebalance_rate_.opens_at();
    return false;
  }
  if (rank == repair_queue::most_endangered && danger_rate_.is_bounded() &&
      danger_rate_.is_open(now_))
    return true;
  tokens_at_ = repair_rate_.opens_at();
  if (rank == repair_queue::most_endangered && danger_rate_.is_bounded())
    tokens_at_ = std::min(tokens_at_, danger_rate_.opens_at());
  return false;
}

void keeper::impl::spend(const task& what, repair_queue::danger rank) {
  if (rank == repair_queue::most_endangered && danger_rate_.is_bounded() &&
      danger_rate_.is_open(now_))
    danger_rate_.take(what.bytes, now_);
  else
    repair_rate_.take(what.bytes, now_);
  if (rank == repair_queue::rebalance)
    rebalance_rate_.take(what.bytes, now_);
  auto [rate, is_new] = node_rates_.try_emplace(what.to);
  if (is_new)
    rate->second.set_rate(setup_.settings.node_rate, now_);
  rate->second.take(what.bytes, now_);
}

repair_queue::attempt keeper::impl::start_repair(const repair_queue::entry& next) {
  auto state = judge_.judge(next.unit);
  if (!state || state->lost_fragments.empty() || state->health == spi::chunk_health::lost)
    return repair_queue::attempt::started; // nothing is to be done any more
  auto result = repair_queue::attempt::started;
  auto is_any_started = false;
  for (auto& how : judge_.plan(next.unit, *state)) {
    if (tasks_.find(fragment_key{next.unit.id, how.fragment}))
      continue;
    task what;
    what.why = task::purpose::repair;
    what.key = {next.unit.id, how.fragment};
    what.unit = next.unit;
    what.from = next.unit.nodes[how.fragment];
    what.bytes = judge_.fragment_bytes(next.unit, how.fragment);
    what.spare = state->spare;
    result = start_task(std::move(what), std::move(how), next.rank);
    is_any_started = is_any_started || result == repair_queue::attempt::started;
    if (result != repair_queue::attempt::started || !may_start(next.rank))
      break;
  }
  if (is_any_started)
    return repair_queue::attempt::started; // the unit is looked at again after its tasks
  stuck_so_far_ += result == repair_queue::attempt::stuck ? 1 : 0;
  stuck_ += result == repair_queue::attempt::stuck ? 1 : 0;
  return result;
}

repair_queue::attempt keeper::impl::start_move(const repair_queue::entry& next) {
  auto at = std::ranges::find(next.unit.nodes, next.sender);
  auto fragment = static_cast<std::uint32_t>(at - next.unit.nodes.begin());
  auto* relieved = nodes_.find(next.sender);
  auto is_drain = next.rank == repair_queue::drain;
  if (at == next.unit.nodes.end() || !relieved || !judge_.is_readable(next.unit, fragment) ||
      (is_drain && relieved->state != node_state::draining) ||
      (!is_drain && (!use_.is_above_goal(*relieved, use_.mean()) || !is_use_known(relieved->id))))
    return repair_queue::attempt::started; // nothing is to be done any more, or not now
  task what;
  what.why = is_drain ? task::purpose::drain : task::purpose::rebalance;
  what.key = {next.unit.id, fragment};
  what.unit = next.unit;
  what.from = next.sender;
  what.bytes = next.bytes;
  return start_task(std::move(what), remedy{fragment, true, {{fragment, next.sender}}}, next.rank);
}

/// The first source that has a stream to spare; of a rebuild one of those that its scheme named.
/// @returns `no_node`: all are busy
node_id keeper::impl::free_sender(const remedy& how) const {
  auto count = how.by_copying || how.senders == 0 ? how.sources.size() : how.senders;
  for (const auto& source : std::span{how.sources}.first(count))
    if (tasks_.out(source.node) < setup_.settings.streams_out)
      return source.node;
  return no_node;
}

/// @param rank with which the task may start, and whose rate pays for it
repair_queue::attempt keeper::impl::start_task(task what, remedy how, repair_queue::danger rank) {
  auto sender = free_sender(how);
  if (sender == no_node)
    return repair_queue::attempt::sender_busy;
  auto* plugins = judge_.plugins_of(what.unit.policy);
  if (!plugins)
    return repair_queue::attempt::stuck;
  auto mean = what.why == task::purpose::rebalance ? use_.mean() : 0.0; // it is asked for often
  auto adopting = adopting_nodes(what.unit.id);
  target_picker::wish wanted{
      what.unit,
      what.key.fragment,
      what.bytes,
      what.why == task::purpose::repair,
      [&](const watched_node& node) {
        return (setup_.rules.avoid_removals && removals_.has_unit(node.id, what.unit.id)) ||
               std::ranges::find(adopting, node.id) != adopting.end() ||
               (what.why == task::purpose::rebalance && !use_.may_take(node, what.bytes, mean));
      },
      [&](const watched_node& node) { return is_receiver_busy(node.id); },
      !setup_.rules.spread_over_domains};
  auto target = targets_.pick(what.unit.policy, *plugins->placement, wanted, now_);
  if (target.what == target_picker::outcome::busy)
    return repair_queue::attempt::sender_busy;
  if (target.what == target_picker::outcome::none)
    return repair_queue::attempt::stuck;

  order next;
  next.id = what.id = out_.next_ticket();
  next.term = term_;
  next.what = how.by_copying ? order::work::copy : order::work::rebuild;
  next.at = what.to = target.node;
  next.key = what.key;
  next.fragment_bytes = what.bytes;
  next.unit_bytes = what.unit.size_bytes;
  next.unit_checksum = what.unit.checksum;
  next.policy = what.unit.policy;
  // The free sender first; the others in case that it fails.
  std::ranges::stable_partition(how.sources,
                                [&](const auto& source) { return source.node == sender; });
  next.sources = how.sources;
  next.senders = std::max<std::size_t>(how.senders, 1);
  for (const auto& source : std::span{how.sources}.first(next.senders))
    what.senders.push_back(source.node);
  what.deadline =
      now_ + task_timeout +
      spi::timestamp{static_cast<std::int64_t>(what.bytes * 1'000'000 / slowest_bytes_a_second)};
  spend(what, rank);
  auto& added = tasks_.add(std::move(what));
  if (!setup_.rules.copy_before_relocating && added.to != added.from)
    moves_.push_back({{added.key, added.from, added.to}, added.id});
  out_.emit(std::move(next));
  return repair_queue::attempt::started;
}

void keeper::impl::on_done(ticket id, const order_result& result) {
  if (!leads())
    return;
  if (auto* which = tasks_.find(id); which && !which->is_copied)
    on_task_done(*which, result);
  else if (auto check = verifier_.on_done(id))
    on_checked(*check, result);
  else if (auto place = removals_.on_done(id, result))
    changes_.on_removed(place->node, place->key);
  may_start_tasks_ = true;
}

void keeper::impl::on_task_done(task& which, const order_result& result) {
  using outcome = order_result::outcome;
  if (result.what == outcome::done) {
    totals_.bytes_copied += which.bytes;
    tasks_.set_copied(which);
    changes_.on_stored(which.to, which.bytes);
    if (which.to == which.from)
      finish_task(which.id, true);
    else if (setup_.rules.copy_before_relocating)
      moves_.push_back({{which.key, which.from, which.to}, which.id});
    return;
  }
  // What one node says of another's fragment is a suspicion.
  if (result.what == outcome::source_failed && result.failed_source != no_node)
    if (auto at = std::ranges::find(which.unit.nodes, result.failed_source);
        at != which.unit.nodes.end())
      verifier_.add({result.failed_source, which.unit,
                     static_cast<std::uint32_t>(at - which.unit.nodes.begin()),
                     verifier::reason::suspicion});
  fail_task(which);
}

/// The next survey or walk finds the unit again.
void keeper::impl::fail_task(task& which) {
  ++totals_.orders_failed;
  wants_survey_ = true;
  std::erase_if(moves_, [&](const auto& move) { return move.task == which.id; });
  tasks_.erase(which.id);
}

void keeper::impl::fail_tasks_to(node_id target) {
  for (auto id : tasks_.awaited_from(target))
    fail_task(*tasks_.find(id));
}

/// Orders end with the process that they were given to.
void keeper::impl::on_orders_lost(node_id node) {
  fail_tasks_to(node);
  verifier_.on_orders_lost(node);
  removals_.on_orders_lost(node);
  auditor_.on_orders_lost(node, now_);
}

/// The fragment is where the state wants it.
void keeper::impl::finish_task(ticket id, bool is_relocated) {
  auto* which = tasks_.find(id);
  if (!which)
    return;
  auto done = std::move(*which);
  tasks_.erase(id);
  if (!is_relocated)
    return look_up_anew(done.key.unit);
  exceptions_.erase(done.from, done.key);
  done.unit.nodes[done.key.fragment] = done.to;
  tasks_.on_relocated(done.key, done.to);
  changes_.erase_leftover(done.to, done.key);
  if (done.why == task::purpose::repair) {
    ++totals_.fragments_mended;
    tell({notice::about::mended, done.key, done.to, done.from, done.spare});
  } else {
    ++totals_.fragments_moved;
    changes_.add_leftover(done.from, done.key, done.bytes, now_);
    tell({notice::about::moved, done.key, done.to, done.from, 0});
  }
  if (done.from != no_node && done.from != done.to)
    leave_behind(done.from, done.key);
  consider_rest(done.unit);
}

/// The unit after one of its tasks, whose record is as old as the task.
void keeper::impl::consider_rest(const unit_record& unit) {
  if (auto state = judge_.judge(unit); state && state->lost_fragments.empty())
    consider(unit, survey_.pass());
  else
    look_up_anew(unit.id); // what seems to be lacking may have been moved without an answer
}

/// What is known of the unit's places is of no use any more.
void keeper::impl::look_up_anew(const unit_id& unit) {
  queue_.erase(unit);
  to_look_up_.insert(unit);
}

/// A copy at the node isn't wanted any more, and stays for the grace time.
void keeper::impl::leave_behind(node_id node, const fragment_key& key) {
  recent_moves_.add(node, key, now_ + setup_.settings.grace);
  auditor_.expect_garbage_at(now_ + setup_.settings.grace);
}

/// The nodes whose copies the unit is about to take over.
std::vector<node_id> keeper::impl::adopting_nodes(const unit_id& unit) const {
  std::vector<node_id> nodes;
  for (const auto* moves : {&moves_, &moves_under_way_})
    for (const auto& move : *moves)
      if (move.task == 0 && move.what.key.unit == unit)
        nodes.push_back(move.what.to);
  return nodes;
}

void keeper::impl::send_fence() {
  if (is_fenced_ || fence_ != 0 || now_ < relocate_next_)
    return;
  fence_ = out_.next_ticket();
  out_.emit(relocate{fence_, term_, {}});
}

void keeper::impl::send_relocations() {
  if (relocate_ != 0 || moves_.empty() || !is_fenced_ || now_ < relocate_next_)
    return;
  auto count = std::min(moves_.size(), relocations_max);
  auto end = moves_.begin() + static_cast<std::ptrdiff_t>(count);
  moves_under_way_.assign(moves_.begin(), end);
  moves_.erase(moves_.begin(), end);
  relocate next;
  next.id = relocate_ = out_.next_ticket();
  next.term = term_;
  for (const auto& move : moves_under_way_)
    next.moves.push_back(move.what);
  out_.emit(std::move(next));
}

void keeper::impl::on_relocated(ticket id, std::span<const relocation_outcome> outcomes) {
  if (!leads() || id == 0)
    return;
  if (id == fence_) {
    is_fenced_ = true;
    fence_ = 0;
    // Until now a relocation of the earlier leader may have taken effect.
    restart_grace();
    return;
  }
  if (id != relocate_)
    return;
  relocate_ = 0;
  auto moves = std::exchange(moves_under_way_, {});
  for (std::size_t i = 0; i < moves.size() && i < outcomes.size(); ++i) {
    const auto& [what, task] = moves[i];
    out_.stale().on_changed(what.key.unit);
    auto is_moved = outcomes[i] == relocation_outcome::moved;
    if (is_moved)
      verifier_.on_relocated(what.key, what.to);
    // It may have been moved by a command that seemed to fail.
    if (outcomes[i] == relocation_outcome::is_elsewhere && what.from != no_node)
      leave_behind(what.from, what.key);
    if (task != 0) {
      finish_task(task, is_moved);
      continue;
    }
    look_up_anew(what.key.unit);
    if (!is_moved)
      continue;
    if (what.from != no_node)
      leave_behind(what.from, what.key);
    ++totals_.fragments_adopted;
    exceptions_.erase(what.from, what.key);
    changes_.erase_leftover(what.to, what.key);
    tell({notice::about::adopted, what.key, what.to, what.from, 0});
  }
  may_start_tasks_ = true;
}

void keeper::impl::on_command_failed(ticket id) {
  if (!leads() || id == 0)
    return;
  if (id == fence_) {
    fence_ = 0;
    relocate_next_ = now_ + pause_after_failed_command;
  } else if (id == relocate_) {
    relocate_ = 0;
    relocate_next_ = now_ + pause_after_failed_command;
    for (const auto& [what, task] : moves_under_way_) // they may have taken effect all the same
      if (what.from != no_node)
        leave_behind(what.from, what.key);
    moves_.insert(moves_.begin(), moves_under_way_.begin(), moves_under_way_.end());
    moves_under_way_.clear();
  } else if (auto known = declarations_.find(id); known != declarations_.end()) {
    nodes_.on_declaration_failed(known->second, now_);
    declarations_.erase(known);
  }
}

} // namespace atl::keep
