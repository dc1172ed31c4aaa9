#pragma once

#include "config.hpp"
#include "entry_log.hpp"
#include "members.hpp"
#include "replica_state.hpp"
#include "wire.hpp"

#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace atl::two_phase {

/// A write-all replicated log: every voter prepares each entry before the coordinator, the voter
/// with the lowest id, commits it. README.md describes the protocol and argues its safety.
///
/// The class is spread over several files; its declarations are grouped by file.
///
/// Not thread-safe: the host makes one call at a time.
class replica final : public spi::consensus {
 public:
  /// @throws std::invalid_argument when the options contradict each other, or the voters are not 1
  /// to 64 distinct ids above 0.
  explicit replica(const spi::consensus_setup& setup);

  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override;
  void advance(spi::timestamp now) override;
  spi::timestamp deadline() const override;
  void step(spi::replica_id from, std::string_view bytes) override;
  void on_durable(spi::persist_token token) override;
  void on_unreachable(spi::replica_id id) override;
  void propose(spi::request_id id, std::string command) override;
  void read(spi::request_id id, spi::read_level level) override;
  void on_validated(std::uint64_t ticket, bool ok, std::string_view reason) override;
  void reconfigure(spi::request_id id, std::vector<spi::replica_id> voters,
                   std::vector<spi::replica_id> learners) override;
  void transfer(spi::replica_id to) override;
  void on_applied(spi::log_index index) override;
  void on_snapshot_sent(spi::replica_id to, bool ok) override;
  void on_snapshot_received(spi::log_index index, std::string_view blob) override;
  std::string snapshot_blob(spi::log_index index) const override;
  void on_installed(spi::log_index index) override;
  void declare_lost(spi::replica_id id) override;
  void drain(std::vector<spi::effect>& out) override;
  spi::consensus_status status() const override;

  /// Number of messages dropped because they were malformed, came from an earlier incarnation or
  /// epoch, or named an index outside the accepted window.
  std::uint64_t dropped() const { return dropped_; }

 private:
  // -- group.cpp
  bool is_coordinator() const { return coordinating_; }
  const membership& members() const { return groups_.rbegin()->second; }
  spi::log_index members_since() const { return groups_.rbegin()->first; }
  const membership& known_group() const { return complete_ ? members() : latest_group_.group; }
  bool is_voter() const { return known_group().is_voter(self_); }
  bool is_member() const;
  spi::replica_id lowest(const membership& of) const;
  spi::replica_id leader_id() const { return lowest(latest_group_.group); }
  bool should_coordinate() const;
  std::vector<spi::replica_id> other_voters() const;
  std::optional<change_entry> change_in_doubt() const;
  void on_group_changed();
  void update_active_peers();
  void publish_members();
  void become_coordinator();
  void become_participant();
  void adopt_group(const effective_membership& it);
  void take_effect(spi::log_index index, const change_entry& entry);
  bool add_lost(const std::vector<spi::replica_id>& ids);
  void set_quorum(std::vector<spi::replica_id> ids);
  std::uint64_t bit_of(spi::replica_id id) const;
  peer* find_peer(spi::replica_id id);
  peer* find_or_add_peer(spi::replica_id id);
  void forget_silent_nonmembers();

  // -- changes.cpp
  obstacle change_refusal_reason(const membership& wanted) const;
  void advance_change();
  bool have_joiners_caught_up();
  void raise_epoch(std::uint64_t epoch);
  void propose_change();
  void refuse_change(obstacle why);

  // -- replica.cpp and snapshots.cpp
  void load(const spi::stable_state& stable, spi::log_index applied, bool& intact);
  bool load_meta(const spi::stable_state& stable, meta_record& meta);
  void publish_role();
  void install_when_durable();
  bool waits_for_barrier(spi::log_index index, const slot& it);
  void stop(std::string reason);
  void tick();
  void advance_decided();
  void flush_apply();
  void cut_log();

