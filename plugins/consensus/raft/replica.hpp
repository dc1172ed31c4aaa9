#pragma once

#include "../common/leader_based_replica.hpp"
#include "config.hpp"
#include "lease.hpp"
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

namespace atl::raft {

/// One replica of a group that runs Raft (Ongaro, *Consensus: Bridging Theory and Practice*, 2014).
/// README.md says what is done where the dissertation leaves a choice.
///
/// One class, in five files: `replica.cpp` (start, durable state, commit), `election.cpp`,
/// `replication.cpp` (the log from the leader to the others), `lease.cpp`, `changes.cpp` (changes
/// of the group, snapshots). What any protocol with a leader does is in the base class.
class replica final : public leader_based::leader_based_replica {
 public:
  /// @throws std::invalid_argument when the options or the set-up contradict themselves.
  explicit replica(const spi::consensus_setup& setup);

  void start(spi::stable_state stable, spi::log_index applied, spi::timestamp now) override;
  void advance(spi::timestamp now) override;
  void propose(spi::request_id id, std::string command) override;
  void reconfigure(spi::request_id id, std::vector<spi::replica_id> voters,
                   std::vector<spi::replica_id> learners) override;
  std::string snapshot_blob(spi::log_index index) const override;

 private:
  using progress = leader_based::progress;

  replica(const spi::consensus_setup& setup, const config& options);

  // -- replica.cpp
  void restore(const spi::stable_state& stable, spi::log_index applied);
  bool restore_meta(const std::optional<std::string>& bytes);
  bool restore_log(const std::vector<spi::stable_record>& records);
  void restore_snapshot(spi::log_index applied);
  std::string encode_meta() const override;
  void append(entry it);
  void replace_log(const pending_snapshot& snapshot);
  void on_persisted(bool changed) override;
  void advance_commit();
  void set_commit(spi::log_index index);
  std::uint64_t agreed(const value_of& value) const override;
  using leader_based_replica::on_message;
  void receive(spi::replica_id from, std::string_view bytes) override;
  void send_message(spi::replica_id to, const body& what);
  role_kind role() const override { return static_cast<role_kind>(role_.index()); }
  std::uint64_t term() const override { return term_; }
  leader_based::leadership* leading() override { return std::get_if<leader>(&role_); }
  log_extent extent() const override { return {log_.base(), log_.last(), log_.bytes()}; }
  spi::log_index last_durable() const override { return durable_; }
  spi::log_index last_proposed() const override { return log_.last(); }
  void cut_log_at(spi::log_index base) override { log_.cut(base); }
  void deliver() override { deliver_from(log_); }
  std::string blocked() const override;

  // -- election.cpp
  void on_election_timeout() override;
  void follow(std::uint64_t term, spi::replica_id leader);
  void become_follower() override;
  void campaign(bool forced);
  void request_votes(bool pre_vote, bool forced);
  void count_own_vote();
  bool is_quorum(const std::set<spi::replica_id>& voters) const;
  void lead();
  void step_down(const std::string& why) override;
  void on_message(spi::replica_id from, std::uint64_t term, const vote_request& request);
  void on_message(spi::replica_id from, std::uint64_t term, const vote_response& response);
  void on_message(spi::replica_id from, std::uint64_t term, const timeout_now&);

  // -- replication.cpp
  batch next_batch(spi::log_index first) const override {
    return batch_of(log_, first, log_.last());
  }
  void send_entries(spi::replica_id to, const progress& peer, const batch& entries) override;
  void on_message(spi::replica_id from, std::uint64_t term, append_request& request);
  void on_message(spi::replica_id from, std::uint64_t term, const append_response& response);
  std::optional<spi::log_index> find_conflict(const append_request& request);
  void append_entries(append_request& request);
  void respond_to_leader() override;
  bool can_transfer_to(spi::replica_id to) const override;
  bool is_caught_up(const progress& peer) const override { return peer.log.match() == log_.last(); }
  void send(spi::replica_id to, const timeout_now& it) override { send_message(to, it); }
  bool can_serve_reads() const override;
  void send(spi::replica_id to, const read_request& it) override { send_message(to, it); }
  void send(spi::replica_id to, const read_response& it) override { send_message(to, it); }

  // -- lease.cpp
  spi::timestamp promised_until() const override { return promise_.until(election_timer_); }
  void note_promise(leader& it, spi::replica_id voter, const append_response& response);
  bool has_lease() const override;

  // -- changes.cpp
  bool can_campaign() const override;
  void on_members_published() override;
  obstacle obstacle_to_change() const;
  void advance_change();
  std::optional<pending_snapshot> decode_snapshot(std::string_view blob) const override;
  std::optional<spi::log_index> base_in(std::string_view meta) const override;
  void on_snapshot_installed(pending_snapshot installed) override;

  const config config_;

  // Durable once the records are that were written so far.
  std::uint64_t term_ = 0;
  spi::replica_id vote_ = 0;
  vote_promise promise_;
  entry_log log_;

  spi::log_index durable_ = 0;  ///< the log is durable up to here
  spi::log_index verified_ = 0; ///< the log is the same as the leader's of this term up to here
  std::variant<follower, pre_candidate, candidate, leader> role_;
};

} // namespace atl::raft
