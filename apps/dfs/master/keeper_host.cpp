#include "master/keeper_host.hpp"

#include "master/keeper_log.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace dfs {

namespace {

using namespace atl::keep;

/// Failure domains of nodes without a zone: each is its own.
constexpr std::uint32_t own_domains = 0x8000'0000;
constexpr std::size_t waiting_orders_max = 10'000; ///< for one node; beyond, orders are dropped

unit_id unit_of(const chunk_id& id) {
  return {id.made_us, id.random};
}

chunk_id chunk_of(const unit_id& id) {
  return {id.high, id.low};
}

unit_record record_of(const chunk_record& chunk) {
  return {unit_of(chunk.id), chunk.size_bytes, chunk.policy, chunk.crc, chunk.nodes};
}

std::vector<unit_record> records_of(const std::vector<chunk_record>& chunks) {
  std::vector<unit_record> records;
  records.reserve(chunks.size());
  for (const auto& chunk : chunks)
    records.push_back(record_of(chunk));
  return records;
}

atl::keep::node_state state_of(storage_state state) {
  switch (state) {
  case storage_state::active:
    return node_state::active;
  case storage_state::draining:
    return node_state::draining;
  case storage_state::dead:
    return node_state::dead;
  case storage_state::forgotten:
    break;
  }
  return node_state::forgotten;
}

storage_state state_of(node_state state) {
  switch (state) {
  case node_state::active:
    return storage_state::active;
  case node_state::draining:
    return storage_state::draining;
  case node_state::dead:
    return storage_state::dead;
  case node_state::forgotten:
    break;
  }
  return storage_state::forgotten;
}

order_result result_of(const protocol::task_result& result) {
  using protocol::task_outcome;
  using outcome = order_result::outcome;
  switch (result.outcome) {
  case task_outcome::ok:
    return {outcome::done, no_node};
  case task_outcome::not_found:
    return {outcome::not_found, no_node};
  case task_outcome::corrupt:
    return result.failed_source == no_storage
               ? order_result{outcome::damaged, no_node}
               : order_result{outcome::source_failed, result.failed_source};
  case task_outcome::no_space:
    return {outcome::no_space, no_node};
  case task_outcome::source_failed:
    return {outcome::source_failed, result.failed_source};
  case task_outcome::failed:
  case task_outcome::refused:
    break;
  }
  return {outcome::failed, no_node};
}

atl::keep::relocation_outcome outcome_of(responses::relocation_outcome outcome) {
  using from = responses::relocation_outcome;
  using to = atl::keep::relocation_outcome;
  switch (outcome) {
  case from::done:
    return to::moved;
  case from::no_such_chunk:
    return to::no_such_unit;
  case from::is_elsewhere:
    return to::is_elsewhere;
  case from::impossible:
    return to::impossible;
  case from::superseded:
    break;
  }
  return to::superseded;
}

} // namespace

keeper_host::keeper_host(keeper_settings settings, std::uint64_t seed, services with)
    : settings_{settings}, services_{std::move(with)},
      last_batch_{seed}, keeper_{{settings,
                                  {},
                                  [this](atl::keep::policy_id id) -> const policy_plugins* {
                                    auto known = policies_.find(id);
                                    return known == policies_.end() ? nullptr
                                                                    : &known->second.plugins;
                                  },
                                  seed}} {}

void keeper_host::enter(time now) {
  keeper_.advance(std::chrono::duration_cast<atl::spi::timestamp>(now.time_since_epoch()));
}

keeper_host::time keeper_host::deadline() const {
  return time{std::chrono::duration_cast<time::duration>(keeper_.deadline())};
}

void keeper_host::advance(time now) {
  enter(now);
  drain();
}

void keeper_host::on_leadership(bool leads, std::uint64_t term, time now) {
  if (leads == leads_ && term == term_)
    return;
  enter(now);
  leads_ = leads;
  term_ = term;
  ++generation_;
  mailboxes_.clear();
  to_hurry_.clear();
  if (leads)
    keeper_.on_lead(term);
  else
    keeper_.on_follow();
  drain();
}

void keeper_host::on_settings(const keeper_settings& settings, time now) {
  if (settings == settings_)
    return;
  enter(now);
  settings_ = settings;
  keeper_.on_settings(settings);
  drain();
}

