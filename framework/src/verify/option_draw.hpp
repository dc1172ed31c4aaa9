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

/// Draws options that a protocol's descriptor allows: mostly small numbers, and times near the
/// defaults. Thread-safe.
class option_drawer {
 public:
  /// @param given complete; options that are not at their defaults are kept.
  /// @param named options that are kept in any case.
  option_drawer(const spi::descriptor& plugin, const spi::options& given,
                const std::set<std::string, std::less<>>& named);

  /// Draws options for a group of this size. Draws again when the plugin refuses with
  /// `std::invalid_argument`; returns the given options when it refuses all draws.
  spi::options draw(std::uint32_t replicas, spi::random_source random) const;

 private:
  const spi::descriptor& plugin_;
  const spi::options& given_;
  std::vector<const spi::option_spec*> free_; ///< the options that are drawn
};

/// Options in which one option is at a limit of its range.
struct option_limit {
  std::string name;
  spi::options options; ///< complete
  bool is_minimum = false;
};

/// For each numeric option except durations: the option at its minimum and at its maximum, the
/// others as given.
std::vector<option_limit> options_at_limits(const spi::descriptor& plugin,
                                            const spi::options& given);

/// Whether the plugin's factory accepts a group of this size with these options; it may refuse
/// options that contradict each other.
bool admits(const spi::descriptor& plugin, const spi::options& options, std::uint32_t replicas);

/// ` --option 'KEY=VALUE'` for each option that is not at its default, quoted for a shell.
std::string option_words(const spi::descriptor& plugin, const spi::options& options);

} // namespace atl::verify
