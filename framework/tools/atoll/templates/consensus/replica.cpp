#include "replica.hpp"

#include <algorithm>
#include <iterator>
#include <stdexcept>

using namespace atl::spi;

namespace {

/// A message holds entries of about so many bytes; a larger entry is sent alone.
constexpr std::size_t batch_bytes_max = std::size_t{1} << 20;
/// So many applied entries are kept on the disk before they are erased together.
constexpr log_index erased_together = 100;

std::string encode(message_kind kind, log_index upto) {
  return writer{}.put(kind).put(upto).take();
}

} // namespace

replica::replica(const consensus_setup& setup)
    : self_{setup.self}, voters_{setup.voters}, heartbeat_{setup.options.integer("heartbeat")},
      failure_timeout_{setup.options.integer("failure_timeout")},
      backlog_max_{static_cast<std::size_t>(setup.options.integer("backlog"))} {
  if (failure_timeout_ < 2 * heartbeat_)
    throw std::invalid_argument("failure_timeout is shorter than two heartbeats, so a replica "
                                "would count as down while it is up: raise failure_timeout");
  if (std::ranges::find(voters_, self_) == voters_.end())
    throw std::invalid_argument("this replica is no member of the group, and this protocol never "
                                "changes the members: name all replicas before the first start");
  std::ranges::sort(voters_);
  for (auto voter : voters_)
    if (is_leader() && voter != self_)
      followers_[voter];
}

void replica::start(stable_state stable, log_index applied, timestamp now) {
  now_ = now;
  committed_ = applied;
  for (auto& record : stable.records)
    if (record.state != record_state::ok || !restore(record)) {
      out_.push_back(fatal{"record " + std::to_string(record.index) +
                           " of the log can't be read, or one before it is missing"});
      return;
    }
  first_ = stable.records.empty() ? applied + 1 : stable.records.front().index;
  durable_ = committed_before_start_ = last();
  for (auto& [id, progress] : followers_)
    progress.heard = now;
  out_.push_back(members_changed{voters_, {}});
  out_.push_back(role_changed{role(), 0, leader()});
  commit_what_all_have();
}

void replica::advance(timestamp now) {
  now_ = now;
  if (!is_leader() || now < next_heartbeat_)
    return;
  next_heartbeat_ = now + heartbeat_;
  for (auto& [id, progress] : followers_) {
    if (progress.acknowledged == progress.at_last_tick)
      progress.sent = progress.acknowledged; // messages may be lost: sends them again
    progress.at_last_tick = progress.acknowledged;
    out_.push_back(send{id, encode(message_kind::from_leader, committed_), 0});
    send_entries(id, progress);
  }
}

timestamp replica::deadline() const {
  return is_leader() ? next_heartbeat_ : timestamp::max();
}

void replica::step(replica_id from, std::string_view bytes) {
  reader in{bytes};
  auto kind = in.get_enum(message_kind::from_follower);
  auto upto = in.get<log_index>();
  auto follower = followers_.find(from);
  if (in.ok() && kind == message_kind::from_leader && from == leader() && !is_leader())
    follow(upto, in);
  else if (in.done() && kind == message_kind::from_follower && follower != followers_.end())
    take_acknowledgement(follower->first, follower->second, upto);
}

void replica::on_durable(persist_token token) {
  for (; !persisting_.empty() && persisting_.front().token <= token; persisting_.pop_front())
    durable_ = persisting_.front().index;
  for (auto& [id, progress] : followers_)
    send_entries(id, progress);
  commit_what_all_have();
}

void replica::propose(request_id id, std::string command) {
  if (auto obstacle = obstacle_to_writes(); !obstacle.empty())
    out_.push_back(refuse{id, refusal::not_proposed, hint(), obstacle});
  else if (backlog_ + command.size() > backlog_max_)
    out_.push_back(refuse{id, refusal::busy, hint(), "too many commands wait for a replica"});
  else
    append({.no_op = false, .command = std::move(command), .id = id});
}

/// Only the leader commits, so what it knows to be committed is all that was ever answered; after
/// a restart it has to commit again what its log held.
void replica::read(request_id id, read_level level) {
  if (level == read_level::local || (is_leader() && committed_ >= committed_before_start_))
    out_.push_back(read_ready{id, committed_});
  else if (is_leader())
    out_.push_back(read_refused{id, 0,
                                "the leader started again, and some replica has not "
                                "acknowledged yet what its log held"});
  else
    out_.push_back(read_refused{id, leader(), "the leader alone answers linearizable reads"});
}

void replica::reconfigure(request_id id, std::vector<replica_id> voters,
                          std::vector<replica_id> learners) {
  std::ranges::sort(voters);
  if (voters != voters_ || !learners.empty())
    out_.push_back(refuse{id, refusal::not_proposed, leader(),
                          "this protocol never changes the members of a group"});
  else if (auto obstacle = obstacle_to_writes(); !obstacle.empty())
    out_.push_back(refuse{id, refusal::not_proposed, hint(), obstacle});
  else
    append({.no_op = true, .command = {}, .id = id});
}

