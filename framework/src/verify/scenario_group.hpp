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
  const reference_run* reference = nullptr; ///< a run of this protocol; null: none was made
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

  /// Increments a counter under one session, and retries until the increment is answered.
  void add_one();
  /// Like `add_one`, but gives up after a time. @returns whether it was answered
  bool try_to_add(std::chrono::microseconds limit);
  /// The next increments ask this replica first.
  void ask_first(replica_id id) { next_target_ = id; }
  /// Proposes to one replica, once, a command of its own with `padding` more bytes.
  sim::scripted_simulation::ticket write_at(replica_id at, std::size_t padding = 0);
  /// Proposes the change to the current leader, and retries until the change is answered.
  void change_members(const std::vector<replica_id>& voters,
                      const std::vector<replica_id>& learners = {});
  /// A linearizable read at replica `at` that must see every `add_one`. 0: at any replica that
  /// answers.
  void must_read(replica_id at = 0);
  /// Begins a linearizable read at one replica. If the read is answered, `must_have_read_fresh`
  /// checks the answer.
  void read_at(replica_id id);
  /// Requires that no answered read of `read_at` missed an increment that was answered before the
  /// read began.
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
  /// The same, among these replicas only.
  replica_id leader_of(const std::vector<replica_id>& some) const;
  /// The current leader, or the first replica if there is none.
  replica_id leader_or_first() const { return leader() != 0 ? leader() : 1; }
  /// Runs until one of these replicas leads in a later term than `after`, blocked or not.
  /// @returns the leader; 0: none within `limit`
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
  void drop_after(std::uint64_t messages);

  std::int64_t count() const { return count_; }
  static constexpr std::uint64_t counter = 1; ///< the key that `add_one` adds to

 private:
  bool is_over();
  void continue_after_fatal();

  const tested_protocol& protocol_;
  std::uint32_t size_;             ///< the number of founders
  std::uint32_t size_with_spares_; ///< with the replicas that may join
  sim::scripted_simulation simulation_;
  struct started_read {
    sim::scripted_simulation::ticket ticket = 0;
    replica_id at = 0;
    std::int64_t count = 0; ///< answered increments when the read began
  };
  std::vector<started_read> reads_;
  std::string stopped_itself_; ///< the first replica that stopped itself, and why
  std::uint64_t sequence_ = 0;
  std::uint64_t tags_ = 0;
  std::int64_t count_ = 0;
  replica_id next_target_ = 1;
};

} // namespace atl::verify
