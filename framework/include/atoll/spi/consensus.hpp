#pragma once

#include <atoll/spi/plugin.hpp>
#include <atoll/spi/timestamp.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// A consensus protocol is a deterministic state machine: events go in, effects come out. It reads
/// no clock, draws random numbers from its seed only, opens no file and starts no thread. A host
/// (the actor runtime or the simulator) calls it and carries its effects out.
///
/// The protocol orders *commands* for a group of replicas (state machine replication: Schneider,
/// *Implementing fault-tolerant services*, 1990). The order is a log with the indexes 1, 2, 3, …;
/// every replica applies the same commands at the same indexes.
namespace atl::spi {

/// Identifies a replica within its group. Never 0, and never reused for another disk.
using replica_id = std::uint32_t;
/// Index of an entry of the group's log. The first entry has index 1; 0 means "none".
using log_index = std::uint64_t;
/// Identifies a proposal or a read between host and protocol; unique within one run of the host.
using request_id = std::uint64_t;
/// Identifies a `persist` effect. The first one of a run has token 1, and each further one the next
/// number. 0 means "nothing to wait for".
using persist_token = std::uint64_t;

/// Largest command that a host proposes.
inline constexpr std::size_t command_bytes_max = std::size_t{7} << 20;
/// Largest message that a host delivers. It has room for one command and what a protocol adds.
inline constexpr std::size_t message_bytes_max = std::size_t{8} << 20;

// -- durable state ----------------------------------------------------------------------------

/// Stores a durable record. Records are kept in numbered streams; the protocol chooses the index of
/// each record, and a second record at the same index replaces the first. A log as in Raft or
/// Multi-Paxos needs one stream.
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
/// Replaces the protocol's only small blob of metadata: term and vote, promised ballot, and so on.
struct set_meta {
  std::string bytes;
};
using disk_op = std::variant<put_record, erase_records, set_meta>;

/// Whether a record could be read back. A damaged record is not a missing record: a protocol that
/// treats a damaged record as missing forgets its promises (Alagappan et al., *Protocol-Aware
/// Recovery*, FAST '18).
enum class record_state : std::uint8_t { ok, corrupt };

struct stable_record {
  std::uint32_t stream = 0;
  std::uint64_t index = 0;
  record_state state = record_state::ok;
  std::string bytes; ///< empty when corrupt
};

/// Everything durable that a replica finds on its disk when it starts, ordered by stream and index.
/// Empty on a new disk.
struct stable_state {
  std::optional<std::string> meta;
  bool meta_corrupt = false;
  std::vector<stable_record> records;
};

// -- effects ----------------------------------------------------------------------------------

/// Makes all of `ops` durable, atomically; the host then calls `on_durable(token)`. Several
/// persists may share one disk sync, and one call of `on_durable` acknowledges all tokens up to its
/// own.
struct persist {
  persist_token token = 0;
  std::vector<disk_op> ops;
};

/// Sends `bytes` to a peer. The message may get lost, arrive twice or arrive late. The host holds
/// the message back until all persists up to token `after` are durable; 0: the message may leave at
/// once. `after` should be the record that the message speaks of (a vote, an acknowledgement) and
/// no later one, because a disk may stall for seconds. Messages with different tokens may overtake
/// each other. At most `message_bytes_max` bytes: a host never delivers a larger message.
struct send {
  replica_id to = 0;
  std::string bytes;
  persist_token after = 0;
};

/// An entry that is committed: no crash can undo it.
struct committed_entry {
  log_index index = 0;
  request_id id = 0;  ///< of the proposal if it was proposed here in this run, otherwise 0
  bool no_op = false; ///< the index holds no command
  std::string command;
};
/// Applies these entries to the state machine in this order. Within a run each index is delivered
/// exactly once and without gaps, beginning with the index after `applied` of `start`. The entry of
/// a proposal made here answers that proposal.
struct apply {
  std::vector<committed_entry> entries;
};

enum class refusal : std::uint8_t {
  not_proposed, ///< the proposal never takes effect; it is safe to propose it again
  unknown,      ///< it may still take effect: repeat it only under the same session and number
  busy,         ///< it never takes effect; the obstacle passes by itself: repeat it here soon
};
/// Answers a proposal that this replica will not deliver in an `apply`.
struct refuse {
  request_id id = 0;
  refusal why = refusal::not_proposed;
  replica_id hint = 0; ///< the replica to ask instead; 0: not known
  std::string reason;  ///< a sentence for people: the obstacle, and what removes it
};

/// Answers a read: it may be served by the state machine here once everything up to `index` is
/// applied.
struct read_ready {
  request_id id = 0;
  log_index index = 0;
};
/// Answers a read that can't be served here.
struct read_refused {
  request_id id = 0;
  replica_id hint = 0;
  std::string reason;
};

/// Asks the host whether the state machine here could carry out the command; the host calls
/// `on_validated` with the same ticket exactly once.
struct validate {
  std::uint64_t ticket = 0;
  std::string command;
};

/// Sends the newest snapshot of the state machine to `to`; the host calls `on_snapshot_sent` when
/// the transfer has ended, whether it succeeded or not.
struct send_snapshot {
  replica_id to = 0;
};
/// Replaces the state machine by the snapshot last received from a peer (`on_snapshot_received`),
/// which includes all entries up to `index`; the host then calls `on_installed`.
struct install_snapshot {
  log_index index = 0;
};

/// The group has these members from now on, as far as this replica knows.
struct members_changed {
  std::vector<replica_id> voters;
  std::vector<replica_id> learners;
};

enum class replica_role : std::uint8_t { follower, candidate, leader, learner };
/// The role of this replica, its term or the leader it knows has changed.
struct role_changed {
  replica_role role = replica_role::follower;
  std::uint64_t term = 0; ///< term, ballot or epoch; 0 in protocols without any
  replica_id leader = 0;  ///< 0: not known
};

/// The replica can't continue without breaking a promise. The host stops it and reports the reason.
struct fatal {
  std::string reason;
};

using effect = std::variant<persist, send, apply, refuse, read_ready, read_refused, validate,
                            send_snapshot, install_snapshot, members_changed, role_changed, fatal>;

// -- the protocol -----------------------------------------------------------------------------

enum class read_level : std::uint8_t {
  linearizable, ///< sees every write that was answered before the read began
  local,        ///< sees what this replica has applied, which may be old
};

struct consensus_setup {
  const atl::spi::options& options;
  replica_id self = 0;
  std::vector<replica_id> voters; ///< when the group was founded, with or without `self`
  std::uint64_t seed = 0;         ///< of the protocol's random numbers; differs between replicas
  /// Grows with each start of this replica, also after the loss of its disk, so that peers can tell
  /// one run of it from another.
  std::uint64_t incarnation = 0;
};

/// A replica's state for checkers, metrics and operators.
struct consensus_status {
  replica_role role = replica_role::follower;
  std::uint64_t term = 0;
  replica_id leader = 0;
  log_index committed = 0; ///< all entries up to this index are known to be committed
  log_index accepted = 0;  ///< the last index with a durable record here
  log_index first = 1;     ///< the first index that is still in the log
  std::size_t pending = 0; ///< proposals and reads not yet answered
  /// Empty: a write may succeed now, as far as this replica knows. Otherwise the reason why not.
  std::string blocked;
};

/// One replica of a group.
///
/// Threads: the host makes all calls of one object one after the other, from any thread. Objects
/// share nothing. No call is made while another one runs: a protocol never calls its host.
///
/// Order of calls: `start` once, then any event. Before each batch of other events the host calls
/// `advance` with the present time, so that a protocol knows the time without asking for it. After
/// every call, or after a few of them, the host calls `drain` and carries the effects out in their
/// order.
///
/// Sizes: a command has at most `command_bytes_max` bytes and may be empty. Calls don't block, and
/// take time in proportion to their arguments and to what they complete.
///
/// Exceptions: a call that throws ends this replica; the runtime stops serving and reports the
/// plugin by name, and the simulator reports a violation. Bytes from peers and from the disk must
/// never make a call throw.
///
/// Claims that a verifier knows: `safe_with_crashes` and `live_with_crashes` = `none` | `minority`
/// | `all` (of the replicas), `linearizable_reads`, `blocks_on_one_failure`, `changes_members`,
/// `transfers_leadership` and `rebuilds_state` = `yes` | `no`, `trusts_clocks_with` = the name of a
/// boolean option: with it on, reads are linearizable only while no clock jumps, and none runs
/// faster than another's by more than the integer option `clock_drift` says, in millionths; and
/// `quorum_options` = the names of options, with commas between them, that set sizes of quorums:
/// with one of them not at its default a quorum may need every voter, and `live_with_crashes` and
/// `changes_members` are no promises.
class consensus {
 public:
  consensus() = default;
  consensus(const consensus&) = delete;
  consensus& operator=(const consensus&) = delete;
  virtual ~consensus() = default;

