#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace atl::verify {

enum class verdict : std::uint8_t {
  kept,
  broken,
  skipped, ///< no claim of the plugin requires the property
};

/// Result of checking one property of a plugin.
struct finding {
  std::string property; ///< "crashes before each effect"
  std::string claim;    ///< the claim that promises the property; empty: the interface of its kind
  verdict what = verdict::kept;
  std::uint64_t cases = 0; ///< number of cases tried
  std::string detail;      ///< broken: how, and the seed that reproduces it; skipped: why
};

/// Results of verifying one plugin.
struct report {
  std::string plugin;
  std::string version;
  std::string kind;
  std::vector<finding> findings;
  std::uint64_t runs = 0; ///< number of simulated runs
  /// Number of runs in which each kind of fault acted.
  std::map<std::string, std::uint64_t> coverage;
  double events_per_second = 0; ///< speed of the simulator; 0: no run was simulated

  bool ok() const;
};

/// Text for people: one line per property, then the failures and how to reproduce them.
std::string to_text(const report& it);
/// JSON for programs, as documented in docs/PROVING.md.
std::string to_json(const report& it);

} // namespace atl::verify
