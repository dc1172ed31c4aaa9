#pragma once

#include "open_load.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

/// What was measured of one proxy in one scenario.
struct tail_row {
  std::string proxy;
  bool is_ours = false;
  bool hedges = false;
  std::size_t requests = 0;
  std::size_t errors = 0;
  double p50_ms = 0, p99_ms = 0, p999_ms = 0, max_ms = 0;
};

/// Of several runs alike: the median of each percentile, so that a slow moment of the machine does
/// not count, and the sum of requests and errors. @pre there is a run
tail_row make_row(std::string proxy, bool is_ours, bool hedges,
                  const std::vector<load_outcome>& runs);

/// Prints the rows of a scenario, and the ratios of the best ones, unless one side is missing.
/// @returns all of it
nlohmann::json report_scenario(const std::string& scenario, const std::vector<tail_row>& rows);
