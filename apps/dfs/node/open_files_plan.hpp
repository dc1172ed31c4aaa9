#pragma once

#include "common/durability.hpp"
#include "settings/settings.hpp"

#include <atoll/core/error.hpp>

#include <cstddef>
#include <cstdint>

namespace dfs {

/// How a node divides the descriptors that it may have open, sockets included, among its parts.
struct open_files_plan {
  std::uint64_t limit = 0;
  std::uint32_t connections = 0; ///< bulk connections: as configured, or fewer
  std::size_t sync_backlog = 0;  ///< files of each disk that wait for the background sync
  std::size_t unproved = 0;      ///< bulk connections without a finished handshake
  std::size_t repairs = 0;       ///< tasks of masters that a storage node carries out at once
};

/// @param limit open descriptors of the process
/// @param disks of the node
/// @returns errc::refused if the limit is too low for the node.
atl::result<open_files_plan> plan_open_files(const node_settings& node, durability how,
                                             std::uint64_t limit, std::size_t disks = 1);

} // namespace dfs
