#pragma once

#include <atoll/spi/plugin.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// A consensus protocol as a deterministic state machine: events in, effects out. It reads no
/// clock, draws no number but from its seed, opens no file, starts no thread. A host (the actor
/// runtime, or the simulator) calls it from one thread, and carries its effects out.
///
/// The protocol orders *commands* for a group of replicas, as a log: index 1, 2, 3, … Each
/// replica is told to apply the same commands at the same indexes.
namespace atl::spi {

/// A replica within its group; never 0, and never given to another disk.
using replica_id = std::uint32_t;
/// Place in the group's log; the first entry is 1, and 0 means "none".
using log_index = std::uint64_t;
/// Names a proposal or a read between host and protocol; unique within one run of the host.
using request_id = std::uint64_t;
/// Names a `persist` effect; grows by one with each. 0 means "nothing to wait for".
using persist_token = std::uint64_t;
/// Since an arbitrary start; only differences mean anything, and only on one replica.
using timestamp = std::chrono::microseconds;

// -- durable state ----------------------------------------------------------------------------

/// Durable records stand in numbered streams, each at an index of the protocol's choice. A log in
/// the manner of Raft or Multi-Paxos uses one stream.
struct put_record {
  std::uint32_t stream = 0;
  std::uint64_t index = 0;
  std::string bytes;
};
/// Removes the records of a stream with `first` ≤ index ≤ `last`.
struct erase_records {
  std::uint32_t stream = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};
/// Replaces the protocol's one small blob: term and vote, promised ballot, and the like.
struct set_meta {
  std::string bytes;
};
using disk_op = std::variant<put_record, erase_records, set_meta>;

/// How a record reads. Damaged is not missing: a protocol that takes the one for the other forgets
/// what it promised (Alagappan et al., *Protocol-Aware Recovery*, FAST '18).
enum class record_state : std::uint8_t { ok, corrupt };

struct stable_record {
  std::uint32_t stream = 0;
  std::uint64_t index = 0;
  record_state state = record_state::ok;
  std::string bytes; ///< empty when corrupt
};

/// What a replica finds on its disk when it starts: all that was durable, in order of stream and
/// index. Empty on a new disk.
struct stable_state {
  std::optional<std::string> meta;
  bool meta_corrupt = false;
  std::vector<stable_record> records;
};

// -- effects ----------------------------------------------------------------------------------

/// Make all of `ops` durable, all or none, then call `on_durable(token)`. Later persists may share
/// the same sync, and one call may stand for many tokens.
struct persist {
  persist_token token = 0;
  std::vector<disk_op> ops;
};

/// Send `bytes` to a peer; it may get lost, doubled or late. It must not leave before everything up
/// to token `after` is durable: a vote or an acknowledgement names the record that it speaks of,
/// and no later one, since a disk may stall for seconds. 0: may leave at once. Messages with
/// different tokens may overtake each other.
struct send {
  replica_id to = 0;
  std::string bytes;
  persist_token after = 0;
};

/// Apply these entries, in order; each index comes once in a run, without gaps, starting after
/// what `start` said was applied. It is committed: no crash can take it back.
struct committed_entry {
  log_index index = 0;
  request_id id = 0;  ///< the proposal's if it was proposed here in this run, else 0
  bool no_op = false; ///< the index is used up, by nothing
  std::string command;
};
struct apply {
  std::vector<committed_entry> entries;
};

enum class refusal : std::uint8_t {
  not_proposed, ///< surely never takes effect; safe to propose again
  unknown,      ///< may take effect yet: repeat only under the same session and sequence number
};
/// A proposal that this replica will not see committed. (One that is committed is answered by
/// `apply`.)
struct refuse {
  request_id id = 0;
  refusal why = refusal::not_proposed;
  replica_id hint = 0; ///< try there; 0: not known
  std::string reason;  ///< for people: what is in the way, and until when
};

/// The state, once everything up to `index` is applied, is fresh enough for read `id`.
struct read_ready {
  request_id id = 0;
  log_index index = 0;
};
struct read_refused {
  request_id id = 0;
  replica_id hint = 0;
  std::string reason;
};

/// Ask this replica's host whether it could carry out the command, then call `on_validated`.
struct validate {
  std::uint64_t ticket = 0;
  std::string command;
};

/// Send the newest snapshot of the state machine to `to`; then call `on_snapshot_sent`.
struct send_snapshot {
  replica_id to = 0;
};
/// Take over the snapshot that was received from a peer (`on_snapshot_received`), which stands for
/// all entries up to `index`; then call `on_installed`.
struct install_snapshot {
  log_index index = 0;
};

struct members_changed {
  std::vector<replica_id> voters;
  std::vector<replica_id> learners;
};

enum class replica_role : std::uint8_t { follower, candidate, leader, learner };
struct role_changed {
  replica_role role = replica_role::follower;
  std::uint64_t term = 0; ///< term or ballot; 0 for protocols that know none
  replica_id leader = 0;  ///< 0: not known
};

/// The replica can't go on without breaking a promise: the host stops it and says why.
struct fatal {
  std::string reason;
};

using effect = std::variant<persist, send, apply, refuse, read_ready, read_refused, validate,
                            send_snapshot, install_snapshot, members_changed, role_changed, fatal>;

// -- the protocol -----------------------------------------------------------------------------

enum class read_level : std::uint8_t {
  linearizable, ///< sees every write that was answered before the read began
  local,        ///< whatever this replica has applied
};

struct consensus_setup {
  const atl::spi::options& options;
  replica_id self = 0;
  std::vector<replica_id> voters; ///< of the group at its birth, with or without `self`
  std::uint64_t seed = 0;         ///< for jitter; differs between replicas
  /// Grows with each start of this replica, also when its disk was lost, so that peers can tell its
  /// lives apart.
  std::uint64_t incarnation = 0;
};

/// Numbers for checkers and metrics.
struct consensus_status {
  replica_role role = replica_role::follower;
  std::uint64_t term = 0;
  replica_id leader = 0;
  log_index committed = 0; ///< everything up to here is known to be committed
  log_index accepted = 0;  ///< the last index with a durable record here
  log_index first = 1;     ///< the first index still in the log
  std::size_t pending = 0; ///< proposals and reads not yet answered
  /// May a write succeed now, as far as this replica knows? Empty: yes; else the reason why not.
  std::string blocked;
};

/// One replica of a group. The host calls from one thread; after every call, or a few, it calls
/// `drain` and carries out the effects in their order. `advance` is called with the present time
/// before each batch of other events, so that a protocol knows it without asking: a time at which
/// all of them had come, or later.
///
/// Claims that a verifier knows: `safe_with_crashes` and `live_with_crashes` = `none` | `minority`
/// | `all` (of the replicas), `linearizable_reads`, `blocks_on_one_failure`, `changes_members` and
/// `transfers_leadership` = `yes` | `no`, `trusts_clocks_with` = the name of a boolean option: with
/// it on, reads are linearizable only while no clock jumps, and none runs faster than another's by
/// more than the integer option `clock_drift` says, in millionths; and `quorum_options` = the names
/// of options, with commas between them, that set sizes of quorums: with one of them not at its
/// default a quorum may need every voter, and `live_with_crashes` and `changes_members` are no
/// promises.
class consensus {
 public:
  consensus() = default;
  consensus(const consensus&) = delete;
  consensus& operator=(const consensus&) = delete;
  virtual ~consensus() = default;

