#pragma once

#include "config.hpp"
#include "entry_log.hpp"
#include "members.hpp"
#include "wire.hpp"

#include <atoll/spi/consensus.hpp>

#include <algorithm>
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

/// What a replica knows of another one.
struct peer {
  spi::replica_id id = 0;
  std::uint64_t incarnation = 0; ///< the newest seen; messages of older ones are dropped
  std::uint64_t epoch = 0;       ///< the one it promised
  spi::timestamp heard{0};
  bool ever_heard = false;
  bool unreachable = false; ///< the host said so, and nothing was heard since
  bool known = false;       ///< a heartbeat came that was meant for this incarnation of ours
  bool whole = false;
  bool down_handled = false;
  bool snapshot_under_way = false;
  bool gathered = false; ///< its whole log was read, by a coordinator that lost its own
  spi::log_index decided = 0;
  spi::log_index last = 0;
  spi::log_index applied = 0;
};

/// A write-all replicated log: each entry is prepared by every voter before the coordinator, the
/// voter with the lowest id, decides to commit it. README.md has the protocol, and why it is safe.
///
/// One class, in several files: `replica.cpp` (calls, timers, the log), `messages.cpp`,
/// `coordinator.cpp`, `participant.cpp`, `group.cpp` (who belongs to the group, who coordinates
/// it), `changes.cpp` (changes of that), `learning.cpp` (from others, what this replica lacks),
/// `recovery.cpp` (a coordinator that lost something, or takes over), `snapshots.cpp`.
class replica final : public spi::consensus {
 public:
  /// @throws std::invalid_argument when the options or the set-up contradict themselves.
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

  /// Messages dropped because they made no sense, came from an earlier incarnation, or were beyond
  /// reach.
  std::uint64_t dropped() const { return dropped_; }

 private:
  /// What the coordinator is doing. A participant is `serving` always.
  enum class phase : std::uint8_t {
    probing,   ///< takes over, or its disk is lost: asks which epoch the others have promised
    promising, ///< waits until every participant has promised its epoch
    gathering, ///< learns from the others what its own disk can't say
    serving,
  };

  /// What keeps a replica from proposing at the moment.
  struct obstacle {
    std::string reason; ///< empty: nothing does
    spi::refusal kind = spi::refusal::not_proposed;
    explicit operator bool() const { return !reason.empty(); }
  };
  /// One that passes by itself.
  static obstacle busy(std::string reason) { return {std::move(reason), spi::refusal::busy}; }

  struct validation {
    spi::log_index index = 0; ///< 0: a proposal, not yet given an index
    spi::request_id id = 0;
    std::uint64_t epoch = 0;
    std::string command;
  };
  struct pending_read {
    spi::request_id id = 0;
    spi::log_index target = 0;
    spi::timestamp deadline{0};
  };
  struct fetch_state {
    bool outstanding = false;
    bool gathers = false; ///< for a coordinator that reads all logs
    spi::replica_id to = 0;
    std::uint64_t nonce = 0;
    spi::log_index from = 0;
    spi::timestamp sent{0};
  };

  /// A change of the group that a coordinator was asked for.
  struct pending_change {
    spi::request_id id = 0;
    membership wanted;
    spi::log_index target = 0;  ///< what was decided when it was asked for
    spi::log_index least = 0;   ///< that one of those who join has
    spi::timestamp progress{0}; ///< when that was last seen to grow
    bool waits = true;          ///< for those who join to have as much as that, while writes go on
    spi::log_index index = 0;   ///< where it is proposed; 0: not yet
  };
  struct pending_snapshot {
    spi::log_index index = 0;
    placed_membership members;
    spi::persist_token token = 0; ///< its group is durable then
    bool asked = false;           ///< the host was told to install it
  };

  // -- group.cpp
  bool coordinator() const { return coordinating_; }
  const membership& members() const { return groups_.rbegin()->second; }
  spi::log_index members_since() const { return groups_.rbegin()->first; }
  const membership& view() const { return whole_ ? members() : heard_.group; }
  bool votes() const { return view().votes(self_); }
  bool belongs() const { return heard_.group.contains(self_) || members().contains(self_); }
  spi::replica_id lowest(const membership& of) const;
  spi::replica_id leader_id() const { return lowest(heard_.group); }
  bool should_coordinate() const;
  std::vector<spi::replica_id> other_voters() const;
  std::optional<change_entry> doubtful_change() const;
  void review_group();
  void renew_circle();
  void say_members();
  void become_coordinator();
  void become_participant();
  void adopt_group(const placed_membership& it);
  void take_effect(spi::log_index index, const change_entry& entry);
  bool add_lost(const std::vector<spi::replica_id>& ids);
  void set_electors(std::vector<spi::replica_id> ids);
  std::uint64_t bit_of(spi::replica_id id) const;
  peer* find_peer(spi::replica_id id);
  peer* meet_peer(spi::replica_id id);
  void forget_strangers();