void keeper_host::on_policy(policy_id id, const dfs::policy& what, placement_plugins plugins,
                            time now) {
  enter(now);
  policies_[id] = {what, {std::move(plugins.recovery), std::move(plugins.balancer)}};
  keeper_.on_policy(id);
  drain();
}

void keeper_host::on_summary(const responses::summary& counts,
                             const std::vector<responses::storage_node>& nodes, time now) {
  enter(now);
  std::vector<node_record> records;
  for (const auto& node : nodes) {
    names_[node.id] = node.name;
    records.push_back({node.id, state_of(node.state)});
  }
  keeper_.on_nodes(records);
  keeper_.on_state(counts.applied, counts.chunks, counts.incomplete_chunks);
  keeper_.on_watermark({counts.gc_watermark_us, 0});
  drain();
}

void keeper_host::on_watermark(std::uint64_t gc_watermark_us, time now) {
  enter(now);
  keeper_.on_watermark({gc_watermark_us, 0});
  drain();
}

void keeper_host::on_heartbeat(const storage_registry::node& node,
                               const protocol::storage_heartbeat& heartbeat, time now) {
  if (node.id == no_storage)
    return;
  enter(now);
  names_[node.id] = heartbeat.name;
  vitals what;
  what.capacity_bytes = heartbeat.capacity_bytes;
  what.free_bytes = heartbeat.free_bytes;
  what.used_bytes = heartbeat.used_bytes;
  what.fragments = heartbeat.chunks;
  what.weight = heartbeat.weight;
  what.in_flight = heartbeat.in_flight;
  what.takes_data = heartbeat.failed.empty() && storage_registry::has_joined(node);
  what.domain = heartbeat.zone.empty()
                    ? own_domains | node.id
                    : zones_.try_emplace(heartbeat.zone, zones_.size() + 1).first->second;
  on_orders_taken(node, heartbeat);
  keeper_.on_heard(node.id, heartbeat.incarnation, what);
  for (const auto& finding : heartbeat.findings)
    keeper_.on_fragment(node.id, {unit_of(finding.chunk), finding.fragment},
                        fragment_condition::damaged);
  for (const auto& result : heartbeat.done)
    if (result.term == term_)
      keeper_.on_done(result.id, result_of(result));
  if (heartbeat.slice && heartbeat.slice->term == term_) {
    std::vector<held_fragment> held;
    held.reserve(heartbeat.slice->held.size());
    for (const auto& each : heartbeat.slice->held)
      held.push_back({{unit_of(each.chunk), each.fragment}, each.generation});
    keeper_.on_slice(heartbeat.slice->id, held, heartbeat.slice->last);
  }
  drain();
}

// -- what the keeper wants -----------------------------------------------------------------------

/// Services may call back at once, from within an effect.
void keeper_host::drain() {
  if (std::exchange(is_draining_, true))
    return;
  for (auto effects = keeper_.take_effects(); !effects.empty(); effects = keeper_.take_effects())
    for (const auto& each : effects)
      std::visit([this](const auto& what) { carry_out(what); }, each);
  is_draining_ = false;
  for (auto node : std::exchange(to_hurry_, {}))
    services_.hurry(name_of(node));
}

template <class Answer, class Then>
void keeper_host::ask(ticket id, const query_message& what, Then then) {
  services_.query(
      what, [this, id, then, generation = generation_](atl::result<std::string> bytes) mutable {
        if (generation != generation_)
          return;
        auto answer = bytes ? decode_response<Answer>(*bytes)
                            : atl::result<Answer>{tl::unexpected{bytes.error()}};
        enter(std::chrono::steady_clock::now());
        if (answer)
          then(*answer);
        else
          keeper_.on_query_failed(id);
        drain();
      });
}

void keeper_host::carry_out(const unit_query& what) {
  auto id = what.id;
  switch (what.what) {
  case unit_query::scope::incomplete:
    return ask<responses::incomplete_page>(
        id, queries::incomplete{what.after_spare, chunk_of(what.after), what.units_max},
        [this, id](const responses::incomplete_page& page) {
          std::vector<unit_record> units;
          for (const auto& each : page.chunks)
            units.push_back(record_of(each.chunk));
          keeper_.on_page(id, units, page.more,
                          page.chunks.empty() ? std::uint8_t{0} : page.chunks.back().spare);
        });
  case unit_query::scope::on_node:
    return ask<responses::chunk_page>(
        id, queries::chunks_on{what.node, chunk_of(what.after), what.units_max},
        [this, id](const responses::chunk_page& page) {
          keeper_.on_page(id, records_of(page.chunks), page.more);
        });
  case unit_query::scope::known:
    break;
  }
  std::vector<chunk_id> ids;
  for (const auto& unit : what.ids)
    ids.push_back(chunk_of(unit));
  ask_known(id, std::move(ids), {});
}

