#pragma once

#include <atoll/spi/recovery.hpp>

#include <string_view>
#include <vector>

/// Recovery schemes with one mistake each; and some that are unusual and
/// correct.
namespace broken_schemes {

struct specimen {
  std::string_view name;
  std::string_view mistake; ///< empty: none
  atl::spi::descriptor plugin;
  /// The property that must find the mistake, and a part of its report. Empty: any.
  std::string_view property;
  std::string_view detail;
};

/// Schemes that make, accept or count fragments wrongly.
std::vector<specimen> with_wrong_codec();
/// Schemes that make parts of chunks and fragments wrongly, or don't keep what they promise.
std::vector<specimen> with_wrong_parts();
/// Schemes that judge or plan wrongly.
std::vector<specimen> with_wrong_repair();
std::vector<specimen> odd_but_right();

/// The descriptor of a plugin without options that makes `Scheme`.
template <class Scheme>
atl::spi::descriptor plugin_of() {
  static constexpr atl::spi::claim claims[] = {{"survives_losses", "1"}, {"storage_cost", "150"}};
  atl::spi::descriptor made{.kind = atl::spi::plugin_kind::recovery,
                            .name = "specimen",
                            .version = "1.0.0",
                            .summary = "A scheme for a test of the kit",
                            .licence = "Apache-2.0",
                            .claims = claims};
  made.create.recovery = [](const atl::spi::recovery_setup&) -> atl::spi::recovery* {
    return new Scheme;
  };
  return made;
}

/// The same without claims.
template <class Scheme>
atl::spi::descriptor unclaimed() {
  auto made = plugin_of<Scheme>();
  made.claims = {};
  return made;
}

} // namespace broken_schemes
