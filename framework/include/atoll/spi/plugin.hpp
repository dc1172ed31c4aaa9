#pragma once

#include <atoll/spi/kinds.hpp>
#include <atoll/spi/options.hpp>
#include <atoll/spi/version.hpp>
#include <atoll/spi/version_range.hpp>

#include <cstdint>
#include <span>
#include <type_traits>

namespace atl::spi {

/// A promise of a plugin that a verifier can check. The names and values that a verifier knows are
/// listed with each kind's interface; `atoll verify` refuses all others.
struct claim {
  const char* name;  ///< `safe_with_crashes`, `survives_losses`, …
  const char* value; ///< `minority`, `all`, `2`, …
};

/// The function that creates an object of a plugin: the member that is named after the plugin's
/// kind, as in `create.balancer(setup)`. As large for many kinds as for one.
union creators {
  constexpr creators() : none{nullptr} {}
#define ATOLL_DETAIL_KIND(kind, folder)                                                            \
  constexpr creators(kind_types<plugin_kind::kind>::creator create) : kind{create} {}              \
  kind_types<plugin_kind::kind>::creator kind;
  ATOLL_PLUGIN_KINDS(ATOLL_DETAIL_KIND)
#undef ATOLL_DETAIL_KIND
  void (*none)();
};

/// The constant data that a plugin exports. A host reads and checks the data before it calls any
/// function of the plugin. `ATOLL_PLUGIN` defines it.
struct descriptor {
  static constexpr std::uint64_t expected_magic = 0x61746f6c6c2d5350; // "atoll-SP"

  std::uint64_t magic = expected_magic;
  std::uint32_t size = sizeof(descriptor);
  std::uint32_t layout = ATOLL_DESCRIPTOR_VERSION; ///< the version of this structure
  const char* abi = ATOLL_DETAIL_TEXT(ATOLL_ABI);

  plugin_kind kind;
  interface_version interface = interface_of(kind); ///< the kind's, that the plugin implements
  const char* name;                                 ///< as written in TOML: `[a-z][a-z0-9_]*`
  const char* version;                              ///< `1.0.0`
  const char* summary;                              ///< one line
  const char* licence;                              ///< an SPDX identifier
  version_range protocol_versions{0, 0};            ///< only of consensus plugins, from 1 on

  std::span<const claim> claims{};
  std::span<const option_spec> options{};

  creators create{}; ///< the member of `kind` is set
};

/// Takes the place of protocol versions in the description of a plugin that has none.
struct no_protocol {};

/// The author's description of a plugin, besides its kind, name and version.
template <plugin_kind Kind>
struct plugin_info {
  const char* summary; ///< one line
  const char* licence; ///< an SPDX identifier
  /// Only of consensus plugins: the versions of the plugin's own messages, records and blobs that
  /// it reads and writes. Members of a group refuse each other unless their ranges meet; they may
  /// have different versions of the plugin otherwise. Raise `max` when members that are older would
  /// misread what this plugin writes. A plugin that speaks several versions finds the version of a
  /// peer in the peer's messages, and writes the lowest one until then.
  std::conditional_t<Kind == plugin_kind::consensus, version_range, no_protocol>
      protocol_versions{};
  std::span<const claim> claims{};
  std::span<const option_spec> options{};
  typename kind_types<Kind>::creator create;
};

/// A plugin's kind, name and version, stated once, by `ATOLL_PLUGIN`.
template <plugin_kind Kind>
struct plugin_declaration {
  const char* name;
  const char* version;

  /// The complete descriptor. An operator, so that the author's braces can end the declaration.
  constexpr descriptor operator+(const plugin_info<Kind>& info) const {
    descriptor made{.kind = Kind,
                    .name = name,
                    .version = version,
                    .summary = info.summary,
                    .licence = info.licence,
                    .claims = info.claims,
                    .options = info.options,
                    .create = info.create};
    if constexpr (Kind == plugin_kind::consensus)
      made.protocol_versions = info.protocol_versions;
    return made;
  }
};

} // namespace atl::spi

#define ATOLL_DETAIL_SYMBOL_2(layout, abi, kind, kind_major, kind_minor, version, name)            \
  atoll_plugin__##layout##__##abi##__##kind##__##kind_major##_##kind_minor##__##version##__##name
#define ATOLL_DETAIL_SYMBOL(layout, abi, kind, kind_major, kind_minor, version, name)              \
  ATOLL_DETAIL_SYMBOL_2(layout, abi, kind, kind_major, kind_minor, version, name)

/// The name of the symbol that a plugin exports. The name contains all that a host needs to refuse
/// the plugin: the descriptor's version, the binary interface, the kind and the version of its
/// interface, and the plugin's version and name, as in
/// `atoll_plugin__3__gnu_libstdcxx_cxx11__balancer__2_0__1_0_0__random`.
#define ATOLL_PLUGIN_SYMBOL(kind, name, major, minor, patch)                                       \
  ATOLL_DETAIL_SYMBOL(ATOLL_DESCRIPTOR_VERSION, ATOLL_ABI, kind, ATOLL_SPI_##kind##_MAJOR,         \
                      ATOLL_SPI_##kind##_MINOR, major##_##minor##_##patch, name)

/// Exports the descriptor of this library's plugin; the last lines of its source:
///
///     ATOLL_PLUGIN(balancer, random, 1, 0, 0){
///         .summary = "Any available member, by lot",
///         .licence = "Apache-2.0",
///         .create = [](const balancer_setup& setup) -> balancer* { return new random{setup}; },
///     };
///
/// The braces initialise a `plugin_info` of the kind; claims and options may be left out.
#define ATOLL_PLUGIN(kind, name, major, minor, patch)                                              \
  extern "C" __attribute__((visibility("default"))) constinit const ::atl::spi::descriptor         \
  ATOLL_PLUGIN_SYMBOL(kind, name, major, minor, patch) =                                           \
      ::atl::spi::plugin_declaration<::atl::spi::plugin_kind::kind>{#name, #major "." #minor       \
                                                                                  "." #patch} +    \
      ::atl::spi::plugin_info<::atl::spi::plugin_kind::kind>
