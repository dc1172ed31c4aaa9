#pragma once

#include "recorder.hpp"

#include <atoll/spi/plugin.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace atl::verify {

/// How the value of a claim is written.
enum class value_form {
  choice, ///< one of `known_claim::values`
  number,
  real_option,    ///< the name of a real option
  integer_option, ///< the name of an integer option
  clock_option,   ///< the name of a boolean option, beside an integer option `clock_drift`
  option_names,   ///< names of integer options, with commas between them
};

/// A claim that a verifier can check. The header of the kind's interface says what it means.
struct known_claim {
  std::string_view name;
  value_form form = value_form::choice;
  std::vector<std::string> values{};
  const char* needs = nullptr; ///< another claim, without which this one means nothing
};

/// What a verifier knows of one kind of plugin.
struct kit {
  /// The claims that plugins of the kind may make.
  std::vector<known_claim> (*claims)();
  /// Creates what the plugin is for with these options, and destroys it. Throws what the plugin
  /// throws, and `broken` if the plugin creates nothing. @returns how many objects were created
  std::uint64_t (*create)(const spi::descriptor& plugin, const spi::options& options);
  /// Holds the plugin to the kind's interface and to the claims.
  void (*verify)(const spi::descriptor& plugin, const spi::options& options, recorder& out);
};

const kit& kit_of(spi::plugin_kind kind);

// The parts of each kind's kit: `balancer_claims`, `create_balancer`, `verify_balancer`, …
#define ATOLL_KIND(kind, folder)                                                                   \
  std::vector<known_claim> kind##_claims();                                                        \
  std::uint64_t create_##kind(const spi::descriptor& plugin, const spi::options& options);         \
  void verify_##kind(const spi::descriptor& plugin, const spi::options& options, recorder& out);
ATOLL_PLUGIN_KINDS(ATOLL_KIND)
#undef ATOLL_KIND

/// For `kit::create`: takes the one object that a plugin created.
template <class T>
std::uint64_t must_be_created(T* object) {
  if (!std::unique_ptr<T>{object})
    throw broken("its factory creates nothing");
  return 1;
}

} // namespace atl::verify
