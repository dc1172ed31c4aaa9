#pragma once

#include "protocol_subject.hpp"
#include "recorder.hpp"
#include "reference_run.hpp"

#include <atoll/sim/scripted_simulation.hpp>
#include <atoll/verify/scenarios.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace atl::verify {

/// What a scenario is run with.
struct scenario_setting {
  const protocol_subject& protocol;
  std::uint32_t replicas = 3;
  std::vector<spi::replica_id> ids{};
  const scenario_observer* observer = nullptr;
  const reference_run* reference = nullptr; ///< one of this protocol; none was made
};

/// A group of replicas in a scripted simulation, and a client that knows nothing of its protocol:
/// it asks any replica that is up, follows hints, and tries again. What doesn't come true throws
/// `broken`. Scenarios name replicas 1, 2, 3, …, whatever ids the protocol knows them by.
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
  const protocol_subject& protocol() const { return protocol_; }

  /// Adds one to a counter, under one session, until that is answered: so often it was applied.
  void add_one();
  /// Tries to, for as long. @returns whether it was answered
  bool try_to_add(std::chrono::microseconds limit);
  /// The next increments go to this one first.
  void ask(replica_id id) { ask_ = id; }
  /// Proposes to one replica, once, a command of its own with `padding` more bytes.
  sim::scripted_simulation::ticket write_at(replica_id at, std::size_t padding = 0);
  /// Asks whoever leads to, until that is answered.
  void change_members(const std::vector<replica_id>& voters,
                      const std::vector<replica_id>& learners = {});
  /// A linearizable read that must see every `add_one`. 0: of whoever answers.
  void must_read(replica_id at = 0);
  /// A linearizable read at one replica, whose answer, if it comes, `must_have_read_fresh` looks
  /// at.
  void read_at(replica_id id);
  /// Of those reads, none that was answered missed an increment that was answered before it began.
  void must_have_read_fresh();
  /// All replicas are up, have applied the same and committed the same, and no rule was broken.
  void must_agree();
  /// Heals the network, starts what is down, and wants a write, a read and agreement.
  void must_recover();
  /// Neither was a rule broken nor did a replica stop itself. What a replica that stopped itself
  /// could hide is looked for first.
  void must_have_no_violation();

  /// Who says that it leads and isn't blocked; 0: nobody.
  replica_id leader() const;
  /// The same, of these alone.
  replica_id leader_of(const std::vector<replica_id>& some) const;
  /// A replica that leads, or without one the first.
  replica_id leader_or_first() const { return leader() != 0 ? leader() : 1; }
  /// Runs until the moment at which one of these leads in a later term than `after`, blocked or
  /// not.
  /// @returns it; 0: none did in time
  replica_id await_leader_of(const std::vector<replica_id>& some, std::uint64_t after = 0,
                             std::chrono::microseconds limit = std::chrono::seconds{30});
  /// Has this one elected, if need be again and again, without any restart. @returns whether it
  /// leads
  bool make_lead(replica_id id);
  std::uint64_t term_of(replica_id id) const { return simulation_.status(id).term; }
  /// All members but these.
  std::vector<replica_id> others(const std::vector<replica_id>& than) const;
  /// Replicas of one side reach each other, and nobody else.
  void partition(const std::vector<std::vector<replica_id>>& sides);
  /// Lets this many messages through from now on, and no more.
  void let_through(std::uint64_t messages);

  std::int64_t count() const { return count_; }
  static constexpr std::uint64_t counter = 1; ///< the key that `add_one` adds to

 private:
  bool is_over();
  void look_behind_fatal();

  const protocol_subject& protocol_;
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
