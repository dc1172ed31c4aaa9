#pragma once

#include "election_timer.hpp"
#include "leader_options.hpp"
#include "leader_state.hpp"
#include "members.hpp"
#include "message_codec.hpp"
#include "outbox.hpp"
#include "read_index.hpp"

#include <atoll/spi/consensus.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace atl::leader_based {

/// A replica of a log under a leader, without the two questions in which protocols differ: how a
/// leader is elected, and how an entry is committed. A protocol answers these in the virtual
/// functions below. No virtual function is called for a single entry.
///
/// One class, in four files: `leader_based_replica.cpp` (calls and effects), `leader_duties.cpp`
/// (heartbeats, replication, transfer of leadership), `read_path.cpp`, `snapshots.cpp` (log cuts
/// and snapshots).
class leader_based_replica : public spi::consensus {
 public:
  void advance(spi::timestamp now) override;
  spi::timestamp deadline() const override;
  void step(spi::replica_id from, std::string_view bytes) final;
  void on_durable(spi::persist_token token) final;
  void on_unreachable(spi::replica_id id) final;
  void read(spi::request_id id, spi::read_level level) final;
  void on_validated(std::uint64_t, bool, std::string_view) final {}
  void transfer(spi::replica_id to) final;
  void on_applied(spi::log_index index) final;
  void on_snapshot_sent(spi::replica_id to, bool ok) final;
  void on_snapshot_received(spi::log_index index, std::string_view blob) final;
  void on_installed(spi::log_index index) final;
  bool rebuild_from(const spi::stable_state& stable, spi::log_index index,
                    std::string_view blob) final;
  void drain(std::vector<spi::effect>& out) final;
  spi::consensus_status status() const final;

 protected:
  /// A snapshot that is being taken over: where it ends, and the protocol's state there.
  struct pending_snapshot {
    spi::log_index index = 0;
    std::uint64_t term = 0; ///< of the entry at `index`; 0 in protocols that don't need it
    membership members;
    spi::persist_token token = 0; ///< the snapshot is installed once this is durable
    bool requested = false;       ///< the host was asked to install it
  };
  struct log_extent {
    spi::log_index base = 0;
    spi::log_index last = 0;
    std::size_t bytes = 0;
  };
  struct batch {
    spi::log_index first = 0;
    std::size_t count = 0; ///< of entries
    std::size_t bytes = 0;
  };
  /// What is in the way of a proposal; nothing if `why` is empty.
  struct obstacle {
    std::string why{};
    spi::refusal kind = spi::refusal::not_proposed;

    explicit operator bool() const { return !why.empty(); }
  };
  using value_of = std::function<std::uint64_t(spi::replica_id)>;
  /// In the order of a protocol's variant of roles.
  enum class role_kind : std::uint8_t { follower, pre_candidate, candidate, leader };

  /// @throws std::invalid_argument when the set-up contradicts itself.
  leader_based_replica(const spi::consensus_setup& setup, const leader_options& options,
                       std::size_t members_max);

  // -- quorums and faults
  /// The highest value that `quorum` of the voters have reached.
  static std::uint64_t reached_by(const id_list& voters, std::size_t quorum, const value_of& value);
  void stop(std::string reason);
  /// Stops a replica that can't be repaired, and says what to do.
  void stop_for_replacement(std::string reason);
  /// Stops if the leader knows this replica to have had entries which it lacks.
  void check_disk(spi::log_index known, spi::log_index last);
  static std::string record_at(spi::log_index index);

  // -- leaders come and go
  void publish_members();
  void restart_election_timer() { election_timer_.restart(now_, timeout_factor()); }
  void on_leader_contact();
  void begin_leadership(leadership& it);
  /// Ends a leadership, or a candidacy (none): the next leader may commit the proposals and the
  /// change of the group (0: none), or not; reads are refused.
  template <class Log>
  void resign(Log& log, leadership* ended, spi::request_id change, const std::string& why);
  /// Follows this leader, or none (0), from now on.
  void set_leader(spi::replica_id leader);
  /// Lets another candidate go first: two at once split the votes, or reject each other. Of two
  /// that ask each other, the one that is ahead goes first, or the one with the smaller id.
  void defer_to(spi::replica_id other, bool is_ahead);