  // -- changes.cpp
  obstacle why_not_change(const membership& wanted) const;
  void review_change();
  bool joiners_are_close();
  void outbid(std::uint64_t epoch);
  void propose_change();
  void refuse_change(obstacle why);

  // -- replica.cpp: the common part
  bool down(const peer& it) const;
  std::string silence(const peer& it) const;
  spi::persist_token open_token() const { return token_ + 1; }
  spi::persist_token after_now();
  spi::persist_token after_standing() const;
  void take(const spi::stable_state& stable, spi::log_index applied, bool& intact);
  bool take_meta(const spi::stable_state& stable, meta_record& meta);
  void dispatch(peer& from, const header& head, spi::reader& in);
  void put_meta();
  void put_standing();
  void refuse_elsewhere(spi::request_id id);
  void put_decision(spi::log_index index, bool commit);
  void put_prepare(spi::log_index index, const slot& it);
  void say_role();
  void install_when_durable();
  bool held_up(spi::log_index index, const slot& it);
  void stop(std::string reason);
  header head_for(const peer& to, message_type type) const;
  void emit_send(spi::replica_id to, std::string bytes, spi::persist_token after);
  void beat();
  void send_heartbeat(peer& to, bool asks = false);
  void on_heartbeat(peer& from, const header& head, const heartbeat& body);
  void hear(peer& from, const header& head);
  void tick();
  void advance_decided();
  void flush_apply();
  void check_reads();
  void refuse_reads();
  spi::log_index read_target() const;
  std::string why_not_read() const;
  void cut_log();
  /// Behind what is decided; not all of them need to be undecided.
  std::size_t open_entries() const {
    auto first = std::max(log_.first(), decided_ + 1);
    return log_.end() > first ? log_.end() - first : 0;
  }

  // -- coordinator.cpp
  void start_coordinator(bool intact);
  void review_after_start(spi::log_index index, bool alone);
  obstacle why_not_write() const;
  obstacle why_not_propose() const;
  void refuse_proposal(spi::request_id id, obstacle why, spi::replica_id hint = 0);
  void append(spi::request_id id, entry_kind kind, std::string command);
  bool is_open(spi::log_index index) const;
  bool vote_here(spi::log_index index);
  bool vote_yes(spi::log_index index, std::uint64_t bit);
  void commit(spi::log_index index);
  void abort(spi::log_index index, obstacle why);
  void settle(spi::log_index index);
  void settle_change(spi::log_index index, bool commits);
  void abort_open(const peer& missing, bool all, const std::string& reason);
  void abort_overdue();
  spi::timestamp vote_deadline() const;
  void resend_prepares();
  void on_peer_heartbeat(peer& from, const header& head, const heartbeat& body);
  void on_votes(peer& from, const header& head, const std::vector<vote_entry>& votes);
  void watch_peers();
  void flush_prepares();
  void flush_decisions();
  void send_prepares(peer& to, const std::vector<spi::log_index>& indexes);
  std::string missing_votes(std::uint64_t votes) const;
  spi::log_index applied_by_all() const;

  // -- participant.cpp
  void promise(std::uint64_t epoch);
  void on_coordinator_heartbeat(peer& from, const header& head, const heartbeat& body);
  void on_prepare(const header& head, const std::vector<prepare_entry>& entries);
  void on_prepare_one(const prepare_entry& entry);
  bool has_vote(const prepare_entry& entry) const;
  void on_decisions(const std::vector<decide_entry>& decisions);
  void answer_validation(const validation& asked, bool ok, std::string_view reason);
  void prepare_here(spi::log_index index, entry_kind kind, std::string command);
  void flush_votes();
  void become_whole_when_caught_up();

  // -- learning.cpp
  bool learn(const known_entry& entry);
  void send_fetch(peer& to, spi::log_index from, bool in_doubt, snapshot_wish snapshot);
  spi::log_index told_to(spi::replica_id id) const;
  void serve_fetch(peer& from, const fetch& body);
  bool fill(entries& out, const fetch& body) const;
  void on_entries(peer& from, const header& head, const entries& body);
  void learn_all(const entries& body);
  void fetch_when_stalled();
  peer* whom_to_ask();

