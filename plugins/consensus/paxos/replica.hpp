#pragma once

#include "../common/leader_based_replica.hpp"
#include "ballot.hpp"
#include "config.hpp"
#include "log.hpp"
#include "roles.hpp"
#include "wire.hpp"

#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace atl::paxos {

/// One replica of a group that runs Multi-Paxos (Lamport, *Paxos Made Simple*, 2001; van Renesse
/// and Altinbuken, *Paxos Made Moderately Complex*, 2015) with a stable leader. README.md says what
/// is done where the papers leave a choice.
///
/// One class, in five files: `restore.cpp` (start), `replica.cpp` (calls, durable state, commit),
/// `prepare.cpp` (phase 1: the election, and what the leader must carry over), `accept.cpp` (phase
/// 2: the values from the leader to the others), `changes.cpp` (changes of the group, snapshots).
/// What any protocol with a leader does is in the base class.
class replica final : public leader_based::leader_based_replica {
 public:
  /// @throws std::invalid_argument when the options or the set-up contradict themselves.
  explicit replica(const spi::consensus_setup& setup);

  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override;
  void advance(spi::timestamp now) override;
  spi::timestamp deadline() const override;
  void propose(spi::request_id id, std::string command) override;
  void reconfigure(spi::request_id id, std::vector<spi::replica_id> voters,
                   std::vector<spi::replica_id> learners) override;
  std::string snapshot_blob(spi::log_index index) const override;

 private:
  replica(const spi::consensus_setup& setup, const config& options);

  // -- restore.cpp
  void restore(const spi::stable_state& stable, spi::log_index applied);
  bool restore_meta(const std::optional<std::string>& bytes);
  std::set<spi::log_index> restore_log(const std::vector<spi::stable_record>& records,
                                       spi::log_index applied);
  void restore_snapshot(spi::log_index applied);
  void restore_damaged(const std::set<spi::log_index>& damaged);
  void restore_commit();
  std::string encode_meta() const override;

  // -- replica.cpp
  void put_slot(spi::log_index index, slot it);
  void on_persisted(bool changed) override;
  void commit_next();
  using leader_based_replica::on_message;
  void receive(spi::replica_id from, std::string_view bytes) override;
  void send_message(spi::replica_id to, const body& what);
  role_kind role() const override { return static_cast<role_kind>(role_.index()); }
  std::uint64_t term() const override { return promised_; }
  leader_based::leadership* leading() override { return std::get_if<leader>(&role_); }
  std::uint64_t agreed(const value_of& value) const override;
  log_extent extent() const override { return {log_.base(), log_.last(), log_.bytes()}; }
  spi::log_index last_durable() const override;
  spi::log_index last_proposed() const override { return std::get<leader>(role_).proposed; }
  void cut_log_at(spi::log_index base) override { log_.cut(base); }
  void deliver() override { deliver_from(log_); }
  obstacle obstacle_to_propose_now() const;
  std::string blocked() const override;

  // -- prepare.cpp
  int timeout_factor() const override;
  void on_election_timeout() override;
  void become_follower() override;
  void prepare(bool forced);
  preparation* phase1();
  preparation begin_preparation() const;
  void request_promises();
  void request_promise(const preparation& phase, spi::replica_id voter, spi::log_index first);
  void finish_preparation();
  void carry_over(leader& it, preparation taken);
  void lead();
  void follow(ballot which, spi::replica_id leader);
  void step_down(const std::string& why) override;
  promise page_from(spi::log_index first) const;
  void merge_page(preparation& phase, promise& page);
  void on_pre_vote(spi::replica_id from, const promise& response);
  void on_message(spi::replica_id from, ballot which, const prepare_request& request);
  void on_message(spi::replica_id from, ballot which, promise& response);
  void on_message(spi::replica_id from, ballot which, const rejected&);
  void on_message(spi::replica_id from, ballot which, const timeout_now&);

  // -- accept.cpp
  void propose_value(leader& it, value what, spi::request_id id);
  batch next_batch(spi::log_index first) const override {
    return batch_of(log_, first, last_proposed());
  }
  void send_entries(spi::replica_id to, const progress& peer, const batch& entries) override;
  void send_heartbeats() override;
  void count_own_accepts(leader& it);
  void count_accepts(leader& it, std::uint64_t bit, spi::log_index first, spi::log_index last);
  bool is_chosen(const leader& it, spi::log_index index) const;
  void commit_chosen();
  void accept_values(follower& it, accept_request& request, ballot which);
  spi::log_index durably_verified();
  void respond_to_leader() override;
  bool can_transfer_to(spi::replica_id to) const override;
  bool is_caught_up(const progress& peer) const override;
  void send(spi::replica_id to, const timeout_now& it) override { send_message(to, it); }
  bool can_serve_reads() const override;
  void send(spi::replica_id to, const read_request& it) override { send_message(to, it); }
  void send(spi::replica_id to, const read_response& it) override { send_message(to, it); }
  void on_message(spi::replica_id from, ballot which, accept_request& request);
  void on_message(spi::replica_id from, ballot which, const accept_response& response);
  void on_message(spi::replica_id from, ballot which, const heartbeat_response& response);

  // -- changes.cpp
  std::size_t prepare_quorum() const;
  std::size_t accept_quorum() const;
  bool can_campaign() const override;
  void on_members_published() override;
  void update_peers(leader& it);
  bool can_take_over(const leader& it, const membership& group, spi::log_index index) const;
  spi::log_index cut_limit() const override;
  std::optional<pending_snapshot> decode_snapshot(std::string_view blob) const override;
  std::optional<spi::log_index> base_in(std::string_view meta) const override;
  void on_snapshot_installed(pending_snapshot installed) override;

  const config config_;
  const std::uint64_t incarnation_;

  // Durable once the records are that were written so far.
  ballot promised_ = 0;
  slot_log log_;
  spi::persist_token accepted_token_ = 0; ///< all that was accepted is durable once this is

  std::set<spi::log_index> damaged_; ///< the records of what was accepted there can't be read
  ballot greatest_seen_ = 0;
  spi::log_index verified_ = 0; ///< everything up to here is accepted in the promised ballot
  spi::log_index durably_verified_ = 0;
  bool is_successor_group_active_ = false; ///< the group that removed this replica goes on
  std::variant<follower, pre_candidate, candidate, leader> role_;
};

} // namespace atl::paxos
