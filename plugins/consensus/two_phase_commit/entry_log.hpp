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
  empty,        ///< nothing
  prepared,     ///< its command; the decision isn't known here, or isn't made
  damaged,      ///< a record was here and can't be read; the decision isn't known
  committed,    ///< decided, and the command is here
  command_lost, ///< decided to commit, and the command isn't here
  aborted,      ///< decided, and nothing
};
inline constexpr slot_state slot_state_last = slot_state::aborted;

enum class decision : std::uint8_t { none, commit, abort };

/// What an entry is about.
enum class entry_kind : std::uint8_t { command, change };
inline constexpr entry_kind entry_kind_last = entry_kind::change;

struct slot {
  std::string command;
  std::uint64_t epoch = 0; ///< of the coordinator that prepared it
  std::uint64_t votes = 0; ///< a bit an elector: said yes; while gathering: holds it in doubt
  spi::request_id id = 0;  ///< the proposal's, on the coordinator that took it
  spi::timestamp since{0}; ///< when the coordinator took it
  slot_state state = slot_state::empty;
  entry_kind kind = entry_kind::command;
  decision pending = decision::none; ///< the coordinator's decision, on its way to the disk
  bool has_command = false;
  bool asking = false; ///< the host is being asked whether it could carry the command out

  bool decided() const { return state == slot_state::committed || state == slot_state::aborted; }
};

/// The streams of records on disk.
inline constexpr std::uint32_t prepare_stream = 0;
inline constexpr std::uint32_t decision_stream = 1;

std::string encode_prepare_record(std::uint64_t epoch, entry_kind kind, std::string_view command);
std::string encode_decision_record(bool commit);

/// The protocol's blob.
struct meta_record {
  std::vector<spi::replica_id> birth; ///< the group's voters when it began: which group this is
  std::uint64_t epoch = 0;            ///< the newest that was promised or, on the coordinator, used
  bool whole = false;                 ///< false while what a lost disk held is being learnt again
  spi::log_index first = 1;           ///< records before it were cut
  /// Another replica coordinates, or did so last: it may have aborted what this one holds in doubt.
  bool follows = false;
  std::vector<spi::replica_id> lost{}; ///< never come back, as an operator said
  /// The group that was in force at the state machine's index, and all later ones that are
  /// decided; empty: the one of its birth.
  std::vector<placed_membership> groups{};
  /// The group of a snapshot that is being installed, and the snapshot's index.
  std::optional<std::pair<spi::log_index, placed_membership>> snapshot{};
};
std::string encode_meta(const meta_record& meta);
/// @returns false when the bytes aren't what `encode_meta` writes.
bool decode_meta(std::string_view bytes, meta_record& out);

/// The indexes from `first()` on, without gaps in memory.
class entry_log {
 public:
  /// The first index kept.
  spi::log_index first() const { return first_; }
  /// One beyond the last slot.
  spi::log_index end() const { return first_ + slots_.size(); }
  /// The last index of which anything is known; `first() - 1` when there is none.
  spi::log_index last() const { return last_; }
  /// Bytes of commands held.
  std::size_t bytes() const { return bytes_; }

  /// None when the index isn't held.
  slot* find(spi::log_index index) {
    return index < first_ || index >= end() ? nullptr : &slots_[index - first_];
  }
  const slot* find(spi::log_index index) const {
    return index < first_ || index >= end() ? nullptr : &slots_[index - first_];
  }
  /// Makes room up to `index`, which must not be before `first()`; the caller bounds it.
  slot& at(spi::log_index index);

  void set_state(spi::log_index index, slot_state state);
  void set_command(slot& into, std::string command);
  void drop_command(slot& from);

  /// Forgets everything before `first`.
  void cut(spi::log_index first);
  /// Forgets everything from `from` on.
  void truncate(spi::log_index from);

  /// Fills the log from what is durable. @param keeps_decisions the coordinator's: a record without
  /// a decision was not aborted, even if it is damaged, for no abort is told before it is durable.
  /// @returns false when an index is beyond reason.
  bool load(const spi::stable_state& stable, spi::log_index first, bool keeps_decisions);

 private:
  std::deque<slot> slots_;
  spi::log_index first_ = 1;
  spi::log_index last_ = 0;
  std::size_t bytes_ = 0;
};

} // namespace atl::two_phase
