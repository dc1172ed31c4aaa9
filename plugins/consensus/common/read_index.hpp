#pragma once

#include <atoll/spi/consensus.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <tuple>
#include <vector>

/// Linearizable reads without a write, for protocols with a leader (Ongaro's dissertation, 6.4):
/// the leader notes its commit index, confirms with a round of heartbeats that it still leads, and
/// only then answers. A follower asks the leader for that index, and reads its own state.
namespace atl::leader_based {

/// Reads that wait at one replica; more are refused.
inline constexpr std::size_t waiting_reads_max = 65536;

/// Names a follower's batch of reads. The incarnation is the follower's: after a restart it must
/// not take a response to its previous incarnation for one of its own.
struct read_ticket {
  std::uint64_t incarnation = 0;
  std::uint64_t nonce = 0;

  static constexpr auto fields = std::tuple{&read_ticket::incarnation, &read_ticket::nonce};
};

/// A follower's reads: up to which index must it have applied?
struct read_request {
  read_ticket ticket{};

  static constexpr auto fields = std::tuple{&read_request::ticket};
};
struct read_response {
  read_ticket ticket{};
  bool ok = false;
  spi::log_index index = 0;

  static constexpr auto fields =
      std::tuple{&read_response::ticket, &read_response::ok, &read_response::index};
};

/// A read, or a follower's batch of them, at the leader.
struct waiting_read {
  spi::request_id id = 0;   ///< of a read at the leader itself; 0: a follower's batch
  spi::replica_id from = 0; ///< the follower, or the leader itself
  read_ticket ticket;       ///< the follower's
  spi::timestamp deadline{0};
  spi::log_index index = 0; ///< the commit index when the heartbeat round began
  std::uint64_t round = 0;  ///< the heartbeat round that a quorum must answer; 0: none yet
};

/// The leader's side.
class leader_reads {
 public:
  bool empty() const { return reads_.empty(); }
  std::size_t size() const { return reads_.size(); }
  bool full() const { return reads_.size() >= waiting_reads_max; }
  /// Whether reads wait for a heartbeat round to begin. While one is in progress none begins: the
  /// next one serves all reads that came meanwhile.
  bool needs_heartbeat_round() const { return !reads_.empty() && reads_.front().round == 0; }
  /// Of the oldest read. @pre not empty
  spi::timestamp deadline() const { return reads_.front().deadline; }

  void add(const waiting_read& it) { reads_.push_back(it); }
  /// Gives this heartbeat round to all reads that have none.
  void assign_round(std::uint64_t round, spi::log_index committed);
  /// @returns the reads whose round is at most `confirmed`, which a quorum has answered.
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

  bool has_unsent() const { return !unsent_.empty(); }
  bool full() const { return size() >= waiting_reads_max; }
  /// Reads that aren't answered yet.
  std::size_t size() const;
  /// When the oldest batch expires; `timestamp::max()` when there is none.
  spi::timestamp deadline() const;

  void add(spi::request_id id) { unsent_.push_back(id); }
  /// Makes a batch of all unsent reads. @returns its ticket, for the leader.
  read_ticket forward(spi::timestamp deadline);
  /// The reads of an answered batch; none if the batch isn't known.
  std::vector<spi::request_id> take_answered(const read_ticket& ticket);
  std::vector<spi::request_id> take_expired(spi::timestamp now);
  std::vector<spi::request_id> take_all();

 private:
  struct batch {
    std::vector<spi::request_id> ids;
    spi::timestamp deadline{0};
  };

  std::uint64_t incarnation_;
  std::uint64_t nonces_ = 0;
  std::vector<spi::request_id> unsent_;
  std::map<std::uint64_t, batch> forwarded_; ///< by nonce, and so by age
};

} // namespace atl::leader_based
