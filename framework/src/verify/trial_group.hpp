#pragma once

#include "recorder.hpp"

#include <atoll/sim/world.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace atl::verify {

/// @param sizes of groups; at least one
std::uint32_t nearest_to_three(const std::vector<std::uint32_t>& sizes);

/// What is tried: a plugin's protocol with its options.
struct protocol_subject {
  sim::consensus_factory factory;
  spi::options options;
  /// How it says to bear crashes: `none`, `minority`, `all`; empty when it doesn't.
  std::string safe_with_crashes;
  std::string live_with_crashes;
  bool linearizable_reads = false;
  bool changes_members = false;
  bool blocks_on_one_failure = false;
  /// Quorums have sizes of their own: no scenario changes the members.
  bool fixed_quorums = false;
  bool tell_losses = true; ///< false for plugins of interface 1.0
  std::vector<std::uint32_t> group_sizes{1, 2, 3, 4, 5, 6, 7}; ///< that the options admit
  /// Of the options that are durations; what a replica does by itself may repeat as often.
  std::chrono::microseconds shortest_duration{100'000};
  std::vector<spi::options> at_minimum; ///< the options with one of them at its minimum, each

  bool admits(std::uint32_t replicas) const;
  /// The admitted size that is nearest to three.
  std::uint32_t usual_size() const { return nearest_to_three(group_sizes); }

  sim::simulation_options simulation(std::uint64_t seed, std::uint32_t replicas) const;
};

/// A group of replicas in a scripted world, and a client that knows nothing of its protocol: it
/// asks whoever is up, follows hints, and tries again. What doesn't come true throws `broken`.
class trial_group {
 public:
  trial_group(const protocol_subject& what, std::uint32_t replicas, bool fatal_is_failure = true);

  sim::world& world() { return world_; }
  std::uint32_t size() const { return size_; }

  /// Adds one to a counter, under one session, until that is answered: so often it was applied.
  void add_one();
  /// Tries to, for as long. @returns whether it was answered
  bool try_to_add(std::chrono::microseconds limit);
  /// Asks whoever leads to, until that is answered.
  void change_members(const std::vector<spi::replica_id>& voters,
                      const std::vector<spi::replica_id>& learners = {});
  /// A linearizable read that must see every `add_one`. 0: of whoever answers.
  void must_read(spi::replica_id at = 0);
  /// All replicas are up, have applied the same and decided the same, and no rule was broken.
  void must_agree();
  void must_have_no_violation() const;

  /// Who says that it leads and isn't blocked; 0: nobody.
  spi::replica_id leader() const;
  std::int64_t count() const { return count_; }

 private:
  sim::world world_;
  std::uint32_t size_;      ///< of the group at its birth
  std::uint32_t everybody_; ///< with those that may join
  std::uint64_t sequence_ = 0;
  std::uint64_t tags_ = 0;
  std::int64_t count_ = 0;
  spi::replica_id ask_ = 1;
};

/// Crashes and mended faults of scripted stories, and hostile bytes: see the names that they give.
void try_stories(const protocol_subject& what, recorder& out);
void try_hostile_bytes(const protocol_subject& what, recorder& out);

} // namespace atl::verify
