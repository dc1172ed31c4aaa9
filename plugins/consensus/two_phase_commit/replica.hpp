#pragma once

#include "config.hpp"
#include "entry_log.hpp"
#include "wire.hpp"

#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <deque>
#include <map>
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
  bool known = false;       ///< a heartbeat came that was meant for this life of ours
  bool whole = false;
  bool down_handled = false;
  bool snapshot_under_way = false;
  bool gathered = false; ///< its whole log was read, by a coordinator that lost its own
  spi::log_position decided = 0;
  spi::log_position last = 0;
  spi::log_position applied = 0;
};

/// A write-all replicated log: each entry is prepared by every voter before the coordinator, the
/// voter with the lowest id, decides to commit it. README.md has the protocol, and why it is safe.
///
/// One class, in five files: `replica.cpp` (calls, timers, the log), `messages.cpp`,
/// `coordinator.cpp`, `participant.cpp`, `recovery.cpp` (learning from others what this replica
/// lacks or lost).
class replica final : public spi::consensus {
 public:
  /// @throws std::invalid_argument when the options or the set-up contradict themselves.
  explicit replica(const spi::consensus_setup& setup);

  void start(spi::stable_state stable, spi::log_position applied, spi::timestamp now) override;
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
  void on_applied(spi::log_position position) override;
  void on_snapshot_sent(spi::replica_id to, bool ok) override;
  void on_snapshot_received(spi::log_position position, std::string_view blob) override;
  std::string snapshot_blob(spi::log_position position) const override;
  void on_installed(spi::log_position position) override;
  void drain(std::vector<spi::effect>& out) override;
  spi::consensus_status status() const override;

  /// Messages dropped because they made no sense, came from an earlier life, or were beyond reach.
  std::uint64_t dropped() const { return dropped_; }

 private:
  /// What the coordinator is doing. A participant is `serving` always.
  enum class phase : std::uint8_t {
    probing,   ///< its disk is lost: asks the others which epoch they have promised
    promising, ///< waits until every participant has promised its epoch
    gathering, ///< learns from the others what its own disk can't say any more
    serving,
  };

  struct validation {
    spi::log_position position = 0; ///< 0: a proposal, not yet given a position
    spi::request_id id = 0;
    std::uint64_t epoch = 0;
    std::string command;
  };
  struct pending_read {
    spi::request_id id = 0;
    spi::log_position target = 0;
    spi::timestamp deadline{0};
  };
  struct fetch_state {
    bool outstanding = false;
    spi::replica_id to = 0;
    std::uint64_t nonce = 0;
    spi::log_position from = 0;
    spi::timestamp sent{0};
  };

  // -- replica.cpp: the common part
  bool coordinator() const { return self_ == voters_.front(); }
  peer* find_peer(spi::replica_id id);
  std::uint64_t bit_of(spi::replica_id id) const;
  bool down(const peer& it) const;
  std::string silence(const peer& it) const;
  spi::persist_token open_token() const { return token_ + 1; }
  spi::persist_token after_now() const;
  spi::persist_token after_meta() const;
  void take(spi::stable_state stable, spi::log_position applied, bool& intact);
  void dispatch(peer& from, const header& head, spi::reader& in);
  void put_meta();
  void put_decision(spi::log_position position, bool commit);
  void put_prepare(spi::log_position position, const slot& it);
  void say_role();
  void stop(std::string reason);
  header head_for(const peer& to, message_type type) const;
  void emit_send(spi::replica_id to, std::string bytes, spi::persist_token after);
  void beat();
  void send_heartbeat(peer& to);
  void hear(peer& from, const header& head);
  void tick();
  void advance_decided();
  void flush_apply();
  void check_reads();
  spi::log_position read_target() const;
  std::string why_not_read() const;
  void cut_log();

  // -- coordinator.cpp
  void start_coordinator(bool intact);
  std::string why_not_write() const;
  void refuse_proposal(spi::request_id id, std::string reason, spi::replica_id hint = 0);
  void append(validation proposal);
  void decide(spi::log_position position, decision what, std::string reason);
  void settle(spi::log_position position);
  void abort_open(const peer& missing, const std::string& reason);
  void abort_overdue();
  spi::timestamp vote_deadline() const;
  void resend_prepares();
  void on_peer_heartbeat(peer& from, const header& head, const heartbeat& body);
  void on_votes(peer& from, const header& head, const std::vector<vote_entry>& votes);
  void watch_peers();
  void flush_prepares();
  void flush_decisions();
  void send_prepares(peer& to, const std::vector<spi::log_position>& positions,
                     spi::persist_token after);
  std::string missing_votes(std::uint64_t votes) const;
  spi::log_position applied_by_all() const;

