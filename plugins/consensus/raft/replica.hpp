#pragma once

#include "../common/election_timer.hpp"
#include "../common/inflight_window.hpp"
#include "config.hpp"
#include "log.hpp"
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
#include <tuple>
#include <utility>
#include <vector>

namespace atl::raft {

/// What a leader knows of another replica.
struct progress {
  leader_based::inflight_window log; ///< what it holds, and what is under way to it
  bool recently_active = false;      ///< since the last look at the quorum
  std::uint64_t round = 0;           ///< the newest heartbeat that it answered
  spi::timestamp promised_until{0};
  bool snapshot_under_way = false;
  std::uint64_t snapshot_round = 0;   ///< the newest heartbeat when a snapshot was last sent
  spi::timestamp next_snapshot_at{0}; ///< not before this, unless the last one was of use
};

/// One replica of a group that runs Raft (Ongaro, *Consensus: Bridging Theory and Practice*, 2014).
/// README.md says what is done where the dissertation leaves a choice.
///
/// One class, in six files: `replica.cpp` (calls, durable state, what is committed),
/// `election.cpp`, `replication.cpp` (the log from the leader to the others), `reads.cpp`,
/// `lease.cpp`, `members.cpp` (changes of the group, snapshots).
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

  /// A snapshot that is being taken over: where it ends, and who belonged to the group there.
  struct pending_snapshot {
    spi::log_index index = 0;
    std::uint64_t term = 0;
    membership members;
    spi::persist_token token = 0; ///< that makes this known durably, before it is installed
    bool asked = false;           ///< the host was asked to install it
  };

  // -- replica.cpp
  void restore(spi::stable_state stable, spi::log_index applied);
  bool restore_meta(const std::optional<std::string>& bytes);
  void put_meta();
  void persist_vote();
  void put_entry(spi::log_index at);
  void erase_entries(spi::log_index first, spi::log_index last);
  void stop(std::string reason);
  void emit_send(spi::replica_id to, std::string bytes, spi::persist_token after = 0);
  spi::persist_token after_vote() const;
  spi::replica_role public_role() const;
  void publish_role();
  void set_commit(spi::log_index index);
  void deliver();
  void cut_log();
  bool quorum(const std::set<spi::replica_id>& of) const;
  /// The highest value that a majority (of each half, when joint) has reached.
  template <class ValueOf>
  std::uint64_t agreed(ValueOf value_of) const;

  // -- election.cpp
  void tick_election();
  void on_leader_unreachable();
  void on_leader_contact();
  void defer_to(spi::replica_id other, bool knows_more);
  void follow(std::uint64_t term, spi::replica_id leader);
  void pre_vote();
  void campaign(bool forced);
  void ask_for_votes(bool is_pre_vote, bool forced);
  void count_own_vote();
  void lead();
  void step_down(const std::string& why);
  void on_message(spi::replica_id from, std::uint64_t term, const vote_request& asked);
  void on_message(spi::replica_id from, std::uint64_t term, const vote_response& answer);
  void on_message(spi::replica_id from, std::uint64_t term, const timeout_now&);
  std::string refusal_to_propose() const;

  // -- replication.cpp
  void append_own(entry it);
  void on_message(spi::replica_id from, std::uint64_t term, append_request& asked);
  void on_message(spi::replica_id from, std::uint64_t term, const append_response& answer);
  void append_entries(append_request& asked);
  void send_append_response();
  void send_heartbeats();
  void begin_heartbeat_round();
  void replicate();
  void replicate_to(spi::replica_id to, progress& it);
  void send_append(spi::replica_id to, const progress& it, spi::log_index first, std::size_t count);
  void catch_up_by_snapshot(spi::replica_id to, progress& it);
  void send_timeout_now_if_ready();
  void check_quorum();
  void advance_commit();

  // -- reads.cpp
  void on_message(spi::replica_id from, std::uint64_t term, const read_request& asked);
  void on_message(spi::replica_id from, std::uint64_t term, const read_response& answer);
  void start_reads();
  void confirm_reads();
  void forward_reads();
  void expire_reads();
  void refuse_reads(const std::string& why);
  void finish_read(const leader_based::waiting_read& it, bool ok, const std::string& why);

