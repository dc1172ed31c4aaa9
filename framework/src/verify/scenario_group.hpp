#pragma once

#include "recorder.hpp"
#include "reference_run.hpp"
#include "tested_protocol.hpp"

#include <atoll/sim/scripted_simulation.hpp>
#include <atoll/verify/scenarios.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace atl::verify {

/// The setting of a scenario.
struct scenario_setting {
  const tested_protocol& protocol;
  std::uint32_t replicas = 3;
  std::vector<spi::replica_id> ids{};
  const scenario_observer* observer = nullptr;
  const reference_run* reference = nullptr; ///< one of this protocol; none was made
};

/// A scripted group of replicas, and a client that knows nothing of the protocol: it asks any
/// running replica, follows hints, and retries. A failed expectation throws `broken`. Scenarios
/// name replicas 1, 2, 3, …, whatever ids the protocol sees. Not thread-safe.
class scenario_group {
 public:
  using replica_id = spi::replica_id;

  struct details {
    std::uint32_t replicas = 0; ///< 0: as the setting says
    std::uint64_t seed = 7;
  };
  explicit scenario_group(const scenario_setting& setting) : scenario_group{setting, details{}} {}
  scenario_group(const scenario_setting& setting, const details& how);

  sim::scripted_simulation& simulation() { return simulation_; }
  std::uint32_t size() const { return size_; }
  const tested_protocol& protocol() const { return protocol_; }

  /// Increments a counter under one session, and retries until that is answered.
  void add_one();
  /// Like `add_one`, but gives up after a time. @returns whether it was answered
  bool try_to_add(std::chrono::microseconds limit);
  /// The next increments ask this replica first.
  void ask(replica_id id) { ask_ = id; }
  /// Proposes to one replica, once, a command of its own with `padding` more bytes.
  sim::scripted_simulation::ticket write_at(replica_id at, std::size_t padding = 0);
  /// Asks the current leader, and retries until that is answered.
  void change_members(const std::vector<replica_id>& voters,
                      const std::vector<replica_id>& learners = {});
  /// A linearizable read that must see every `add_one`. 0: of whoever answers.
  void must_read(replica_id at = 0);
  /// A linearizable read at one replica, whose answer, if it comes, `must_have_read_fresh` looks
  /// at.
  void read_at(replica_id id);
  /// Of those reads, none that was answered missed an increment that was answered before it began.
  void must_have_read_fresh();
  /// Requires that all replicas are up, have applied and committed the same index, and violated
  /// nothing.
  void must_agree();
  /// Heals the network, restarts replicas that are down, and requires a write, a read and
  /// agreement.
  void must_recover();
  /// Requires that there is no violation and no replica stopped itself; reports violations first,
  /// because a stopped replica may hide them.
  void must_have_no_violation();

  /// The replica that reports to lead and is not blocked; 0: none.
  replica_id leader() const;
  /// The same, of these alone.
  replica_id leader_of(const std::vector<replica_id>& some) const;
  /// The current leader, or the first replica if there is none.
  replica_id leader_or_first() const { return leader() != 0 ? leader() : 1; }
  /// Runs until the moment at which one of these leads in a later term than `after`, blocked or
  /// not.
  /// @returns it; 0: none did in time
  replica_id await_leader_of(const std::vector<replica_id>& some, std::uint64_t after = 0,
                             std::chrono::microseconds limit = std::chrono::seconds{30});
  /// Makes this replica the leader, by repeated attempts without restarts. @returns whether it
  /// leads
  bool make_lead(replica_id id);
  std::uint64_t term_of(replica_id id) const { return simulation_.status(id).term; }
  /// All members except these.
  std::vector<replica_id> others(const std::vector<replica_id>& than) const;
  /// Partitions the group: only replicas on the same side reach each other.
  void partition(const std::vector<std::vector<replica_id>>& sides);
  /// Delivers this many further messages, and drops the rest.
  void let_through(std::uint64_t messages);

  std::int64_t count() const { return count_; }
  static constexpr std::uint64_t counter = 1; ///< the key that `add_one` adds to

 private:
  bool is_over();
  void look_behind_fatal();

  const tested_protocol& protocol_;
  std::uint32_t size_;      ///< of the group at its birth
  std::uint32_t everybody_; ///< with those that may join
  sim::scripted_simulation simulation_;
  struct started_read {
    sim::scripted_simulation::ticket ticket = 0;
    replica_id at = 0;
    std::int64_t count = 0; ///< when it began
  };
  std::vector<started_read> reads_;
  std::string stopped_itself_; ///< the first replica that did, and why
  std::uint64_t sequence_ = 0;
  std::uint64_t tags_ = 0;
  std::int64_t count_ = 0;
  replica_id ask_ = 1;
};

} // namespace atl::verify