  // -- participant.cpp
  void start_participant(bool intact);
  void promise(std::uint64_t epoch);
  void on_coordinator_heartbeat(peer& from, const header& head, const heartbeat& body);
  void on_prepare(const header& head, const std::vector<prepare_entry>& entries);
  void on_decisions(const std::vector<decide_entry>& decisions);
  void answer_validation(const validation& asked, bool ok, std::string_view reason);
  void flush_votes();
  void become_whole_when_caught_up();

  // -- recovery.cpp
  bool learn(spi::log_position position, bool commit, const std::string_view* command,
             std::uint64_t epoch);
  void send_fetch(peer& to, spi::log_position from, bool in_doubt, snapshot_wish snapshot);
  void serve_fetch(peer& from, const fetch& body);
  bool fill(entries& out, const fetch& body) const;
  void on_entries(peer& from, const header& head, const entries& body);
  void learn_all(const entries& body);
  void begin_gathering();
  void fetch_when_stalled();
  peer* whom_to_ask();
  void move_on();
  void gather_next();
  void on_gathered(peer& from, const entries& body);
  void forget_gathered(peer& from);
  void resolve();
  decision resolve_one(const slot* it) const;
  void block_gathering(std::string reason);
  void finish_recovery(spi::log_position last);

  const config config_;
  const spi::replica_id self_;
  const std::uint64_t incarnation_;
  std::vector<spi::replica_id> voters_; ///< in order
  std::uint64_t group_ = 0;
  std::vector<peer> peers_; ///< the other voters, in order

  spi::timestamp now_{0};
  spi::timestamp next_tick_{0};
  spi::timestamp started_{0};
  bool stopped_ = false;

  // Durable state, as it will be once what was persisted so far is durable.
  std::uint64_t epoch_ = 0;
  bool whole_ = false;
  entry_log log_;
  spi::log_position decided_ = 0; ///< all up to here is decided, and was given out to be applied
  spi::log_position applied_ = 0; ///< durable in the state machine
  spi::log_position all_applied_ = 0;
  spi::log_position accepted_ = 0;
  spi::log_position installing_ = 0; ///< a snapshot is being installed up to here

  // What the next `drain` gives out.
  std::vector<spi::disk_op> ops_;
  std::vector<spi::effect> effects_;
  spi::apply apply_;
  spi::persist_token token_ = 0;   ///< the last one given out
  spi::persist_token durable_ = 0; ///< the last one acknowledged
  spi::persist_token meta_token_ = 0;
  std::deque<std::pair<spi::persist_token, spi::log_position>> accepting_;
  bool beat_now_ = false;

  std::unordered_map<std::uint64_t, validation> validating_;
  std::uint64_t tickets_ = 0;
  std::deque<pending_read> reads_;
  std::uint64_t dropped_ = 0;

  // Coordinator.
  phase phase_ = phase::serving;
  bool needs_gather_ = false;
  std::string gather_reason_;
  spi::log_position gather_cursor_ = 0;
  spi::timestamp gather_again_{0};
  spi::log_position undecided_ = 1; ///< everything before it is decided, or on its way to the disk
  std::deque<std::pair<spi::persist_token, spi::log_position>> deciding_;
  std::map<spi::log_position, std::string> abort_reasons_;
  std::vector<spi::log_position> new_prepares_;
  std::vector<decide_entry> new_decisions_;

  // Participant.
  struct vote {
    spi::log_position position = 0;
    bool yes = false;
    std::string reason;
  };
  std::vector<vote> votes_;
  spi::log_position coordinator_decided_ = 0;
  spi::log_position catch_up_to_ = 0;
  bool knows_catch_up_ = false;

  // Learning from others.
  fetch_state fetch_;
  std::uint64_t nonces_ = 0;
  std::size_t ask_next_ = 0;
  spi::log_position decided_at_tick_ = 0;
  std::set<spi::log_position> repairs_; ///< unreadable, and covered by the state machine
  std::size_t repair_attempts_ = 0;
};

} // namespace atl::two_phase