  // -- requests
  /// Why this replica takes no proposals.
  obstacle obstacle_to_propose(const leadership* leading) const;
  /// Why the log has no room for a command.
  obstacle obstacle_of_size(std::size_t command_bytes, std::uint64_t uncommitted,
                            std::size_t log_bytes) const;
  void refuse(spi::request_id id, obstacle it);
  /// The group that `reconfigure` asks for, in order; none if it isn't one.
  std::optional<membership> requested_group(id_list voters, id_list learners) const;

  // -- the leader and its peers
  virtual void send_heartbeats();
  /// Answers the reads whose heartbeat round a quorum has answered.
  void confirm_reads();
  /// Tells a transferee to campaign as soon as it has the whole log.
  void send_timeout_now_if_ready();
  void on_message(spi::replica_id from, std::uint64_t term, const read_request& request);
  void on_message(spi::replica_id from, std::uint64_t term, const read_response& response);
  void note_heartbeat_response(progress& peer, std::uint64_t round, spi::log_index acknowledged);

  // -- entries
  /// Delivers committed entries to the state machine, but none while a snapshot replaces its state,
  /// and none that isn't durable here: the state machine must not survive with more than its log.
  template <class Log>
  void deliver_from(Log& log);
  /// The next message's entries, from `first` on.
  template <class Log>
  batch batch_of(const Log& log, spi::log_index first, spi::log_index last) const;
  /// Refuses the proposals of these entries: the next leader may commit them, or not.
  template <class Log>
  void refuse_as_unknown(Log& log, spi::log_index first, spi::log_index last,
                         const std::string& why);

  const leader_options limits_;
  const std::size_t members_max_;
  const spi::replica_id self_;
  election_timer election_timer_;
  spi::timestamp now_{0};
  bool stopped_ = false;
  outbox outbox_;
  membership_history members_;
  spi::log_index commit_ = 0;    ///< every entry up to here is committed
  spi::log_index delivered_ = 0; ///< to the state machine
  spi::log_index applied_ = 0;   ///< durably, by the state machine
  spi::replica_id leader_ = 0;
  std::optional<pending_snapshot> snapshot_;
  /// The snapshot from which the host has rebuilt the state machine, until `start` takes it over.
  std::optional<pending_snapshot> rebuilt_;

 private:
  // -- election
  virtual role_kind role() const = 0;
  /// Ends a candidacy; the term stays.
  virtual void become_follower() = 0;
  virtual std::uint64_t term() const = 0;
  /// None when this replica isn't the leader.
  virtual leadership* leading() = 0;
  const leadership* leading() const { return const_cast<leader_based_replica*>(this)->leading(); }
  virtual bool can_campaign() const = 0;
  /// Multiplies the timeouts of elections.
  virtual int timeout_factor() const { return 1; }
  /// This replica promised a leader not to campaign before.
  virtual spi::timestamp promised_until() const { return spi::timestamp{0}; }
  /// Asks for pre-votes.
  virtual void on_election_timeout() = 0;
  virtual void step_down(const std::string& why) = 0;
  /// The value that a quorum has reached: as many voters as it takes have that much, or more.
  virtual std::uint64_t agreed(const value_of& value) const = 0;

  // -- the log
  virtual log_extent extent() const = 0;
  virtual spi::log_index last_durable() const = 0;
  /// The last entry that the leader sends to its peers.
  virtual spi::log_index last_proposed() const = 0;
  virtual batch next_batch(spi::log_index first) const = 0;
  /// The log must keep the entries after this index.
  virtual spi::log_index cut_limit() const { return applied_; }
  virtual void cut_log_at(spi::log_index base) = 0;
  /// Calls `deliver_from`.
  virtual void deliver() = 0;
  /// A record became durable. @param changed false: the host said so before
  virtual void on_persisted(bool changed) = 0;
  virtual std::string encode_meta() const = 0;

