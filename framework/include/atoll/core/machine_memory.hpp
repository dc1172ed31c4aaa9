#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace atl {

/// The memory that this process may use, in bytes: that of the machine, or less where a control
/// group (cgroup v2) of the process or of a group around it limits it, as in a container.
std::uint64_t machine_memory();

/// The lowest limit of a process's control groups.
/// @param hierarchy where the groups are mounted: `/sys/fs/cgroup`
/// @param membership the content of the process's `/proc/PID/cgroup`
/// @returns `UINT64_MAX` where nothing limits the process
std::uint64_t control_group_memory(const std::filesystem::path& hierarchy,
                                   std::string_view membership);

} // namespace atl
