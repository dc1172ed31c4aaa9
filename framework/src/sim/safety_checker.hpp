#pragma once

#include <atoll/sim/simulation.hpp>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace atl::sim {

/// Checks safety over all replicas and all their incarnations. Keeps the first violation.
class safety_checker {
 public:
  /// @param now simulated time
  safety_checker(bool propose_once, const std::int64_t& now)
      : propose_once_{propose_once}, now_{now} {}

  bool ok() const { return violation_.empty(); }
  const std::string& violation() const { return violation_; }
  violation_kind kind() const { return kind_; }
  void violate(violation_kind kind, std::string_view what);
  /// Called once, with the first violation.
  std::function<void(const std::string&)> on_violation;

  /// `entry` was delivered to a replica's state machine, after which its chain is `chain`.
  /// @param tag of the attempt that proposed its command; 0: unknown
  void applies(spi::replica_id replica, const spi::committed_entry& entry, std::uint64_t chain,
               std::uint64_t tag);
  /// The chain at a committed index that a replica reached by a snapshot.
  bool matches(spi::log_index index, std::uint64_t chain) const {
    return index < facts_.size() && facts_[index].chain == chain;
  }
  spi::log_index last() const { return facts_.size() - 1; }

  /// A client's attempt was refused as not proposed.
  void refused(std::uint64_t tag);
  void role(spi::replica_id replica, const spi::role_changed& role);
  /// A replica's state in `term` is durable: its later incarnations must not be in an earlier term.
  void durable_term(spi::replica_id replica, std::uint64_t term);
  std::uint64_t durable_term(spi::replica_id replica) const;
  /// A replica's disk was lost: its terms may start over. No-ops at the end of the log that only
  /// this replica had applied may be lost unnoticed, so their indexes may be reused.
  void disk_lost(spi::replica_id replica);

 private:
  bool propose_once_;
  const std::int64_t& now_;
  violation_kind kind_ = violation_kind::none;
  std::string violation_;
  struct fact {
    std::uint64_t chain = 0;
    spi::replica_id first_applied_by = 0;
    bool applied_by_others = false; ///< another replica applied it as well
    bool no_op = false;
  };
  std::vector<fact> facts_{fact{}}; ///< by index
  std::unordered_map<std::uint64_t, spi::log_index> tags_;
  std::unordered_set<std::uint64_t> refused_;
  std::unordered_map<std::uint64_t, spi::replica_id> leaders_; ///< by term
  std::unordered_map<spi::replica_id, std::uint64_t> terms_;
};

} // namespace atl::sim