  // -- lease.cpp
  void begin_promise();
  void end_old_promise();
  bool is_old_promise_in_force() const;
  spi::timestamp promised_until() const;
  bool has_promised() const;
  void learn_promise(progress& of, const append_response& answer);
  bool holds_lease() const;

  // -- members.cpp
  const membership& members() const;
  membership members_at(spi::log_index index) const;
  bool can_campaign() const;
  void publish_members();
  void advance_change();

  const config config_;
  const spi::replica_id self_;
  leader_based::election_timer election_timer_;
  spi::timestamp now_{0};
  bool stopped_ = false;

  // Durable, as it will be once what was persisted so far is.
  std::uint64_t term_ = 0;
  spi::replica_id vote_ = 0;
  spi::timestamp longest_promise_{0}; ///< that may be in force, given in this life or before
  entry_log log_;
  membership base_members_; ///< at the log's base
  std::optional<pending_snapshot> snapshot_;

  // What follows from the log.
  std::map<spi::log_index, membership> changes_; ///< in the log, by index
  membership published_members_;
  spi::log_index commit_ = 0;
  spi::log_index delivered_ = 0; ///< up to here entries were given out to be applied
  spi::log_index applied_ = 0;   ///< durable in the state machine
  spi::log_index durable_ = 0;   ///< the log is durable up to here
  std::deque<std::pair<spi::persist_token, spi::log_index>> persisting_;

  // What the next `drain` gives out.
  std::vector<spi::disk_op> ops_;
  std::vector<spi::effect> effects_;
  bool meta_changed_ = false;
  bool vote_changed_ = false;    ///< see `persist_vote`
  spi::persist_token token_ = 0; ///< the last one given out
  spi::persist_token durable_token_ = 0;
  spi::persist_token vote_token_ = 0; ///< what `persist_vote` recorded is durable once this is
  spi::log_index unpersisted_ = 0;    ///< the last entry among `ops_`; 0: none

  // Roles.
  role role_ = role::follower;
  spi::replica_id leader_ = 0;
  spi::timestamp started_{0};
  spi::timestamp old_promise_{0}; ///< what an earlier incarnation may have given
  spi::timestamp promise_{0};     ///< so long after it heard a leader it votes for nobody
  std::set<spi::replica_id> votes_;
  std::tuple<spi::replica_role, std::uint64_t, spi::replica_id> published_role_;

  // Follower.
  spi::log_index verified_ = 0; ///< as the leader of this term has it, up to here
  bool response_wanted_ = false;
  std::uint64_t round_to_acknowledge_ = 0;
  spi::timestamp request_sent_at_{0};
  leader_based::follower_reads follower_reads_;

  // Leader.
  std::map<spi::replica_id, progress> peers_;
  spi::log_index term_start_ = 0; ///< the first entry of its term
  spi::timestamp next_heartbeat_{0};
  spi::timestamp next_quorum_check_{0};
  bool heartbeat_wanted_ = false;
  std::uint64_t heartbeat_round_ = 0;
  leader_based::leader_reads leader_reads_;
  spi::replica_id transferee_ = 0;
  spi::timestamp transfer_deadline_{0};
  bool lease_abandoned_ = false;                                 ///< for the rest of the term
  bool timeout_now_sent_ = false;                                ///< since the last heartbeat
  std::optional<std::pair<spi::request_id, membership>> change_; ///< under way, asked for here
  std::uint64_t dropped_ = 0;
};

template <class ValueOf>
std::uint64_t replica::agreed(ValueOf value_of) const {
  auto of = [&](const std::vector<spi::replica_id>& voters) {
    std::vector<std::uint64_t> values;
    for (auto id : voters)
      values.push_back(value_of(id));
    auto at = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
    std::nth_element(values.begin(), at, values.end());
    return *at;
  };
  auto& now = members();
  auto reached = of(now.voters);
  return now.joint() ? std::min(reached, of(now.old_voters)) : reached;
}

} // namespace atl::raft
