#pragma once

#include <atoll/core/error.hpp>
#include <atoll/core/guarded_run.hpp>
#include <atoll/core/loaded_plugin.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// The command line of `atoll compare`.
struct compare_arguments {
  std::uint64_t seed = 1;
  std::string json; ///< file; empty: none
  std::vector<std::string> folders;

  // Of balancers and recovery schemes.
  std::vector<std::string> strategies; ///< names of plugins, or files
  std::string svg;                     ///< file; empty: none
  int idle_timeout = 10;               ///< seconds

  // Of balancers.
  std::string section;
  std::string workload;
  std::uint64_t requests = 0; ///< 0: as the workload says

  // Of recovery schemes.
  bool durability = false;
  std::string cluster;                      ///< file; empty: the defaults of all keys
  std::optional<std::uint64_t> keeper_runs; ///< none: as many as take some seconds
  std::string keeper_window;                ///< `RUN:WINDOW`; empty: none

  // Of consensus.
  bool availability = false;
  std::vector<std::uint32_t> replicas{3, 5, 7};
  double down = 0.01;
  std::vector<std::string> protocols{"two_phase_commit", "raft", "paxos"};
};

/// How available groups of replicas are. @returns the exit code
int compare_availability(const compare_arguments& arguments);

/// How likely recovery schemes lose data, and what they cost. @returns the exit code
int compare_durability(const compare_arguments& arguments);

/// The names of plugins, and those of files without their folders and endings, where all differ.
std::vector<std::string> labels_of(const std::vector<std::string>& strategies);

/// Whether the plugin accepts options that it may find to contradict each other. The factory is
/// called in a child process first, where it may crash or hang.
/// @param make returns a `result` with an object
atl::status check_options_accepted(const atl::plugin& plugin, const auto& make) {
  auto tried = atl::run_guarded([&](const atl::announce_step& announce) {
    announce({plugin.file().string(), "creating an instance"});
    return make() ? 0 : 1; // a refusal is repeated below, with its reason
  });
  if (!tried)
    return tl::unexpected{tried.error()};
  auto made = make();
  return made ? atl::status{} : atl::status{tl::unexpected{made.error()}};
}

/// Prints an error. @returns the exit code
int report_comparison_error(const atl::error& problem);

/// @returns whether the file was written; if not, standard error says why
bool write_output(const std::string& file, const std::string& text);