/// An answer may cover only the first of the chunks.
void keeper_host::ask_known(ticket id, std::vector<chunk_id> ids, std::vector<unit_record> found) {
  queries::known lookup{ids};
  ask<responses::known_chunks>(id, lookup,
                               [this, id, ids = std::move(ids), found = std::move(found)](
                                   const responses::known_chunks& answer) mutable {
                                 for (auto& record : records_of(answer.chunks))
                                   found.push_back(std::move(record));
                                 auto examined = std::min<std::size_t>(answer.examined, ids.size());
                                 if (examined == 0 && !ids.empty())
                                   return keeper_.on_query_failed(id);
                                 ids.erase(ids.begin(),
                                           ids.begin() + static_cast<std::ptrdiff_t>(examined));
                                 if (ids.empty())
                                   keeper_.on_page(id, found, false);
                                 else
                                   ask_known(id, std::move(ids), std::move(found));
                               });
}

void keeper_host::hurry(node_id node) {
  if (std::ranges::find(to_hurry_, node) == to_hurry_.end())
    to_hurry_.push_back(node);
}

void keeper_host::carry_out(const slice_query& what) {
  mailboxes_[what.node].waiting.slice = what;
  hurry(what.node);
}

void keeper_host::carry_out(const order& what) {
  auto& waiting = mailboxes_[what.at].waiting;
  if (what.what == order::work::remove) {
    if (waiting.removals.size() < waiting_orders_max)
      waiting.removals.push_back(
          {chunk_of(what.key.unit), what.key.fragment, what.generation, what.id});
  } else if (waiting.tasks.size() < waiting_orders_max) {
    waiting.tasks.push_back(what);
  }
  hurry(what.at);
}

void keeper_host::carry_out(const relocate& what) {
  commands::relocate command;
  command.term = what.term;
  for (const auto& move : what.moves)
    command.moves.push_back({chunk_of(move.key.unit), move.key.fragment, move.from, move.to});
  services_.submit(
      command, [this, id = what.id, generation = generation_](atl::result<std::string> bytes) {
        if (generation != generation_)
          return;
        auto answer = bytes ? decode_response<responses::relocated>(*bytes)
                            : atl::result<responses::relocated>{tl::unexpected{bytes.error()}};
        enter(std::chrono::steady_clock::now());
        if (answer) {
          std::vector<relocation_outcome> outcomes;
          for (auto outcome : answer->outcomes)
            outcomes.push_back(outcome_of(outcome));
          keeper_.on_relocated(id, outcomes);
        } else {
          keeper_.on_command_failed(id);
        }
        drain();
      });
}

void keeper_host::carry_out(const set_node_state& what) {
  services_.submit(commands::set_storage{what.node, state_of(what.to)},
                   [this, id = what.id, generation = generation_](atl::result<std::string> bytes) {
                     if (generation != generation_)
                       return;
                     auto answer =
                         bytes ? decode_response<responses::changed>(*bytes)
                               : atl::result<responses::changed>{tl::unexpected{bytes.error()}};
                     enter(std::chrono::steady_clock::now());
                     if (!answer) // otherwise the next summary shows the new state
                       keeper_.on_command_failed(id);
                     drain();
                   });
}

void keeper_host::carry_out(const notice& what) {
  log_notice(what, chunk_of(what.key.unit), [this](node_id node) { return name_of(node); });
}

std::string keeper_host::name_of(node_id node) const {
  auto known = names_.find(node);
  return known == names_.end() ? std::to_string(node) : known->second;
}

// -- orders --------------------------------------------------------------------------------------

