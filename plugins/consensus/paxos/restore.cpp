#include "replica.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

/// The start of a replica: what its disk says.
namespace atl::paxos {

void replica::start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) {
  now_ = now;
  if (stable.meta_corrupt)
    return stop_for_replacement(
        "the durable promise can't be read, and this replica must not guess it");
  restore(stable, applied);
  if (stopped_)
    return;
  publish_members();
  restart_election_timer();
  if (members_.current().voters == std::vector{self_})
    election_timer_.campaign_at(now_); // a group of one has no other leader to wait for
}

void replica::restore(const spi::stable_state& stable, spi::log_index applied) {
  auto is_new = !stable.meta;
  if (!restore_meta(stable.meta))
    return stop_for_replacement("the durable promise makes no sense");
  if (is_new && (applied > 0 || !stable.records.empty()))
    stop_for_replacement("the state machine has entries and the log's disk is empty: it was lost");
  if (stopped_)
    return;
  auto damaged = restore_log(stable.records, applied);
  if (stopped_)
    return;
  restore_snapshot(applied);
  if (applied < log_.base())
    return stop_for_replacement("the state machine is at entry " + std::to_string(applied) +
                                " and the log begins after " + std::to_string(log_.base()) +
                                ": they don't belong together");
  delivered_ = applied_ = applied;
  restore_damaged(damaged);
  if (!stopped_)
    restore_commit();
  if (stopped_)
    return;
  if (is_new)
    outbox_.write_meta(); // fixes the sizes of the quorums
  deliver();
}

std::string replica::encode_meta() const {
  spi::writer out;
  out.put(promised_).put(config_.quorums.prepare).put(config_.quorums.accept).put(log_.base());
  members_codec.put(out, members_.base());
  out.put(static_cast<std::uint32_t>(members_.changes().size()));
  for (auto& [index, members] : members_.changes()) {
    out.put(index);
    members_codec.put(out, members);
  }
  out.put(snapshot_.has_value());
  if (snapshot_) {
    out.put(snapshot_->index);
    members_codec.put(out, snapshot_->members);
  }
  return out.take();
}

std::optional<spi::log_index> replica::base_in(std::string_view meta) const {
  spi::reader in{meta};
  in.get<ballot>();        // the promise
  in.get<std::uint16_t>(); // the sizes of the quorums
  in.get<std::uint16_t>();
  auto base = in.get<spi::log_index>();
  return in.ok() ? std::optional{base} : std::nullopt;
}

bool replica::restore_meta(const std::optional<std::string>& bytes) {
  if (!bytes)
    return true;
  spi::reader in{*bytes};
  promised_ = in.get<ballot>();
  quorum_sizes written;
  written.prepare = in.get<std::uint16_t>();
  written.accept = in.get<std::uint16_t>();
  log_.cut(in.get<spi::log_index>());
  members_.rebase(log_.base(), members_codec.get(in));
  auto count = in.get_count(sizeof(spi::log_index));
  for (std::uint32_t i = 0; in.ok() && i < count; ++i) {
    auto index = in.get<spi::log_index>();
    members_.add(index, members_codec.get(in));
  }
  if (in.get<bool>()) {
    snapshot_.emplace();
    snapshot_->index = in.get<spi::log_index>();
    snapshot_->members = members_codec.get(in);
  }
  if (!in.done())
    return false;
  if (written != config_.quorums)
    stop("the log was written with prepare_quorum " + std::to_string(written.prepare) +
         " and accept_quorum " + std::to_string(written.accept) + ", and the options say " +
         std::to_string(config_.quorums.prepare) + " and " +
         std::to_string(config_.quorums.accept) +
         ": what was committed by the old quorums needn't meet the new ones; put the options back");
  return true;
}

/// @returns the indexes whose records can't be read.
std::set<spi::log_index> replica::restore_log(const std::vector<spi::stable_record>& records,
                                              spi::log_index applied) {
  std::set<spi::log_index> damaged;
  for (auto& record : records) {
    if (record.index <= log_.base())
      continue;
    auto read = record.state == spi::record_state::ok ? decode_slot(record.bytes) : std::nullopt;
    if (!read) {
      damaged.insert(record.index);
      continue;
    }
    if (record.index > std::max(applied, log_.last()) + 2 * ahead_max) {
      stop_for_replacement(record_at(record.index) + " is far after all others");
      break;
    }
    if (read->value.type == value_type::members && record.index <= applied)
      members_.add(record.index, *members_codec.decode(read->value.body));
    promised_ = std::max(promised_, read->accepted);
    log_.put(record.index, std::move(*read));
  }
  return damaged;
}

/// The log goes on from a snapshot that was installed right before a crash, or from which the host
/// has rebuilt the state machine. A snapshot that wasn't installed will be sent again.
void replica::restore_snapshot(spi::log_index applied) {
  if (rebuilt_)
    snapshot_ = std::exchange(rebuilt_, std::nullopt);
  auto taken = std::exchange(snapshot_, std::nullopt);
  if (!taken)
    return;
  if (applied >= taken->index && taken->index > log_.base()) {
    outbox_.erase(log_.base() + 1, taken->index);
    log_.cut(taken->index);
    members_.rebase(taken->index, taken->members);
  }
  outbox_.write_meta();
}

/// The state machine has applied some of the damaged entries; their records aren't needed. The rest
/// may be promises: until the others have committed something there, this replica makes no promise.
void replica::restore_damaged(const std::set<spi::log_index>& damaged) {
  auto needed = damaged.upper_bound(applied_);
  if (needed != damaged.begin()) {
    auto cut = *std::prev(needed);
    members_.cut(cut);
    outbox_.erase(log_.base() + 1, cut);
    log_.cut(cut);
    outbox_.write_meta();
  }
  damaged_.insert(needed, damaged.end());
  if (!damaged_.empty() && members_.current().voters == std::vector{self_})
    stop(record_at(*damaged_.begin()) +
         " can't be read; it may be committed, and there is no other replica that has it");
}

/// A change that was known to be committed still is, and so is everything before it.
void replica::restore_commit() {
  commit_ = std::max(applied_, members_.newest_change());
  if (!damaged_.empty() && commit_ >= *damaged_.begin())
    commit_ = *damaged_.begin() - 1;
  members_.truncate(commit_);
  verified_ = commit_;
  for (auto index = log_.base() + 1; index <= commit_ && !stopped_; ++index)
    if (!log_.holds(index))
      stop_for_replacement(record_at(index) + " is missing");
}

} // namespace atl::paxos