  // -- messages.cpp
  void dispatch(peer& from, const header& head, spi::reader& in);
  header head_for(const peer& to, message_type type) const;
  void emit_send(spi::replica_id to, std::string bytes, spi::persist_token after);
  void send_heartbeats();
  void send_heartbeat(peer& to, bool asks = false);
  void on_heartbeat(peer& from, const header& head, const heartbeat& body);
  void on_heard(peer& from, const header& head);
  bool is_down(const peer& it) const;
  std::string describe_silence(const peer& it) const;

  // -- coordinator.cpp
  void start_coordinator(bool intact);
  void recover_open_index(spi::log_index index, bool alone);
  void commit(spi::log_index index);
  void abort(spi::log_index index, obstacle why);
  void finalize(spi::log_index index);
  void finalize_change(spi::log_index index, bool commits);
  void on_peer_heartbeat(peer& from, const header& head, const heartbeat& body);
  void watch_peers();
  spi::log_index applied_by_all() const;

  // -- proposals.cpp
  obstacle write_refusal_reason() const;
  obstacle proposal_refusal_reason() const;
  void refuse_proposal(spi::request_id id, obstacle why, spi::replica_id hint = 0);
  void redirect_to_coordinator(spi::request_id id);
  void append(spi::request_id id, entry_kind kind, std::string command);
  /// Number of log slots after `decided_`; some of them may be decided.
  std::size_t open_entries() const;

  // -- votes.cpp
  void on_votes(peer& from, const header& head, const std::vector<vote_entry>& votes);
  bool is_open(spi::log_index index) const;
  bool record_vote(spi::log_index index, std::uint64_t bit);
  bool record_own_vote(spi::log_index index);
  std::string missing_votes(std::uint64_t votes) const;
  spi::timestamp vote_deadline() const;
  void abort_overdue();
  void abort_open(const peer& missing, bool all, const std::string& reason);

  // -- coordinator_messages.cpp
  void send_prepares(peer& to, const std::vector<spi::log_index>& indexes);
  void flush_prepares();
  void flush_decisions();
  void resend_prepares();

  // -- pending_reads.cpp
  void check_reads();
  void refuse_reads();
  spi::log_index read_target() const;
  std::string read_refusal_reason() const;

  // -- persistence.cpp
  spi::persist_token open_token() const { return token_ + 1; }
  spi::persist_token after_queued_ops();
  spi::persist_token after_hard_state() const;
  void put_meta();
  void put_hard_state();
  void put_decision(spi::log_index index, bool commit);
  void put_prepare(spi::log_index index, const slot& it);

  // -- participant.cpp
  void promise(std::uint64_t epoch);
  void on_coordinator_heartbeat(peer& from, const header& head, const heartbeat& body);
  void on_prepare(const header& head, const std::vector<prepare_entry>& entries);
  void on_prepare_entry(const prepare_entry& entry);
  bool can_vote_on(const prepare_entry& entry) const;
  void on_decisions(const std::vector<decide_entry>& decisions);
  void answer_validation(const validation& asked, bool ok, std::string_view reason);
  void prepare_here(spi::log_index index, entry_kind kind, std::string command);
  void flush_votes();
  void become_complete_when_caught_up();

  // -- learning.cpp
  bool learn(const known_entry& entry);
  void send_fetch(peer& to, spi::log_index from, bool in_doubt, snapshot_mode snapshot);
  spi::log_index disclosed_up_to(spi::replica_id id) const;
  void serve_fetch(peer& from, const fetch& body);
  bool fill(entries& out, const fetch& body) const;
  void on_entries(peer& from, const header& head, const entries& body);
  void learn_all(const entries& body);
  void fetch_when_stalled();
  peer* choose_fetch_target();

  // -- recovery.cpp
  void take_over();
  std::vector<spi::replica_id> replicas_to_collect() const;
  void begin_collecting();
  void advance_phase();
  void collect_next();
  void on_collected(peer& from, const entries& body);
  void forget_collected(peer& from);
  void resolve();
  decision decide_lost(const slot* it) const;
  std::string remedy() const;
  void block_collecting(std::string reason);
  void finish_recovery(spi::log_index last);

  const config config_;
  const spi::replica_id self_;
  const std::uint64_t incarnation_;
  /// The voters of the group when it was created, in order.
  std::vector<spi::replica_id> initial_voters_;
  std::uint64_t group_ = 0;