  /// First call. @param stable what is durable. @param applied the index up to which the state
  /// machine is durable: `apply` goes on behind it.
  virtual void start(stable_state stable, log_index applied, timestamp now) = 0;

  virtual void advance(timestamp now) = 0;
  /// When `advance` is wanted next, if nothing else happens. In the past means now.
  virtual timestamp deadline() const = 0;

  /// A message from a peer: may be late, doubled, out of order, from an earlier incarnation of the
  /// peer, or garbage.
  virtual void step(replica_id from, std::string_view bytes) = 0;

  /// Everything up to `token` is on stable storage.
  virtual void on_durable(persist_token token) = 0;
  /// Messages to `peer` don't get through at the moment: a hint, never a proof.
  virtual void on_unreachable(replica_id peer) = 0;

  virtual void propose(request_id id, std::string command) = 0;
  virtual void read(request_id id, read_level level) = 0;
  /// Answers `validate`. @param reason why not, when `ok` is false.
  virtual void on_validated(std::uint64_t ticket, bool ok, std::string_view reason) = 0;
  /// Makes `voters` and `learners` the group's members; answered like a proposal.
  virtual void reconfigure(request_id id, std::vector<replica_id> voters,
                           std::vector<replica_id> learners) = 0;
  /// Hands leadership to a peer, in protocols that have one.
  virtual void transfer(replica_id to) = 0;

  /// The state machine is durable up to `index`: the log may be cut there.
  virtual void on_applied(log_index index) = 0;
  virtual void on_snapshot_sent(replica_id to, bool ok) = 0;
  /// A peer's snapshot arrived, up to `index`, with the protocol's blob that went with it.
  virtual void on_snapshot_received(log_index index, std::string_view blob) = 0;
  /// The protocol's own part of a snapshot taken at `index`.
  virtual std::string snapshot_blob(log_index index) const = 0;
  virtual void on_installed(log_index index) = 0;

  /// Moves the effects of all calls so far to the end of `out`.
  virtual void drain(std::vector<effect>& out) = 0;

  virtual consensus_status status() const = 0;

  /// The operator's word that this replica's disk is gone: it never comes back under this id. For
  /// protocols that can't go on without every member, and so can't put one out of the group that is
  /// merely silent. Given to any member, again and again if need be; then a `reconfigure` without
  /// the lost one can be committed. Protocols that need no such word do nothing. Since 1.1: a host
  /// doesn't call it on what a plugin of interface 1.0 made.
  virtual void declare_lost(replica_id) {}
};

} // namespace atl::spi
