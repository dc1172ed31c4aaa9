#pragma once

#include <atoll/spi/consensus.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

/// Linearizable reads without a write, for protocols with a leader (Ongaro's dissertation, 6.4):
/// the leader notes how far it has committed, makes sure by a round of heartbeats that it still
/// leads, and only then answers. A follower asks the leader, and reads its own state.
namespace atl::leader_based {

/// Reads that wait at one replica; more are refused.
inline constexpr std::size_t waiting_reads_max = 65536;

/// A follower's batch of reads. The life is the follower's: its next one must not take the answer
/// for its own.
struct ticket {
  std::uint64_t incarnation = 0;
  std::uint64_t nonce = 0;
};

/// A read, or a follower's batch of them, at the leader.
struct waiting_read {
  spi::request_id id = 0;   ///< of this replica's own; 0: it is a follower's batch
  spi::replica_id from = 0; ///< the follower
  ticket asked;             ///< by that follower
  spi::timestamp deadline{0};
  spi::log_index index = 0; ///< what was committed when the round began
  std::uint64_t round = 0;  ///< of heartbeats that a quorum must answer; 0: none yet
};

/// The leader's side.
class leader_reads {
 public:
  bool empty() const { return reads_.empty(); }
  std::size_t size() const { return reads_.size(); }
  bool full() const { return reads_.size() >= waiting_reads_max; }
  /// Whether a round should begin: some wait for one, and none is under way. One at a time carries
  /// all reads that came meanwhile.
  bool needs_heartbeat_round() const { return !reads_.empty() && reads_.front().round == 0; }
  /// Of the oldest. @pre not empty
  spi::timestamp deadline() const { return reads_.front().deadline; }

  void add(const waiting_read& it) { reads_.push_back(it); }
  /// Those that wait for a round get this one.
  void assign_round(std::uint64_t round, spi::log_index committed);
  /// @returns those whose round a quorum has answered, up to `confirmed`.
  std::vector<waiting_read> take_confirmed(std::uint64_t confirmed);
  std::vector<waiting_read> take_expired(spi::timestamp now);
  std::vector<waiting_read> take_all();

 private:
  std::deque<waiting_read> reads_;
};

/// The follower's side.
class follower_reads {
 public:
  explicit follower_reads(std::uint64_t incarnation) : incarnation_{incarnation} {}

  bool has_unsent() const { return !fresh_.empty(); }
  bool full() const { return size() >= waiting_reads_max; }
  /// Reads not yet answered.
  std::size_t size() const;
  /// When the oldest batch was waited for long enough; far ahead when there is none.
  spi::timestamp deadline() const;

  void add(spi::request_id id) { fresh_.push_back(id); }
  /// Makes a batch of all that were added; the ticket goes to the leader.
  ticket forward(spi::timestamp deadline);
  /// The reads of an answered batch; none for what is not under way.
  std::vector<spi::request_id> take_answered(const ticket& asked);
  std::vector<spi::request_id> take_expired(spi::timestamp now);
  std::vector<spi::request_id> take_all();

 private:
  struct batch {
    std::vector<spi::request_id> ids;
    spi::timestamp deadline{0};
  };

  std::uint64_t incarnation_;
  std::uint64_t nonces_ = 0;
  std::vector<spi::request_id> fresh_;
  std::map<std::uint64_t, batch> forwarded_; ///< by nonce, and so by age
};

} // namespace atl::leader_based
