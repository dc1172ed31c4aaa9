#include "random_draws.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace atl::compare {

namespace {

/// The k-th moment of a bounded Pareto distribution.
double pareto_moment(double shape, double least, double most, int k) {
  auto whole = 1 - std::pow(least / most, shape);
  if (std::abs(shape - k) < 1e-9)
    return shape * std::pow(least, shape) * std::log(most / least) / whole;
  return shape * std::pow(least, shape) / (shape - k) *
         (std::pow(least, k - shape) - std::pow(most, k - shape)) / whole;
}

/// Standard normal (Box and Muller 1958).
double draw_normal(spi::random_source& random) {
  auto radius = std::sqrt(-2 * std::log(1 - random.unit()));
  return radius * std::cos(2 * std::numbers::pi * random.unit());
}

} // namespace

double draw_exponential(spi::random_source& random, double mean) {
  return -mean * std::log(1 - random.unit());
}

double pareto_minimum(const service_model& model) {
  double low = model.mean * 1e-9, high = model.mean; // the mean grows with the least value
  for (int step = 0; step < 200; ++step) {
    auto middle = (low + high) / 2;
    (pareto_moment(model.shape, middle, model.maximum, 1) < model.mean ? low : high) = middle;
  }
  return low;
}

double second_moment(const service_model& model) {
  auto square = model.mean * model.mean;
  switch (model.distribution) {
  case service_distribution::constant:
    return square;
  case service_distribution::exponential:
    return 2 * square;
  case service_distribution::pareto:
    return pareto_moment(model.shape, pareto_minimum(model), model.maximum, 2);
  case service_distribution::lognormal:
    return square * std::exp(model.sigma * model.sigma);
  case service_distribution::recorded:
    break;
  }
  double sum = 0;
  for (auto each : model.times)
    sum += each * each;
  return sum / static_cast<double>(model.times.size());
}

service_draw::service_draw(const service_model& model)
    : model_{model}, least_{model.distribution == service_distribution::pareto
                                ? pareto_minimum(model)
                                : 0} {}

double service_draw::operator()(spi::random_source& random) const {
  switch (model_.distribution) {
  case service_distribution::constant:
    return model_.mean;
  case service_distribution::exponential:
    return draw_exponential(random, model_.mean);
  case service_distribution::pareto: {
    auto whole = 1 - std::pow(least_ / model_.maximum, model_.shape);
    return least_ * std::pow(1 - random.unit() * whole, -1 / model_.shape);
  }
  case service_distribution::lognormal:
    return model_.mean *
           std::exp(model_.sigma * draw_normal(random) - model_.sigma * model_.sigma / 2);
  case service_distribution::recorded:
    break;
  }
  return model_.times[random.below(model_.times.size())];
}

key_draw::key_draw(const key_model& model) : count_{model.count} {
  if (model.zipf == 0)
    return;
  cumulative_.reserve(count_);
  double sum = 0;
  for (std::uint64_t rank = 1; rank <= count_; ++rank)
    cumulative_.push_back(sum += std::pow(static_cast<double>(rank), -model.zipf));
}

std::uint64_t key_draw::operator()(spi::random_source& random) const {
  if (cumulative_.empty())
    return random.below(count_);
  auto at =
      std::upper_bound(cumulative_.begin(), cumulative_.end(), random.unit() * cumulative_.back());
  return std::min<std::uint64_t>(static_cast<std::uint64_t>(at - cumulative_.begin()), count_ - 1);
}

std::uint64_t key_of_rank(std::uint64_t rank) {
  return spi::random_source{rank}.next();
}

} // namespace atl::compare
