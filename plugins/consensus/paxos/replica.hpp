#pragma once

#include "../common/election_timer.hpp"
#include "../common/inflight_window.hpp"
#include "../common/read_index.hpp"
#include "ballot.hpp"
#include "config.hpp"
#include "log.hpp"
#include "members.hpp"
#include "wire.hpp"

#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace atl::paxos {

/// What a leader knows of another replica.
struct progress {
  std::uint64_t bit = 0;             ///< its place in `slot::accepted_by`
  bool known = false;                ///< it told what it holds, so values may be sent
  leader_based::inflight_window log; ///< what it holds, and what is under way to it
  bool recently_active = false;      ///< since the last look at the quorum
  std::uint64_t round = 0;           ///< the newest heartbeat that it answered
  bool snapshot_under_way = false;
  std::uint64_t snapshot_round = 0;   ///< the newest heartbeat when a snapshot was last sent
  spi::timestamp next_snapshot_at{0}; ///< not before this, unless the last one was of use
  std::uint64_t incarnation = 0; ///< of which it is known; what comes from earlier ones is void

  /// One that crashed may hold, of what it had committed, values of earlier ballots, and no longer
  /// know that they are. @param held what it is sure of
  void learn_incarnation(std::uint64_t now, spi::log_index held);
  void learn_match(spi::log_index index);
};