  /// The first call.
  /// @param stable everything that is durable
  /// @param applied the index up to which the state machine is durable: `apply` continues after it
  virtual void start(stable_state stable, log_index applied, timestamp now) = 0;

  /// Tells the time, and fires the timers that are due.
  /// @param now never less than in an earlier call of this run; all events of the batch that
  ///        follows had arrived by then
  virtual void advance(timestamp now) = 0;
  /// Time of the next timer: the host calls `advance` no later than this. A time in the past means
  /// immediately; `timestamp::max()` means that no timer is set. The host asks again after each
  /// `drain`.
  virtual timestamp deadline() const = 0;

  /// Takes a message from a peer. It may be late, repeated, out of order, from an earlier
  /// incarnation of the peer, or garbage.
  /// @param bytes valid during the call only
  virtual void step(replica_id from, std::string_view bytes) = 0;

  /// All persists up to `token` are on stable storage.
  virtual void on_durable(persist_token token) = 0;
  /// Messages to `peer` don't get through at present. This is a hint and never a proof.
  virtual void on_unreachable(replica_id peer) = 0;

  /// Proposes a command. Answered by an `apply` that contains `id`, or by `refuse`, exactly once
  /// unless the replica stops.
  virtual void propose(request_id id, std::string command) = 0;
  /// Begins a read. Answered by `read_ready` or `read_refused`, exactly once unless the replica
  /// stops.
  virtual void read(request_id id, read_level level) = 0;
  /// Answers a `validate` effect.
  /// @param reason why the command can't be carried out, when `ok` is false; valid during the call
  virtual void on_validated(std::uint64_t ticket, bool ok, std::string_view reason) = 0;
  /// Makes `voters` and `learners` the members of the group. Answered like a proposal: by an entry
  /// with this `id` and `no_op` once the change is in force, or by `refuse`.
  /// A change to the members that are in force succeeds; one that meets another change under way is
  /// refused as `busy`. A host asks for one change once, and shares the answer among repeated
  /// requests for it.
  virtual void reconfigure(request_id id, std::vector<replica_id> voters,
                           std::vector<replica_id> learners) = 0;
  /// Hands leadership over to a peer. Ignored by protocols without a leader, and by followers.
  virtual void transfer(replica_id to) = 0;

