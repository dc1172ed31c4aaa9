#pragma once

#include "fault_schedule.hpp"

#include <atoll/keep/keeper_settings.hpp>
#include <atoll/sim/storage_simulation.hpp>

#include <cstdint>
#include <vector>

namespace atl::sim {

/// What a seed draws besides faults.
struct storage_parameters {
  keep::keeper_settings settings;
  std::uint32_t zones = 1;
  std::uint64_t disk_bytes = 0;          ///< capacity of a disk
  bool are_disks_uneven = false;         ///< some disks are larger
  std::uint64_t node_bytes_a_second = 0; ///< how quickly a node copies one fragment
  std::int64_t delay_min_us = 0;         ///< of a message
  std::int64_t delay_jitter_us = 0;
  std::int64_t query_us_max = 0; ///< of a query or command of the state
  /// Between two heartbeats of a node. 0: nodes send none by themselves, and
  /// `keeper_hosts::hear_all` is called for them.
  std::int64_t heartbeat_us = 500'000;
  /// How late a host may call a keeper that has had nothing to do for a while.
  std::int64_t idle_wake_us = 0;
  std::uint32_t slice_fragments = 0; ///< that a node lists at once
  std::int64_t scrub_period_us = 0;  ///< within which damage is found
  std::int64_t upload_window_us = 0; ///< after which an unfinished upload is refused
  std::int64_t think_us = 0;         ///< mean pause of a client
  /// When nodes join that are empty.
  std::vector<std::int64_t> joins_at;
  /// Whether faults may destroy more fragments of a unit than the scheme survives.
  bool exceeds_promise = false;
};

/// @param fragments of a unit
storage_parameters draw_parameters(const storage_simulation_options& options,
                                   const fault_schedule& faults, std::uint32_t fragments);

} // namespace atl::sim