/// One replica of a group that runs Multi-Paxos (Lamport, *Paxos Made Simple*, 2001; van Renesse
/// and Altinbuken, *Paxos Made Moderately Complex*, 2015) with a stable leader. README.md says what
/// is done where the papers leave a choice.
///
/// One class, in five files: `replica.cpp` (calls, durable state, what is committed), `prepare.cpp`
/// (phase 1: who leads, and what it must carry over), `accept.cpp` (phase 2: the values from the
/// leader to the others), `reads.cpp`, `changes.cpp` (changes of the group, snapshots).
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
  void drain(std::vector<spi::effect>& out) override;
  spi::consensus_status status() const override;

 private:
  enum class role : std::uint8_t { follower, pre_candidate, candidate, leader };

  struct promised_log {
    spi::log_index committed = 0;  ///< everything up to here
    std::uint64_t incarnation = 0; ///< of the replica that said so
  };
  /// Phase 1 under way, of a candidate, or of a leader whose group has changed.
  struct preparation {
    spi::log_index first = 0;
    std::map<spi::replica_id, spi::log_index> next;   ///< page that is asked of each
    std::map<spi::replica_id, promised_log> promised; ///< who has
    std::map<spi::log_index, slot> accepted;          ///< in the greatest ballot of each index
  };
  /// A snapshot that is being taken over: where it ends, and who belonged to the group there.
  struct pending_snapshot {
    spi::log_index index = 0;
    membership members;
    spi::persist_token token = 0; ///< that makes this known durably, before it is installed
    bool asked = false;           ///< the host was asked to install it
  };

  // -- replica.cpp
  void restore(spi::stable_state stable, spi::log_index applied);
  bool restore_meta(const std::optional<std::string>& bytes);
  void restore_damaged(const std::set<spi::log_index>& damaged);
  std::string encode_meta() const;
  void put_meta();
  void persist_promise();
  void put_slot(spi::log_index at, slot it);
  void stop(std::string reason);
  void emit_send(spi::replica_id to, std::string bytes, spi::persist_token after = 0);
  spi::persist_token after_promise() const;
  spi::persist_token after_accepted() const;
  spi::replica_role public_role() const;
  void publish_role();
  void commit_next();
  void deliver();
  void cut_log();

  // -- prepare.cpp
  void tick_election();
  int timeout_factor() const;
  void restart_election_timer();
  void defer_to(spi::replica_id other, bool knows_more);
  void pre_vote();
  void prepare(bool forced);
  void begin_preparation();
  void ask_for_promises();
  void ask_for_promise(spi::replica_id of, spi::log_index first);
  void finish_preparation();
  void lead();
  void follow(ballot which, spi::replica_id leader);
  void step_down(const std::string& why);
  std::string refusal_to_propose() const;
  promise page_from(spi::log_index first) const;
  void merge_page(promise& page);
  void on_message(spi::replica_id from, ballot which, const prepare_request& asked);
  void on_message(spi::replica_id from, ballot which, promise& answer);
  void on_message(spi::replica_id from, ballot which, const rejected&);
  void on_message(spi::replica_id from, ballot which, const timeout_now&);

  // -- accept.cpp
  void propose_value(value what, spi::request_id id);
  void send_heartbeats();
  void begin_heartbeat_round();
  void replicate();
  void replicate_to(spi::replica_id to, progress& it);
  void catch_up_by_snapshot(spi::replica_id to, progress& it);
  accept_request head_for(const progress& it) const;
  void count_own_accepts();
  void count_accepts(const progress& by, spi::log_index first, spi::log_index last);
  void commit_chosen();
  bool chosen(spi::log_index at) const;
  void check_quorum();
  void accept_values(accept_request& asked, ballot which);
  spi::log_index durably_verified();
  void respond_to_leader();
  void send_timeout_now_if_ready();
  void on_message(spi::replica_id from, ballot which, accept_request& asked);
  void on_message(spi::replica_id from, ballot which, const accept_response& answer);
  void on_message(spi::replica_id from, ballot which, const heartbeat_response& answer);

  // -- reads.cpp
  void start_reads();
  void confirm_reads();
  void forward_reads();
  void expire_reads();
  void refuse_reads(const std::string& why);
  void finish_read(const leader_based::waiting_read& it, bool ok, const std::string& why);
  void on_message(spi::replica_id from, ballot which, const read_request& asked);
  void on_message(spi::replica_id from, ballot which, const read_response& answer);

  // -- changes.cpp
  const membership& members() const;
  membership members_at(spi::log_index index) const;
  void publish_members();
  void update_peers();
  bool can_campaign() const;
  bool can_take_over(const membership& group, spi::log_index index) const;
  std::size_t prepare_quorum() const;
  std::size_t accept_quorum() const;

  const config config_;
  const spi::replica_id self_;
  const std::uint64_t incarnation_;
  leader_based::election_timer election_timer_;
  spi::timestamp now_{0};
  bool stopped_ = false;

  // Durable, as it will be once what was persisted so far is.
  ballot promised_ = 0;
  slot_log log_;
  membership base_members_;                      ///< at the log's base
  std::map<spi::log_index, membership> changes_; ///< committed ones behind the base
  std::optional<pending_snapshot> snapshot_;

  membership published_members_;
  spi::log_index committed_ = 0;     ///< everything up to here is
  spi::log_index delivered_ = 0;     ///< handed to the state machine
  spi::log_index applied_ = 0;       ///< durably, by the state machine
  std::set<spi::log_index> damaged_; ///< what was accepted there can't be read

  // What the next `drain` gives out.
  std::vector<spi::disk_op> ops_;
  std::vector<spi::effect> effects_;
  bool meta_changed_ = false;
  bool promise_changed_ = false; ///< see `persist_promise`
  spi::persist_token token_ = 0; ///< the last one given out
  spi::persist_token durable_token_ = 0;
  spi::persist_token promise_token_ = 0; ///< the promise is durable once this is
  spi::persist_token slots_token_ = 0;   ///< all that was accepted is durable once this is

  // Roles.
  role role_ = role::follower;
  spi::replica_id leader_ = 0;
  ballot greatest_seen_ = 0;
  std::set<spi::replica_id> pre_votes_;    ///< who would promise
  bool is_successor_group_active_ = false; ///< the group that this one has left goes on by itself
  std::optional<preparation> preparation_;
  bool forced_ = false; ///< the leader handed over to this one
  std::tuple<spi::replica_role, ballot, spi::replica_id> published_role_;

  // Follower.
  spi::log_index verified_ = 0; ///< up to here it accepted all in the promised ballot
  spi::log_index durably_verified_ = 0;
  std::vector<std::pair<spi::log_index, spi::log_index>> ranges_to_acknowledge_;
  std::uint64_t acknowledged_round_ = 0;
  std::optional<std::uint64_t> round_to_acknowledge_;
  leader_based::follower_reads follower_reads_;

  // Leader.
  std::map<spi::replica_id, progress> peers_;
  std::uint64_t voters_mask_ = 0;      ///< the bits of peers that vote
  bool group_changed_ = false;         ///< since it asked for promises
  spi::log_index known_committed_ = 0; ///< others know that everything up to here is
  spi::log_index carried_over_ = 0;    ///< the last index that an earlier ballot may have used
  spi::log_index proposed_ = 0;        ///< the last index in its own ballot
  spi::log_index own_durable_ = 0;     ///< its own disk has all of its ballot up to here
  spi::log_index change_proposed_ = 0; ///< nothing goes behind it before it is committed
  spi::request_id change_id_ = 0;      ///< who asked for it
  spi::log_index leaving_at_ = 0;      ///< once this is committed it no longer leads; 0: it stays
  spi::timestamp next_heartbeat_{0};
  spi::timestamp next_quorum_check_{0};
  bool heartbeat_wanted_ = false;
  std::uint64_t heartbeat_round_ = 0;
  leader_based::leader_reads leader_reads_;
  spi::replica_id transferee_ = 0;
  spi::timestamp transfer_deadline_{0};
  bool timeout_now_sent_ = false; ///< since the last heartbeat
  std::uint64_t dropped_ = 0;     ///< messages that made no sense
};

} // namespace atl::paxos
