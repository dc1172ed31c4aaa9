#include "node/open_files_plan.hpp"

#include "storage/storage_limits.hpp"

#include <atoll/net/net_limits.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace dfs {

namespace {

/// Descriptors for the program itself, the actors, and connections to other nodes.
constexpr std::uint64_t files_of_node = 32;
/// Minimum of a master: files of two databases, the port for snapshots, and connections of peers
/// and clients.
constexpr std::uint64_t files_of_master = 72;
/// A bulk connection needs a socket, and during a request also a file and a connection to the next
/// node. There may be at least as many connections without a finished handshake.
constexpr std::uint64_t files_of_connection = 4;
constexpr std::uint64_t connections_min = 4;
/// The I/O thread of repair tasks and the scrub; and for each task a socket and a file.
constexpr std::uint64_t files_of_upkeep = 6;
constexpr std::uint64_t files_of_repair = 2;
/// Of each disk beyond the first: two locks, and a file that its scrub or its sync has open.
constexpr std::uint64_t files_of_disk = 4;
constexpr std::uint64_t repairs_max = 4;

} // namespace

atl::result<open_files_plan> plan_open_files(const node_settings& node, durability how,
                                             std::uint64_t limit, std::size_t disks) {
  auto reserve = std::clamp<std::uint64_t>(limit / 32, 8, 64);
  auto needed = files_of_node + reserve + (node.is_master() ? files_of_master : 0);
  open_files_plan plan;
  plan.limit = limit;
  plan.connections = node.connections_max;
  plan.sync_backlog = sync_backlog_files_max;
  if (node.is_storage()) {
    plan.repairs = std::clamp<std::uint64_t>(limit / 64, 1, repairs_max);
    needed += files_of_upkeep + plan.repairs * files_of_repair;
  }
  if (node.is_storage() && how == durability::replicated) {
    plan.sync_backlog = std::clamp<std::uint64_t>(limit / 8 / disks, 8, sync_backlog_files_max);
    needed += plan.sync_backlog * disks;
  }
  needed += (disks - 1) * files_of_disk;
  auto connections = std::min<std::uint64_t>(connections_min, node.connections_max);
  auto least = needed + (node.is_storage() ? connections * files_of_connection : 0);
  if (least > limit)
    return atl::fail(atl::errc::refused,
                     fmt::format("the system allows this process {} open files and it needs at "
                                 "least {}: raise the limit ('ulimit -Hn', LimitNOFILE)",
                                 limit, least));
  auto room = (limit - needed) / files_of_connection;
  plan.connections =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(node.connections_max, room));
  // Many clients may connect to a node of few connections at the same time.
  plan.unproved =
      std::min<std::size_t>(limit - needed - plan.connections * (files_of_connection - 1),
                            atl::net::unproved_connections_max);
  return plan;
}

} // namespace dfs
