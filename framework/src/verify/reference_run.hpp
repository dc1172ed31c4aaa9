#pragma once

#include "tested_protocol.hpp"

#include <chrono>
#include <cstdint>

namespace atl::verify {

/// Results of some seeds in a process of their own, and the time of the run.
struct reference_run {
  std::uint64_t hash = 0;
  std::chrono::steady_clock::time_point at;
};

/// Runs the seeds in another process. No other thread may run. Throws `broken` when that process
/// ends without a result.
/// @param other_addresses whether allocations get other addresses than in the run before
reference_run run_in_another_process(const tested_protocol& protocol, bool other_addresses);

} // namespace atl::verify
