#pragma once

#include <atoll/spi/options.hpp>
#include <atoll/spi/plugin.hpp>
#include <atoll/spi/random.hpp>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace atl::verify {

/// Draws options that a protocol's descriptor allows: small numbers often, times near the defaults.
/// Thread-safe.
class option_drawer {
 public:
  /// @param given complete; options among them that aren't at their defaults stay as they are.
  /// @param named options that stay as they are in any case.
  option_drawer(const spi::descriptor& plugin, const spi::options& given,
                const std::set<std::string, std::less<>>& named);

  /// For a group of this size. Draws again what the plugin refuses with `std::invalid_argument`;
  /// when it refuses all that is tried, the given options are returned.
  spi::options draw(std::uint32_t replicas, spi::random_source random) const;

 private:
  const spi::descriptor& plugin_;
  const spi::options& given_;
  std::vector<const spi::option_spec*> free_; ///< those that are drawn
};

/// One option with a value at a limit of its range.
struct option_limit {
  std::string name;
  spi::options options; ///< complete
  bool is_minimum = false;
};

/// Each numeric option, durations aside, at its minimum and at its maximum; the others as given.
std::vector<option_limit> options_at_limits(const spi::descriptor& plugin,
                                            const spi::options& given);

/// Whether the plugin's factory makes a group of this size; it may refuse options that contradict
/// each other.
bool admits(const spi::descriptor& plugin, const spi::options& options, std::uint32_t replicas);

/// ` --option 'KEY=VALUE'` for each option that isn't at its default, quoted for a shell.
std::string option_words(const spi::descriptor& plugin, const spi::options& options);

} // namespace atl::verify
