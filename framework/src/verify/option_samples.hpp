#pragma once

#include <atoll/spi/options.hpp>
#include <atoll/spi/plugin.hpp>
#include <atoll/spi/random.hpp>

#include <functional>
#include <string>
#include <vector>

namespace atl::verify {

/// Options that an operator may set, and how they differ from those that were asked for.
struct option_sample {
  std::string name; ///< `copies = 1, min_copies = 16`
  spi::options options;
};

/// Values that the declarations allow: each option on its own at its least and at its most, each of
/// its choices, and at a few values drawn in between; then several draws of all options together.
/// Values of options that are not varied are those of `base`. An option without a bound is varied
/// on the bounded side alone.
std::vector<option_sample> option_samples(const spi::descriptor& plugin, const spi::options& base,
                                          spi::random_source& chance);

/// Whether the plugin refuses this sample, as it may do with options that contradict each other:
/// `make` throws `std::invalid_argument`.
/// @throws broken when it doesn't say why
bool is_refused(const option_sample& sample, const std::function<void()>& make);

/// Whether these are the defaults of the plugin.
bool are_defaults(const spi::descriptor& plugin, const spi::options& options);

} // namespace atl::verify