protocol::repair_task keeper_host::task_of(const order& what,
                                           const storage_registry& registry) const {
  protocol::repair_task task;
  task.id = what.id;
  task.kind = what.what == order::work::copy      ? protocol::task_kind::copy
              : what.what == order::work::rebuild ? protocol::task_kind::rebuild
                                                  : protocol::task_kind::verify;
  task.chunk = chunk_of(what.key.unit);
  task.fragment = what.key.fragment;
  task.fragment_bytes = what.fragment_bytes;
  task.chunk_bytes = what.unit_bytes;
  task.chunk_crc = what.unit_checksum;
  task.policy = what.policy;
  for (const auto& source : what.sources)
    if (auto* node = registry.find(source.node);
        node && task.sources.size() < protocol::task_sources_max)
      task.sources.push_back({source.fragment, node->last.bulk, source.node});
  if (auto policy = policies_.find(what.policy); policy != policies_.end()) {
    task.how = policy->second.what.durability;
    auto copies_chunk = task.kind == protocol::task_kind::copy &&
                        policy->second.plugins.recovery->layout().identical;
    if (task.kind == protocol::task_kind::rebuild || copies_chunk)
      task.scheme = policy->second.what;
  }
  return task;
}

/// A node's new process has none of the orders that an earlier one was given; the keeper decides
/// anew what it is to do.
void keeper_host::on_orders_taken(const storage_registry::node& node,
                                  const protocol::storage_heartbeat& heartbeat) {
  auto& mailbox = mailboxes_[node.id];
  if (mailbox.incarnation != heartbeat.incarnation)
    mailbox = {heartbeat.incarnation, {}, {}, 0};
  if (mailbox.batch != 0 && heartbeat.batch_taken == mailbox.batch) {
    mailbox.given = {};
    mailbox.batch = 0;
  }
}

keeper_host::orders keeper_host::next_batch(orders& waiting) {
  orders next;
  auto move_some = [](auto& from, auto& to, std::size_t count_max) {
    auto end = from.begin() + static_cast<std::ptrdiff_t>(std::min(from.size(), count_max));
    std::move(from.begin(), end, std::back_inserter(to));
    from.erase(from.begin(), end);
  };
  move_some(waiting.removals, next.removals, protocol::fragments_max);
  move_some(waiting.tasks, next.tasks, protocol::tasks_max);
  next.slice = std::exchange(waiting.slice, std::nullopt);
  return next;
}

void keeper_host::give_orders(const storage_registry::node& node, const storage_registry& registry,
                              protocol::storage_commands& into) {
  auto known = mailboxes_.find(node.id);
  if (!leads_ || known == mailboxes_.end())
    return;
  auto& mailbox = known->second;
  if (mailbox.batch == 0) {
    mailbox.given = next_batch(mailbox.waiting);
    if (mailbox.given.is_empty())
      return;
    mailbox.batch = ++last_batch_;
  }
  const auto& given = mailbox.given;
  into.batch = mailbox.batch;
  into.remove.assign(given.removals.begin(), given.removals.end());
  for (const auto& task : given.tasks)
    into.tasks.push_back(task_of(task, registry));
  if (given.slice)
    into.slice_from = protocol::slice_request{given.slice->id, chunk_of(given.slice->from.unit),
                                              given.slice->from.fragment};
}

std::uint64_t keeper_host::request_audit(time now) {
  enter(now);
  auto round = keeper_.request_audit();
  drain();
  return round;
}

void keeper_host::request_rebalance(time now) {
  enter(now);
  keeper_.request_rebalance();
  drain();
}

protocol::rebalance_state keeper_host::plan_rebalance() const {
  auto plan = keeper_.plan_rebalance();
  protocol::rebalance_state state;
  state.mean = plan.mean;
  state.threshold = plan.threshold;
  state.rate = plan.rate;
  state.bytes = plan.bytes;
  state.under_way = plan.under_way;
  state.waits_for_audit = plan.waits_for_audit;
  std::map<node_id, std::uint32_t> index;
  for (const auto& node : plan.nodes) {
    if (state.nodes.size() >= protocol::storages_max)
      break;
    index[node.id] = static_cast<std::uint32_t>(state.nodes.size());
    state.nodes.push_back({name_of(node.id), node.use, node.bytes_over, node.bytes_below});
  }
  for (const auto& move : plan.moves)
    if (index.contains(move.from) && index.contains(move.to) &&
        state.moves.size() < protocol::rebalancing_moves_max)
      state.moves.push_back({index[move.from], index[move.to], move.bytes});
  return state;
}

} // namespace dfs