  // -- recovery.cpp
  void take_over();
  std::vector<spi::replica_id> to_gather() const;
  void begin_gathering();
  void move_on();
  void gather_next();
  void on_gathered(peer& from, const entries& body);
  void forget_gathered(peer& from);
  void resolve();
  decision resolve_one(const slot* it) const;
  std::string way_out() const;
  void block_gathering(std::string reason);
  void finish_recovery(spi::log_index last);

  const config config_;
  const spi::replica_id self_;
  const std::uint64_t incarnation_;
  std::vector<spi::replica_id> birth_; ///< the group's voters when it began, in order
  std::uint64_t group_ = 0;

  // Who belongs to the group. What is decided of it is durable before the state machine gets there.
  std::map<spi::log_index, membership> groups_; ///< decided, by the index of the change
  placed_membership heard_;             ///< the newest that anybody told of: whom to turn to
  std::vector<spi::replica_id> lost_;   ///< in order
  std::vector<spi::replica_id> circle_; ///< the others whom this replica talks to, in order
  std::map<spi::replica_id, peer> peers_;
  std::vector<spi::replica_id> electors_; ///< whose votes are needed for what is open
  std::uint64_t everybody_ = 0;           ///< the bits of all of them
  membership said_;
  bool coordinating_ = false;
  bool follows_ = false;
  std::optional<placed_membership> deciding_group_; ///< its change is on the way to the disk
  std::optional<pending_change> change_;
  spi::persist_token gate_ = 0; ///< the newest group is durable then, and the newest abort
  spi::log_index handover_ = 0; ///< not answered before another one knows that it is decided
  std::optional<pending_snapshot> snapshot_;

  spi::timestamp now_{0};
  spi::timestamp next_tick_{0};
  spi::timestamp started_{0};
  bool stopped_ = false;

  // Durable state, as it will be once what was persisted so far is durable.
  std::uint64_t epoch_ = 0;
  bool whole_ = false;
  entry_log log_;
  spi::log_index decided_ = 0; ///< all up to here is decided, and was given out to be applied
  spi::log_index applied_ = 0; ///< durable in the state machine
  spi::log_index all_applied_ = 0;
  spi::log_index accepted_ = 0;
  spi::log_index installing_ = 0; ///< a snapshot is being installed up to here

  // What the next `drain` gives out.
  std::vector<spi::disk_op> ops_;
  bool awaited_ = false; ///< somebody waits for these: a decision alone can go with what is next
  spi::timestamp held_until_{0}; ///< when they go in any case
  std::vector<spi::effect> effects_;
  spi::apply apply_;
  spi::persist_token token_ = 0;   ///< the last one given out
  spi::persist_token durable_ = 0; ///< the last one acknowledged
  spi::persist_token standing_token_ = 0;
  std::deque<std::pair<spi::persist_token, spi::log_index>> accepting_;
  bool beat_now_ = false;

  std::unordered_map<std::uint64_t, validation> validating_;
  std::uint64_t tickets_ = 0;
  std::deque<pending_read> reads_;
  std::uint64_t dropped_ = 0;

  // Coordinator.
  phase phase_ = phase::serving;
  bool needs_gather_ = false;
  std::string gather_reason_;
  spi::log_index gather_cursor_ = 0;
  spi::timestamp gather_again_{0};
  spi::log_index undecided_ = 1; ///< everything before it is decided, or on its way to the disk
  std::deque<std::pair<spi::persist_token, spi::log_index>> deciding_;
  std::map<spi::log_index, obstacle> abort_reasons_;
  std::vector<spi::log_index> new_prepares_;
  std::vector<decide_entry> new_decisions_;

  // Participant.
  struct vote {
    spi::log_index index = 0;
    bool yes = false;
    std::string reason;
  };
  std::vector<vote> votes_;
  spi::log_index coordinator_decided_ = 0;
  spi::log_index catch_up_to_ = 0;
  bool knows_catch_up_ = false;

  // Learning from others.
  fetch_state fetch_;
  std::uint64_t nonces_ = 0;
  std::size_t ask_next_ = 0;
  std::size_t asked_ = 0;
  spi::log_index decided_at_tick_ = 0;
  std::set<spi::log_index> repairs_; ///< unreadable, and covered by the state machine
  std::size_t repair_attempts_ = 0;
};

} // namespace atl::two_phase
