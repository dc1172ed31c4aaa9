#include "replica.hpp"

#include <algorithm>

namespace atl::raft {

replica::replica(const spi::consensus_setup& setup) : replica{setup, read_config(setup.options)} {}

replica::replica(const spi::consensus_setup& setup, const config& options)
    : leader_based_replica{setup, options, members_max}, config_{options} {}

// -- start ------------------------------------------------------------------------------------

void replica::start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) {
  now_ = now;
  if (stable.meta_corrupt)
    return stop_for_replacement(
        "the durable term and vote can't be read, and this replica must not guess them");
  restore(stable, applied);
  if (stopped_)
    return;
  publish_members();
  if (promise_.begin(now_, config_.lease ? config_.election_timeout : spi::timestamp{0}))
    outbox_.write_promise();
  restart_election_timer();
  if (members_.current().all_voters() == std::vector{self_})
    election_timer_.campaign_at(now_); // a group of one has no other leader to wait for
  election_timer_.not_before(promised_until());
}

void replica::restore(const spi::stable_state& stable, spi::log_index applied) {
  if (!restore_meta(stable.meta))
    return stop_for_replacement("the durable term and vote make no sense");
  if (!stable.meta && (applied > 0 || !stable.records.empty()))
    return stop_for_replacement(
        "the state machine has entries and the log's disk is empty: it was lost");
  if (!restore_log(stable.records))
    return;
  restore_snapshot(applied);
  if (applied < log_.base() || applied > log_.last())
    return stop_for_replacement("the state machine is at entry " + std::to_string(applied) +
                                " and the log reaches from " + std::to_string(log_.base()) +
                                " to " + std::to_string(log_.last()) +
                                ": they don't belong together");
  commit_ = delivered_ = applied_ = verified_ = applied;
  durable_ = log_.last();
}

std::optional<spi::log_index> replica::base_in(std::string_view meta) const {
  spi::reader in{meta};
  in.get<std::uint64_t>();   // the term
  in.get<spi::replica_id>(); // the vote
  auto base = in.get<spi::log_index>();
  return in.ok() ? std::optional{base} : std::nullopt;
}

bool replica::restore_meta(const std::optional<std::string>& bytes) {
  if (!bytes)
    return true;
  spi::reader in{*bytes};
  term_ = in.get<std::uint64_t>();
  vote_ = in.get<spi::replica_id>();
  auto base = in.get<spi::log_index>();
  log_.reset(base, in.get<std::uint64_t>());
  members_.rebase(base, members_codec.get(in));
  if (in.get<bool>()) {
    snapshot_.emplace();
    snapshot_->index = in.get<spi::log_index>();
    snapshot_->term = in.get<std::uint64_t>();
    snapshot_->members = members_codec.get(in);
  }
  if (!in.rest().empty()) // versions without leases wrote no promise
    promise_.restore(spi::timestamp{in.get<std::int64_t>()});
  return in.done();
}

std::string replica::encode_meta() const {
  spi::writer out;
  out.put(term_).put(vote_).put(log_.base()).put(log_.term_at(log_.base()));
  members_codec.put(out, members_.base());
  out.put(snapshot_.has_value());
  if (snapshot_) {
    out.put(snapshot_->index).put(snapshot_->term);
    members_codec.put(out, snapshot_->members);
  }
  out.put(promise_.longest().count());
  return out.take();
}

bool replica::restore_log(const std::vector<spi::stable_record>& records) {
  for (auto& record : records) {
    if (record.index <= log_.base())
      continue;
    auto read = record.state == spi::record_state::ok ? decode_entry(record.bytes) : std::nullopt;
    if (!read)
      stop_for_replacement("the record of stream " + std::to_string(record.stream) + " at index " +
                           std::to_string(record.index) +
                           " can't be read; it may be committed, so it isn't taken for missing");
    else if (record.index != log_.last() + 1)
      stop_for_replacement(record_at(log_.last() + 1) + " is missing");
    if (stopped_)
      return false;
    if (read->type == entry_type::members)
      members_.add(record.index, *members_codec.decode(read->body));
    log_.append(std::move(*read));
  }
  return true;
}

