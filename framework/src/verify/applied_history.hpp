#pragma once

#include <atoll/core/state/session_command.hpp>
#include <atoll/spi/consensus.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atl::verify {

/// What the first replica made of each log entry that it applied, for comparison with what the
/// other replicas make of the entry. Each `add` returns what differs, as a sentence.
class applied_history {
 public:
  using finding = std::optional<std::string>;

  /// A replica applied the next entry. @param took_effect whether the logic carried out a command
  finding add_entry(spi::replica_id replica, const spi::committed_entry& entry,
                    const std::string& answer, bool took_effect);
  /// Has the command of this entry, which was added, taken effect at an earlier entry as well?
  finding repeated_effect(const spi::committed_entry& entry) const;
  /// A replica that has applied all entries up to `index` has rows of this digest.
  finding add_digest(spi::replica_id replica, spi::log_index index, std::uint64_t digest);
  /// A replica that has applied all entries up to `index` answered this query.
  finding add_query(spi::replica_id replica, spi::log_index index, std::uint64_t query,
                    const std::string& answer);

  bool took_effect(const session_id& session, std::uint64_t sequence) const {
    return effects_.contains({session, sequence});
  }
  /// How many commands had taken effect once the entry at `index` was applied: equal for indexes
  /// with the same state.
  std::uint64_t effects_up_to(spi::log_index index) const {
    return index < entries_.size() ? entries_[index].effects : 0;
  }

 private:
  struct entry_facts {
    spi::replica_id first_applied_by = 0;
    std::string answer;
    bool no_op = false;
    bool took_effect = false;
    std::uint64_t effects = 0; ///< of all entries up to this one
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
  /// The entry at which a command first took effect.
  std::map<std::pair<session_id, std::uint64_t>, spi::log_index> effects_;
};

} // namespace atl::verify
