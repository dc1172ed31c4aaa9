#pragma once

#include "members.hpp"

#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atl::two_phase {

/// What a replica knows of one index.
enum class slot_state : std::uint8_t {
  empty,        ///< nothing is known
  prepared,     ///< holds the command; the decision is unknown or not made yet
  damaged,      ///< a record exists and cannot be read; the decision is unknown
  committed,    ///< decided to commit; holds the command
  command_lost, ///< decided to commit; the command is missing
  aborted,      ///< decided to abort; holds no command
};
inline constexpr slot_state slot_state_last = slot_state::aborted;

enum class decision : std::uint8_t { none, commit, abort };

/// Kind of a log entry.
enum class entry_kind : std::uint8_t { command, change };
inline constexpr entry_kind entry_kind_last = entry_kind::change;

struct slot {
  std::string command;
  std::uint64_t epoch = 0; ///< epoch of the coordinator that prepared the entry
  /// One bit for each quorum member: voted yes; while collecting: holds the entry in doubt.
  std::uint64_t votes = 0;
  /// Request id of the proposal, on the coordinator that accepted it; 0: none.
  spi::request_id id = 0;
  spi::timestamp since{0}; ///< when the coordinator accepted the proposal
  slot_state state = slot_state::empty;
  entry_kind kind = entry_kind::command;
  decision pending =
      decision::none; ///< the coordinator's decision while it is being written to the disk
  bool has_command = false;
  bool validating = false; ///< the host is validating the command

  bool decided() const { return state == slot_state::committed || state == slot_state::aborted; }
};

/// Ids of the record streams on disk.
inline constexpr std::uint32_t prepare_stream = 0;
inline constexpr std::uint32_t decision_stream = 1;

std::string encode_prepare_record(std::uint64_t epoch, entry_kind kind, std::string_view command);
std::string encode_decision_record(bool commit);

/// The protocol's meta blob.
struct meta_record {
  std::vector<spi::replica_id>
      initial_voters;       ///< the voters of the group when it was created; identifies the group
  std::uint64_t epoch = 0;  ///< the newest epoch promised or, on the coordinator, used
  bool complete = false;    ///< false while the replica recovers what a lost disk held
  spi::log_index first = 1; ///< records before this index were cut
  /// True when another replica was the last coordinator: it may have aborted what this replica
  /// holds in doubt.
  bool was_participant = false;
  std::vector<spi::replica_id> lost{}; ///< declared lost by an operator; never come back
  /// Membership at the state machine's index, and all later decided ones; empty: the initial
  /// membership.
  std::vector<effective_membership> groups{};
  /// Index and membership of a snapshot that is being installed.
  std::optional<std::pair<spi::log_index, effective_membership>> snapshot{};
};
std::string encode_meta(const meta_record& meta);
/// @returns false when `encode_meta` did not write the bytes.
bool decode_meta(std::string_view bytes, meta_record& out);

/// Log slots from `first()` on; every index up to `end()` has a slot.
class entry_log {
 public:
  /// The first index that has a slot.
  spi::log_index first() const { return first_; }
  /// One past the last slot.
  spi::log_index end() const { return first_ + slots_.size(); }
  /// The last index whose slot is not empty; `first() - 1` when there is none.
  spi::log_index last() const { return last_; }
  /// Total size of the commands held, in bytes.
  std::size_t bytes() const { return bytes_; }

  /// @returns nullptr when the index has no slot.
  slot* find(spi::log_index index) {
    return index < first_ || index >= end() ? nullptr : &slots_[index - first_];
  }
  const slot* find(spi::log_index index) const {
    return index < first_ || index >= end() ? nullptr : &slots_[index - first_];
  }
  /// Adds slots up to `index`, which must not be before `first()`. The caller bounds `index`.
  slot& at(spi::log_index index);

  void set_state(spi::log_index index, slot_state state);
  void set_command(slot& into, std::string command);
  void drop_command(slot& from);

  /// Drops all slots before `first`.
  void cut(spi::log_index first);
  /// Drops all slots from `from` on.
  void truncate(spi::log_index from);

  /// Fills the log from the durable records.
  /// @param keeps_decisions true on a coordinator, whose aborts are durable before they are sent: a
  /// record without a decision, even a damaged one, was therefore not aborted.
  /// @returns false when an index is implausibly far from `first`.
  bool load(const spi::stable_state& stable, spi::log_index first, bool keeps_decisions);

 private:
  std::deque<slot> slots_;
  spi::log_index first_ = 1;
  spi::log_index last_ = 0;
  std::size_t bytes_ = 0;
};

} // namespace atl::two_phase
