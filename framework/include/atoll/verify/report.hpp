#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace atl::verify {

enum class verdict : std::uint8_t {
  kept,
  broken,
  skipped, ///< the plugin makes no claim that asks for it
};

/// What became of one property of a plugin.
struct finding {
  std::string property; ///< "crashes before each effect"
  std::string claim;    ///< the claim that promises it; empty: its kind's interface does
  verdict what = verdict::kept;
  std::uint64_t cases = 0; ///< that were tried
  std::string detail;      ///< when broken: how, and the seed that shows it; when skipped: why
};

/// What a run of the verifier found of one plugin.
struct report {
  std::string plugin;
  std::string version;
  std::string kind;
  std::vector<finding> findings;
  std::uint64_t runs = 0;                        ///< that were simulated, of which
  std::map<std::string, std::uint64_t> coverage; ///< so many met a kind of fault
  double events_per_second = 0;                  ///< of the simulator; 0: none ran

  bool ok() const;
};

/// For people: a line a property, then what broke and how to see it again.
std::string to_text(const report& it);
/// For programs, in the shape that docs/PROVING.md tells.
std::string to_json(const report& it);

} // namespace atl::verify
