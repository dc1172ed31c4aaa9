#pragma once

#include <atoll/core/error.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace atl::compare {

/// Which nodes share a chunk.
enum class chunk_spread : std::uint8_t {
  random,   ///< any nodes, drawn for each chunk
  copysets, ///< one of a few sets of nodes that are drawn once
};

/// A cluster in which storage nodes and whole zones fail, and what they held is rebuilt.
struct durability_model {
  std::string name = "durability";
  std::uint32_t nodes = 60;
  std::uint32_t zones = 6; ///< of which each has about as many nodes; at most `nodes`
  std::uint64_t chunks = 20'000;
  std::uint64_t chunk_bytes = 64 << 20;
  chunk_spread spread = chunk_spread::random;
  std::uint32_t scatter_width = 4;  ///< other nodes that share chunks with a node, in copysets
  double node_mttf = 8766 * 3600.0; ///< mean time until a node fails, in seconds
  double zone_mttf = 0;             ///< mean time until a zone fails, in seconds; 0: none does
  /// For so long a zone that fails is away, in seconds, and then returns with all its data; 0: its
  /// nodes are lost for good.
  double zone_outage = 0;
  double detection = 600;                ///< time until a failure is acted on, in seconds
  double repair_rate = 50.0 * (1 << 20); ///< bytes a second that a node receives for repairs
  /// Picks the nodes to which a keeper repairs: the name of a plugin.
  std::string balancer = "random";
  double years = 1; ///< length of a run
  std::uint32_t runs = 1000;

  double run_seconds() const;
};

inline constexpr double seconds_of_year = 365.25 * 24 * 3600;

inline double durability_model::run_seconds() const {
  return years * seconds_of_year;
}

/// Failures of nodes that are expected in all runs together, at most, with those of whole zones.
inline constexpr double simulated_failures_max = 20e6;
/// Fragments of all chunks, at most: some ten bytes of memory each.
inline constexpr std::uint64_t simulated_fragments_max = 20'000'000;

/// Runs with a keeper, at most.
inline constexpr std::uint64_t keeper_runs_max = 10'000'000;

/// Reads a model from TOML; docs/COMPARING.md lists the keys. The error names everything that is
/// wrong, each with its `file:line:column`.
result<durability_model> load_durability_model(const std::filesystem::path& file);
/// Reads a text as if it stood in `file`.
result<durability_model> parse_durability_model(std::string_view text,
                                                const std::filesystem::path& file);

} // namespace atl::compare
