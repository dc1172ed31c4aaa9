#pragma once

#include <compare>
#include <cstdint>

/// Every kind of plugin: its name, and the folder in which this tree keeps plugins of the kind. A
/// new kind is one line at the end of this list (the place in the list is the value in a
/// descriptor), its version below, its interface in `<atoll/spi/NAME.hpp>` with the class `NAME`
/// and the structure `NAME_setup`, a function `plugin::create_NAME` for hosts, and a kit for the
/// verifier. Loader, tools and CMake take their lists of kinds from here.
// clang-format off
#define ATOLL_PLUGIN_KINDS(each) \
  each(balancer, balancers)      \
  each(consensus, consensus)     \
  each(recovery, recovery)
// clang-format on

/// The version of each kind's interface, of which a plugin's symbol states the one that the plugin
/// implements. Each kind has its own version, so that a change of one interface does not affect
/// plugins of other kinds. Major: changes when a plugin that is compiled against older headers
/// would misbehave; plugin and host must have the same. Minor: grows when something is added that
/// older plugins do not need; a host accepts plugins up to its own minor version.
#define ATOLL_SPI_balancer_MAJOR 2
#define ATOLL_SPI_balancer_MINOR 0
#define ATOLL_SPI_consensus_MAJOR 2
#define ATOLL_SPI_consensus_MINOR 2
#define ATOLL_SPI_recovery_MAJOR 3
#define ATOLL_SPI_recovery_MINOR 0

namespace atl::spi {

struct interface_version {
  std::uint32_t major = 0;
  std::uint32_t minor = 0;

  friend constexpr auto operator<=>(const interface_version&, const interface_version&) = default;
};

#define ATOLL_DETAIL_KIND(kind, folder) kind,
enum class plugin_kind : std::uint32_t { ATOLL_PLUGIN_KINDS(ATOLL_DETAIL_KIND) };
#undef ATOLL_DETAIL_KIND

/// What differs between kinds, for a host.
struct kind_entry {
  plugin_kind kind;
  const char* name;            ///< as in a plugin's symbol
  interface_version interface; ///< of these headers
};

#define ATOLL_DETAIL_KIND(kind, folder)                                                            \
  {plugin_kind::kind, #kind, {ATOLL_SPI_##kind##_MAJOR, ATOLL_SPI_##kind##_MINOR}},
/// In the order of `plugin_kind`.
inline constexpr kind_entry plugin_kinds[] = {ATOLL_PLUGIN_KINDS(ATOLL_DETAIL_KIND)};
#undef ATOLL_DETAIL_KIND

/// The version of the kind's interface in these headers; 0.0 for a kind that these headers don't
/// know.
constexpr interface_version interface_of(plugin_kind kind) {
  for (auto& entry : plugin_kinds)
    if (entry.kind == kind)
      return entry.interface;
  return {};
}

/// The class that a plugin of the kind implements, and the function that creates an object of it.
/// The function may throw `std::invalid_argument` with a sentence for the operator when the options
/// contradict each other or the set-up; the caller owns the result.
template <plugin_kind Kind>
struct kind_types;

#define ATOLL_DETAIL_KIND(kind, folder)                                                            \
  class kind;                                                                                      \
  struct kind##_setup;                                                                             \
  template <>                                                                                      \
  struct kind_types<plugin_kind::kind> {                                                           \
    using interface = kind;                                                                        \
    using creator = kind* (*)(const kind##_setup&);                                                \
  };
ATOLL_PLUGIN_KINDS(ATOLL_DETAIL_KIND)
#undef ATOLL_DETAIL_KIND

} // namespace atl::spi
