#pragma once

#include <atoll/core/state/session_command.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atl::verify {

/// What the first replica made of each log entry that it applied, for comparison with what the
/// other replicas make of the entry. Each `add` returns what differs, as a sentence.
class applied_history {
 public:
  /// The session of a command, and its number there.
  using command_id = std::pair<session_id, std::uint64_t>;
  using finding = std::optional<std::string>;

  /// What a replica made of an entry.
  struct outcome {
    std::string answer;
    bool took_effect = false;  ///< Did the logic carry out a command?
    std::uint64_t time_us = 0; ///< the state's time after the entry
  };

  /// A replica applied the next entry.
  finding add_entry(spi::replica_id replica, const spi::committed_entry& entry,
                    const outcome& made);
  /// Has the command of this entry, which was added, taken effect at an earlier entry as well,
  /// which its session must have prevented?
  /// @param idle_max_us sessions that were idle for longer, in the state's time, may have ended
  finding repeated_effect(const spi::committed_entry& entry, std::uint64_t idle_max_us) const;
  /// A client was told that a command certainly never takes effect.
  finding add_refusal(const command_id& command);
  /// A replica that has applied all entries up to `index` has rows of this digest.
  finding add_digest(spi::replica_id replica, spi::log_index index, std::uint64_t digest);
  /// A replica that has applied all entries up to `index` answered this query.
  finding add_query(spi::replica_id replica, spi::log_index index, std::uint64_t query,
                    const std::string& answer);

  /// The entry up to `index` at which a command took effect last; 0: there is none.
  spi::log_index last_effect(const command_id& command, spi::log_index index) const;
  /// The entry up to `index` at which any command of a session took effect last; 0: there is none.
  spi::log_index last_effect(const session_id& session, spi::log_index index) const;
  /// The answer to an entry that was added.
  const std::string& answer(spi::log_index index) const { return entries_[index].made.answer; }
  /// The error in the answer to an entry, if the entry was added and the logic carried it out.
  std::optional<std::string> failure_of(spi::log_index index) const;
  /// The queries that replicas answered after the entry.
  std::vector<std::uint64_t> queries_after(spi::log_index index) const;
  /// The state's time that passed between two entries that were added.
  std::uint64_t time_between(spi::log_index first, spi::log_index last) const {
    return entries_[last].made.time_us - entries_[first].made.time_us;
  }
  /// How many commands had taken effect once the entry at `index` was applied: equal for indexes
  /// with the same state.
  std::uint64_t effects_up_to(spi::log_index index) const {
    return index < entries_.size() ? entries_[index].effects : 0;
  }

 private:
  struct entry_facts {
    spi::replica_id first_applied_by = 0;
    outcome made;
    bool no_op = false;
    std::uint64_t effects = 0;         ///< of all entries up to this one
    spi::log_index earlier_effect = 0; ///< of the same command; 0: none
  };
  template <class Value>
  struct first_seen {
    spi::replica_id replica = 0;
    Value value;
  };

  /// No-ops at the end of the log may be lost with the disk of the only replica that applied them.
  /// Whether they may have been is for the simulator's checks of the log to say.
  void forget_from(spi::log_index index);

  std::vector<entry_facts> entries_{entry_facts{}}; ///< by index
  std::map<spi::log_index, first_seen<std::uint64_t>> digests_;
  std::map<std::pair<spi::log_index, std::uint64_t>, first_seen<std::string>> queries_;
  /// The entries at which a command took effect, in order.
  std::map<command_id, std::vector<spi::log_index>> effects_;
  std::set<command_id> refused_; ///< must never take effect
};

} // namespace atl::verify
