#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// The command line of `atoll compare`.
struct compare_arguments {
  std::uint64_t seed = 1;
  std::string json; ///< file; empty: none
  std::vector<std::string> folders;

  // Of balancers.
  std::vector<std::string> strategies; ///< names of plugins, or files
  std::string section;
  std::string workload;
  std::string svg;            ///< file; empty: none
  std::uint64_t requests = 0; ///< 0: as the workload says
  int idle_timeout = 10;      ///< seconds

  // Of consensus.
  bool availability = false;
  std::vector<std::uint32_t> replicas{3, 5, 7};
  double down = 0.01;
  std::vector<std::string> protocols{"two_phase_commit", "raft", "paxos"};
};

/// How available groups of replicas are. @returns the exit code
int compare_availability(const compare_arguments& arguments);

/// @returns whether the file was written; if not, standard error says why
bool write_output(const std::string& file, const std::string& text);