  /// The state machine is durable up to `index`: the log is no longer needed up to there.
  virtual void on_applied(log_index index) = 0;
  /// A transfer begun by `send_snapshot` has ended. @param ok the peer has the whole snapshot
  virtual void on_snapshot_sent(replica_id to, bool ok) = 0;
  /// A snapshot of a peer has arrived and waits for `install_snapshot`.
  /// @param index the snapshot includes all entries up to this index
  /// @param blob what the peer's `snapshot_blob(index)` returned; hostile like all bytes from peers
  virtual void on_snapshot_received(log_index index, std::string_view blob) = 0;
  /// The protocol's own part of a snapshot that includes all entries up to `index`: members, last
  /// term, and so on. Sent along with the snapshot.
  virtual std::string snapshot_blob(log_index index) const = 0;
  /// The state machine has taken the snapshot's state over and is durable up to `index`.
  virtual void on_installed(log_index index) = 0;

  /// Moves the effects of all calls since the last `drain` to the end of `out`.
  virtual void drain(std::vector<effect>& out) = 0;

  virtual consensus_status status() const = 0;

  /// The operator declares that the disk of `lost` is gone: that replica never comes back under its
  /// id. For protocols that need every member, and so can't remove a member that is merely silent.
  /// Any member may be told, repeatedly; afterwards a `reconfigure` without the lost replica can be
  /// committed. Protocols that need no such declaration ignore it.
  virtual void declare_lost(replica_id lost) { (void)lost; }

  /// Called before `start` when this replica's copy of the state machine was damaged and the host
  /// has put a peer's snapshot in its place; the records are intact. The `applied` of `start` is
  /// `index` then, which may lie before or after the entries that the records hold. `start` makes
  /// what the protocol takes from `blob` durable with its first `persist`; if the replica crashes
  /// before that, the host rebuilds the state machine again.
  /// Hosts call this function only of protocols that claim `rebuilds_state`.
  /// @param stable what `start` will be given
  /// @param index as in `on_snapshot_received`, like `blob`
  /// @returns false: the protocol can't go on from this snapshot, because entries between the
  /// snapshot and the records are missing, or because the blob makes no sense. Nothing has changed,
  /// and the host may call again with another snapshot.
  virtual bool rebuild_from(const stable_state& stable, log_index index, std::string_view blob) {
    (void)stable, (void)index, (void)blob;
    return false;
  }
};

} // namespace atl::spi
