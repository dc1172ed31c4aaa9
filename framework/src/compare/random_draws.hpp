#pragma once

#include <atoll/compare/workload.hpp>
#include <atoll/spi/random.hpp>

#include <vector>

namespace atl::compare {

/// Exponential with this mean.
double draw_exponential(spi::random_source& random, double mean);

/// Draws how much work requests are. Refers to the model.
class service_draw {
 public:
  explicit service_draw(const service_model& model);

  double operator()(spi::random_source& random) const;

 private:
  const service_model& model_;
  double least_; ///< of the Pareto distribution
};

/// The least value of a Pareto distribution, bounded by `model.maximum`, that has the model's mean.
double pareto_minimum(const service_model& model);

/// The second moment of the time of service; for the formula of Pollaczek and Khinchine.
double second_moment(const service_model& model);

/// Draws ranks of keys, from 0, by Zipf's law.
class key_draw {
 public:
  explicit key_draw(const key_model& model);

  std::uint64_t operator()(spi::random_source& random) const;

 private:
  std::uint64_t count_;
  std::vector<double> cumulative_; ///< empty: all keys are alike
};

/// A number for a key's rank that looks like the hash of a name, as owners of pools pass them.
std::uint64_t key_of_rank(std::uint64_t rank);

} // namespace atl::compare