/// The log goes on from a snapshot that was installed right before a crash, or from which the host
/// has rebuilt the state machine. A snapshot that wasn't installed will be sent again.
void replica::restore_snapshot(spi::log_index applied) {
  if (rebuilt_)
    snapshot_ = std::exchange(rebuilt_, std::nullopt);
  auto taken = std::exchange(snapshot_, std::nullopt);
  if (!taken)
    return;
  auto known = taken->index >= log_.base() && taken->index <= log_.last() &&
               log_.term_at(taken->index) == taken->term;
  if (applied >= taken->index && !known)
    replace_log(*taken);
  outbox_.write_meta();
}

// -- durable state ----------------------------------------------------------------------------

void replica::append(entry it) {
  auto index = log_.last() + 1;
  it.token = outbox_.next_token();
  outbox_.write(spi::put_record{leader_based::log_stream, index, encode(it)});
  if (it.type == entry_type::members)
    members_.add(index, *members_codec.decode(it.body));
  log_.append(std::move(it));
}

/// A snapshot stands for all that the log had, or should have.
void replica::replace_log(const pending_snapshot& snapshot) {
  outbox_.erase(log_.base() + 1, log_.last());
  members_.truncate(0);
  members_.rebase(snapshot.index, snapshot.members);
  log_.reset(snapshot.index, snapshot.term);
  durable_ = snapshot.index;
}

void replica::on_persisted(bool changed) {
  while (durable_ < log_.last() && outbox_.is_durable(log_.at(durable_ + 1).token))
    ++durable_;
  if (auto* it = std::get_if<follower>(&role_); it && changed)
    it->response_wanted = true;
  count_own_vote();
  advance_commit();
}

// -- commit -----------------------------------------------------------------------------------

std::uint64_t replica::agreed(const value_of& value) const {
  auto by_majority = [&](const leader_based::id_list& voters) {
    return reached_by(voters, voters.size() / 2 + 1, value);
  };
  auto& group = members_.current();
  auto reached = by_majority(group.voters);
  return group.is_joint() ? std::min(reached, by_majority(group.old_voters)) : reached;
}

/// An entry of an earlier term is committed only together with one of this leader's own term after
/// it (dissertation, 3.6.2).
void replica::advance_commit() {
  auto* it = std::get_if<leader>(&role_);
  if (!it)
    return;
  auto reached = agreed([&](spi::replica_id id) -> spi::log_index {
    auto* peer = it->find(id);
    return id == self_ ? durable_ : peer ? peer->log.match() : 0;
  });
  if (reached >= it->term_start)
    set_commit(reached);
}

void replica::set_commit(spi::log_index index) {
  if (index <= commit_)
    return;
  commit_ = index;
  deliver();
  advance_change();
}

// -- calls ------------------------------------------------------------------------------------

void replica::advance(spi::timestamp now) {
  if (!stopped_ && promise_.expire_old(std::max(now_, now)))
    outbox_.write_meta();
  leader_based_replica::advance(now);
}

void replica::propose(spi::request_id id, std::string command) {
  if (stopped_)
    return;
  if (auto it = obstacle_to_propose(std::get_if<leader>(&role_)))
    return refuse(id, std::move(it));
  if (auto it = obstacle_of_size(command.size(), log_.last() - commit_, log_.bytes()))
    return refuse(id, std::move(it));
  append({term_, entry_type::command, std::move(command), id});
}

void replica::receive(spi::replica_id from, std::string_view bytes) {
  if (auto what = decode(bytes))
    std::visit([&](auto& it) { on_message(from, what->term, it); }, what->body);
}

void replica::send_message(spi::replica_id to, const body& what) {
  outbox_.send(to, encode(term_, what), outbox_.promise_token());
}

std::string replica::blocked() const {
  if (auto* it = std::get_if<leader>(&role_); it && commit_ < it->term_start)
    return "the leader is new and hasn't committed anything yet";
  return leader_ == 0 ? "no leader is elected" : "";
}

} // namespace atl::raft