  // -- messages
  virtual void receive(spi::replica_id from, std::string_view bytes) = 0;
  /// A message with these entries; without any it is a heartbeat.
  virtual void send_entries(spi::replica_id to, const progress& peer, const batch& entries) = 0;
  virtual void send(spi::replica_id to, const timeout_now& it) = 0;
  virtual void send(spi::replica_id to, const read_request& it) = 0;
  virtual void send(spi::replica_id to, const read_response& it) = 0;
  /// Once in each `drain` of a replica that doesn't lead: sends the response that is due, if any.
  virtual void respond_to_leader() = 0;

  // -- the rest
  /// Whether the leader's commit index covers everything that was committed before it led.
  virtual bool can_serve_reads() const = 0;
  /// Whether the leader may answer reads without a heartbeat round.
  virtual bool has_lease() const { return false; }
  virtual bool can_transfer_to(spi::replica_id to) const = 0;
  /// Whether the peer has everything that the leader proposed.
  virtual bool is_caught_up(const progress& peer) const = 0;
  virtual void on_members_published() = 0;
  /// @returns none for a blob that makes no sense.
  virtual std::optional<pending_snapshot> decode_snapshot(std::string_view blob) const = 0;
  /// The index after which the log begins, according to the durable metadata. @returns none for
  /// metadata that makes no sense.
  virtual std::optional<spi::log_index> base_in(std::string_view meta) const = 0;
  virtual void on_snapshot_installed(pending_snapshot installed) = 0;
  /// As in `consensus_status`.
  virtual std::string blocked() const = 0;

  spi::replica_role public_role() const;
  void tick_leader();
  void send_heartbeat_round();
  void publish_role();
  void cut_log();
  void request_installation();
  void replicate(leadership& it);
  void check_quorum(leadership& it);
  void send_snapshot_if_due(leadership& it, spi::replica_id to, progress& peer);
  void start_reads(leadership& it);
  void forward_reads();
  void expire_reads();
  void refuse_reads(leadership* of, const std::string& why);
  void finish_read(const waiting_read& it, bool ok, const std::string& why);
  void refuse_read(spi::request_id id, spi::replica_id hint, std::string why);

  membership published_members_;
  std::tuple<spi::replica_role, std::uint64_t, spi::replica_id> published_role_;
  follower_reads follower_reads_;
};

template <class Log>
void leader_based_replica::deliver_from(Log& log) {
  if (snapshot_)
    return;
  spi::apply entries;
  while (delivered_ < commit_ && outbox_.is_durable(log.at(delivered_ + 1).token)) {
    auto& it = log.at(++delivered_);
    entries.entries.push_back({delivered_, std::exchange(it.id, 0), !it.is_command(),
                               it.is_command() ? it.command() : std::string{}});
  }
  if (!entries.entries.empty())
    outbox_.emit(std::move(entries));
}

template <class Log>
void leader_based_replica::resign(Log& log, leadership* ended, spi::request_id change,
                                  const std::string& why) {
  leader_ = 0;
  refuse_as_unknown(log, commit_ + 1, log.last(), why);
  if (change != 0)
    outbox_.emit(spi::refuse{change, spi::refusal::unknown, 0, why});
  refuse_reads(ended, why);
  restart_election_timer();
}

template <class Log>
leader_based_replica::batch leader_based_replica::batch_of(const Log& log, spi::log_index first,
                                                           spi::log_index last) const {
  batch it{first, 0, 0};
  while (first + it.count <= last &&
         (it.count == 0 || it.bytes + log.at(first + it.count).bytes() <= limits_.batch_bytes))
    it.bytes += log.at(first + it.count++).bytes();
  return it;
}

template <class Log>
void leader_based_replica::refuse_as_unknown(Log& log, spi::log_index first, spi::log_index last,
                                             const std::string& why) {
  for (auto index = std::max(first, log.base() + 1); index <= std::min(last, log.last()); ++index)
    if (auto id = std::exchange(log.at(index).id, 0))
      outbox_.emit(spi::refuse{id, spi::refusal::unknown, 0, why});
}

} // namespace atl::leader_based
