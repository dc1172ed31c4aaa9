#pragma once

#include <atoll/compare/workload.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace atl::compare {

// Formulas of queueing theory. Times have the unit of `service`, the mean time of service; `load`
// is the arrival rate in relation to what all servers together can serve, in (0, 1).

/// Erlang's C formula: the probability that a request must wait in M/M/n.
double erlang_c(std::uint32_t servers, double load);
/// Mean time in M/M/n: one queue in front of n servers. n = 1: M/M/1.
double mmn_mean(std::uint32_t servers, double load, double service);
/// Probability that a request takes longer than `time` in M/M/n, first come, first served.
double mmn_tail(std::uint32_t servers, double load, double service, double time);
/// Mean time in M/G/1, first come, first served (Pollaczek and Khinchine).
/// @param second_moment of the time of service
double mg1_mean(double load, double service, double second_moment);
/// Mean time if each request goes to the shortest of d queues drawn at random, in the limit of many
/// members (Vvedenskaya, Dobrushin, Karpelevich 1996; Mitzenmacher 2001).
double power_of_d_mean(std::uint32_t choices, double load, double service);

/// What theory says of a strategy under a workload. Times are in microseconds.
struct closed_form {
  std::string name;
  std::string formula;
  double mean = 0;                ///< infinite: queues grow without end
  std::optional<double> mean_max; ///< set: the mean lies between `mean` and this
  std::optional<double> p99;
};

struct closed_forms_of_workload {
  std::vector<closed_form> forms;
  std::string why_none; ///< empty: there are some
};

/// The formulas that hold for a workload.
closed_forms_of_workload closed_forms(const workload& workload);

} // namespace atl::compare
