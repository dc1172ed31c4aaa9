#pragma once

#include <atoll/spi/options.hpp>
#include <atoll/spi/plugin.hpp>
#include <atoll/spi/random.hpp>

#include <functional>
#include <string>
#include <vector>

namespace atl::verify {

/// Options that an operator may set, named by their difference from the given ones.
struct option_sample {
  std::string name; ///< `copies = 1, min_copies = 16`
  spi::options options;
};

/// Samples of the allowed options: each option alone at its minimum and maximum, at each of its
/// choices, and at a few values between; then several draws of all options together. Other options
/// are as in `base`. An option without a bound is varied on its bounded side only.
std::vector<option_sample> option_samples(const spi::descriptor& plugin, const spi::options& base,
                                          spi::random_source& random);

/// Whether the plugin refuses this sample, as it may for contradicting options: `make` throws
/// `std::invalid_argument`.
/// @throws broken when the exception gives no reason
bool is_refused(const option_sample& sample, const std::function<void()>& make);

/// Whether these are the defaults of the plugin.
bool are_defaults(const spi::descriptor& plugin, const spi::options& options);

} // namespace atl::verify
