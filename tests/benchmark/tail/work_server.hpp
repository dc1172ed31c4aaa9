#pragma once

#include <cstddef>
#include <cstdint>

/// A server whose requests take time, but no processor.
struct work_settings {
  std::uint16_t port = 0;
  double mean_ms = 5;
  bool is_constant = false; ///< each request takes the mean; otherwise exponentially distributed
  std::size_t places = 16;  ///< requests that are worked on at once; others wait in their order
  std::uint64_t seed = 1;
};

/// Serves until the process is ended. `/health` is answered at once.
void run_work_server(const work_settings& settings);
