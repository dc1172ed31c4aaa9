#pragma once

#include <atoll/spi/options.hpp>
#include <atoll/spi/version.hpp>

#include <cstddef>
#include <cstdint>

namespace atl::spi {

class balancer;
class consensus;
class recovery;
struct consensus_setup;
struct balancer_setup;
struct recovery_setup;

enum class plugin_kind : std::uint32_t { balancer, consensus, recovery };

/// Something that a plugin promises and a verifier can hold it to. The names and values that a
/// verifier knows are listed with each kind's interface; `atoll verify` refuses all others.
struct claim {
  const char* name;  ///< `safe_with_crashes`, `survives_losses`, …
  const char* value; ///< `minority`, `all`, `2`, …
};

/// What a plugin exports, as constant data: a host reads and judges it before it calls `create_*`.
struct descriptor {
  static constexpr std::uint64_t expected_magic = 0x61746f6c6c2d5350; // "atoll-SP"

  std::uint64_t magic = expected_magic;
  std::uint32_t size = sizeof(descriptor);
  std::uint32_t spi_major = ATOLL_SPI_MAJOR;
  std::uint32_t spi_minor = ATOLL_SPI_MINOR;
  const char* abi = ATOLL_DETAIL_TEXT(ATOLL_ABI);

  plugin_kind kind;
  const char* name;    ///< as written in TOML: `[a-z][a-z0-9_]*`
  const char* version; ///< `"1.0.0"`
  const char* summary; ///< one line
  const char* licence; ///< an SPDX identifier

  const claim* claims;
  std::size_t claim_count;
  const option_spec* options;
  std::size_t option_count;

  /// Exactly the one for `kind` is set. May throw `std::invalid_argument` with a sentence for the
  /// operator when the options contradict each other or the set-up; the caller owns the result.
  balancer* (*create_balancer)(const balancer_setup&) = nullptr;
  consensus* (*create_consensus)(const consensus_setup&) = nullptr;
  recovery* (*create_recovery)(const recovery_setup&) = nullptr;
};

} // namespace atl::spi

#define ATOLL_DETAIL_JOIN_2(a, b) a##b
#define ATOLL_DETAIL_JOIN(a, b) ATOLL_DETAIL_JOIN_2(a, b)

/// The name of the symbol that a plugin exports. It says all that a host needs to know to refuse
/// it: `atoll_plugin__1_1__gnu_libstdcxx_cxx11__balancer__1_2_0__random`
#define ATOLL_PLUGIN_SYMBOL(kind, name, major, minor, patch)                                       \
  ATOLL_DETAIL_JOIN(                                                                               \
      ATOLL_DETAIL_JOIN(ATOLL_DETAIL_JOIN(ATOLL_DETAIL_JOIN(atoll_plugin__,                        \
                                                            ATOLL_DETAIL_PASTE(ATOLL_SPI_MAJOR,    \
                                                                               ATOLL_SPI_MINOR)),  \
                                          __),                                                     \
                        ATOLL_ABI),                                                                \
      __##kind##__##major##_##minor##_##patch##__##name)

/// Exports the descriptor of this library's plugin; the last lines of its source:
///
///     ATOLL_PLUGIN(balancer, random, 1, 0, 0) = {
///       .kind = plugin_kind::balancer, .name = "random", .version = "1.0.0", …
///     };
#define ATOLL_PLUGIN(kind, name, major, minor, patch)                                              \
  extern "C" __attribute__((visibility("default"))) const ::atl::spi::descriptor                   \
  ATOLL_PLUGIN_SYMBOL(kind, name, major, minor, patch)
