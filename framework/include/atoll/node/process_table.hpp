#pragma once

#include <sys/types.h>

#include <filesystem>
#include <vector>

/// Finds the nodes that run on this machine in /proc, regardless of how they were started.
namespace atl::node {

/// A process whose command line says `--config FILE`.
struct configured_process {
  pid_t pid = 0;
  std::filesystem::path config; ///< absolute
};

/// False for a process that ended, also while its parent hasn't waited for it.
bool is_alive(pid_t pid);

/// Does this process run with that file? A process that was just started is waited for until the
/// system shows its command line. @param config absolute
bool runs_with(pid_t pid, const std::filesystem::path& config);

/// All processes that run with a file of this folder, in the order of their ids; processes that
/// only check a file (`--check`) are left out. @param folder absolute
std::vector<configured_process> processes_of(const std::filesystem::path& folder);

} // namespace atl::node