void replica::on_applied(log_index index) {
  if (index < first_ + erased_together)
    return;
  out_.push_back(persist{++last_token_, {erase_records{0, first_, index}}});
  first_ = index + 1;
}

void replica::drain(std::vector<effect>& out) {
  std::ranges::move(out_, std::back_inserter(out));
  out_.clear();
}

consensus_status replica::status() const {
  auto mine = std::ranges::count_if(log_, [](auto& entry) { return entry.id != 0; });
  return {.role = role(),
          .leader = leader(),
          .committed = committed_,
          .accepted = durable_,
          .first = first_,
          .pending = static_cast<std::size_t>(mine),
          .blocked = is_leader() ? obstacle_to_writes() : ""};
}

replica_role replica::role() const {
  return is_leader() ? replica_role::leader : replica_role::follower;
}

std::string replica::obstacle_to_writes() const {
  if (!is_leader())
    return "replica " + std::to_string(leader()) + " leads the group";
  for (auto& [id, progress] : followers_) {
    if (progress.heard + failure_timeout_ < now_)
      return "replica " + std::to_string(id) +
             " doesn't answer, and every replica must have an entry before it is committed";
    if (progress.is_known && progress.acknowledged < committed_)
      return "replica " + std::to_string(id) + " has lost entries that are committed";
  }
  return {};
}

bool replica::restore(const stable_record& record) {
  reader in{record.bytes};
  log_entry entry{.no_op = in.get<bool>(), .command = in.get_string()};
  if (!in.done() || record.index > last() + 1)
    return false;
  if (record.index == last() + 1)
    append_in_memory(std::move(entry));
  return true;
}

void replica::append_in_memory(log_entry entry) {
  backlog_ += entry.command.size();
  log_.push_back(std::move(entry));
}

void replica::append(log_entry entry) {
  auto bytes = writer{}.put(entry.no_op).put(entry.command).take();
  append_in_memory(std::move(entry));
  out_.push_back(persist{++last_token_, {put_record{0, last(), std::move(bytes)}}});
  persisting_.push_back({last_token_, last()});
}

void replica::follow(log_index committed, reader& in) {
  persist_token after = 0;
  auto acknowledged = durable_;
  if (!in.done()) {
    auto index = in.get<log_index>();
    std::vector<log_entry> entries;
    while (in.ok() && !in.rest().empty())
      entries.push_back({.no_op = in.get<bool>(), .command = in.get_string()});
    if (!in.done())
      return;
    for (auto& entry : entries)
      if (index++ == last() + 1) { // no gap, and not here yet
        append(std::move(entry));
        after = last_token_;
        acknowledged = last();
      }
  }
  out_.push_back(send{leader(), encode(message_kind::from_follower, acknowledged), after});
  commit(std::min(committed, durable_));
}

void replica::take_acknowledgement(replica_id id, follower_progress& progress, log_index upto) {
  if (upto > durable_)
    return; // no entry that this leader sent
  progress.is_known = true;
  progress.heard = now_;
  progress.acknowledged = std::max(progress.acknowledged, upto);
  progress.sent = std::max(progress.sent, progress.acknowledged);
  send_entries(id, progress);
  commit_what_all_have();
}

void replica::send_entries(replica_id id, follower_progress& progress) {
  auto is_waiting = progress.sent > progress.acknowledged;
  if (!progress.is_known || is_waiting || progress.acknowledged < committed_ ||
      progress.sent == durable_)
    return;
  writer out;
  out.put(message_kind::from_leader).put(committed_).put(progress.sent + 1);
  for (; progress.sent < durable_; ++progress.sent) {
    auto& entry = log_[static_cast<std::size_t>(progress.sent - committed_)];
    auto is_first = progress.sent == progress.acknowledged;
    if (!is_first && out.size() + entry.command.size() > batch_bytes_max)
      break;
    out.put(entry.no_op).put(entry.command);
  }
  out_.push_back(send{id, out.take(), 0});
}

void replica::commit_what_all_have() {
  if (!is_leader())
    return;
  auto upto = durable_;
  for (auto& [id, progress] : followers_)
    upto = std::min(upto, progress.acknowledged);
  commit(upto);
}

void replica::commit(log_index upto) {
  apply ready;
  while (committed_ < upto) {
    auto& entry = log_.front();
    backlog_ -= entry.command.size();
    ready.entries.push_back({++committed_, entry.id, entry.no_op, std::move(entry.command)});
    log_.pop_front();
  }
  if (!ready.entries.empty())
    out_.push_back(std::move(ready));
}