  // Membership. A decided change is durable before the state machine applies the change's index.
  std::map<spi::log_index, membership> groups_; ///< decided memberships, by the index of the change
  /// The newest membership reported by any peer; may be newer than this replica's log.
  effective_membership latest_group_;
  std::vector<spi::replica_id> declared_lost_; ///< in ascending order
  /// The peers that this replica exchanges messages with, in order.
  std::vector<spi::replica_id> active_peers_;
  std::map<spi::replica_id, peer> peers_;
  /// The replicas whose votes the open entries need, in order.
  std::vector<spi::replica_id> quorum_;
  std::uint64_t all_votes_ = 0; ///< one bit for each member of `quorum_`
  membership published_members_;
  bool coordinating_ = false;
  bool was_participant_ = false;
  /// Membership of a change whose decision is being written to the disk.
  std::optional<effective_membership> deciding_group_;
  std::optional<pending_change> change_;
  /// Acknowledged when the newest membership and the newest learned abort are durable.
  spi::persist_token commit_barrier_ = 0;
  /// Index of the change that removes this coordinator, which is applied only when another voter
  /// knows the decision; 0: none.
  spi::log_index handover_index_ = 0;
  std::optional<pending_snapshot> snapshot_;

  spi::timestamp now_{0};
  spi::timestamp next_tick_{0};
  spi::timestamp started_{0};
  bool stopped_ = false;

  // Durable state, as of the last operation in `ops_` (not all of it is durable yet).
  std::uint64_t epoch_ = 0;
  bool complete_ = false;
  entry_log log_;
  /// All entries up to this index are decided and were delivered to the state machine.
  spi::log_index decided_ = 0;
  spi::log_index applied_ = 0; ///< applied durably by the state machine
  spi::log_index all_applied_ = 0;
  spi::log_index accepted_ = 0;
  spi::log_index installing_ = 0; ///< index of the snapshot being installed; 0: none

  // What the next `drain` returns.
  std::vector<spi::disk_op> ops_;
  bool must_persist_ = false; ///< the next `drain` must persist `ops_`; false while only decisions,
                              ///< which may wait, are queued
  spi::timestamp persist_at_{0}; ///< when `ops_` is persisted at the latest
  std::vector<spi::effect> effects_;
  spi::apply apply_;
  spi::persist_token token_ = 0;   ///< the last token issued
  spi::persist_token durable_ = 0; ///< the last token acknowledged by the host
  spi::persist_token hard_state_token_ = 0;
  std::deque<std::pair<spi::persist_token, spi::log_index>> accepting_;
  bool heartbeat_due_ = false;

  std::unordered_map<std::uint64_t, validation> validating_;
  std::uint64_t last_ticket_ = 0;
  std::deque<pending_read> reads_;
  std::uint64_t dropped_ = 0;

  // Coordinator.
  phase phase_ = phase::serving;
  bool needs_collect_ = false;
  std::string collect_blocked_reason_;
  spi::log_index collect_cursor_ = 0;
  spi::timestamp collect_retry_at_{0};
  spi::log_index first_undecided_ = 1; ///< every earlier index is decided, or about to be
  std::deque<std::pair<spi::persist_token, spi::log_index>> deciding_;
  std::map<spi::log_index, obstacle> abort_reasons_;
  std::vector<spi::log_index> new_prepares_;
  std::vector<decide_entry> new_decisions_;

  // Participant.
  std::vector<vote> votes_;
  spi::log_index coordinator_decided_ = 0;
  spi::log_index catch_up_to_ = 0;
  bool knows_catch_up_ = false;

  // Fetching from peers.
  fetch_state fetch_;
  std::uint64_t last_nonce_ = 0;
  std::size_t next_fetch_target_ = 0;
  std::size_t fetch_targets_chosen_ = 0;
  spi::log_index decided_at_tick_ = 0;
  std::set<spi::log_index> repairs_; ///< unreadable records of applied entries
  std::size_t repair_attempts_ = 0;
};

} // namespace atl::two_phase
