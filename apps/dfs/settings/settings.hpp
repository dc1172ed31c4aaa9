#pragma once

#include "common/durability.hpp"
#include "common/role_names.hpp"
#include "common/upkeep.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/core/toml_config.hpp>
#include <atoll/node/cluster_config.hpp>
#include <atoll/node/group_config.hpp>
#include <atoll/node/node_config.hpp>
#include <atoll/node/pool_section.hpp>
#include <atoll/spi/recovery.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfs {

/// The settings that all nodes and clients of a cluster share: `cluster.toml`.
struct cluster_settings : atl::node::cluster_config {
  std::vector<atl::node::member_config> masters;

  atl::node::pool_config placement; ///< the storage nodes as those that get new chunks

  std::uint64_t chunk_bytes = 0;
  std::uint64_t inline_bytes = 0;
  dfs::durability durability = dfs::durability::fsync;
  std::chrono::microseconds trash{0}; ///< 0: what is removed is gone
  std::chrono::microseconds grace{0};
  upkeep_values upkeep;
  std::chrono::microseconds collection_interval{0};
  std::chrono::microseconds session_expiry{0};

  std::chrono::microseconds connect_timeout{0};  ///< to a storage node
  std::chrono::microseconds transfer_timeout{0}; ///< without a byte from a storage node
  std::string client_zone;
  std::chrono::microseconds busy_timeout{0}; ///< with storage nodes that are busy
  atl::spi::transfer_policy transfers;       ///< of schemes that say nothing of it
};

/// The settings of one node: `NODE.toml`.
struct node_settings : atl::node::node_config {
  bool is_master() const { return has_role(master_role_name); }
  bool is_storage() const { return has_role(storage_role_name); }

  /// Where other nodes find the node's endpoint. Of a node that is no master the port may be 0: the
  /// port that the node gets.
  atl::endpoint control;
  atl::endpoint control_listen;
  atl::endpoint bulk; ///< of a storage node: the address for other nodes
  atl::endpoint bulk_listen;
  std::string zone;
  double weight = 1;
  std::uint64_t reserve_bytes = 0;
  std::uint16_t snapshot_port = 0; ///< 0: any free one
  std::uint32_t connections_max = 0;
  std::size_t unproved_max = 256;            ///< bulk connections without a finished handshake
  std::size_t sync_backlog_max = 256;        ///< files that wait for the background sync
  std::uint64_t write_buffer_bytes = 0;      ///< bound of the writes under way at a storage node
  std::chrono::microseconds scrub_period{0}; ///< within which everything is read again
  std::uint64_t scrub_rate_bytes = 0;        ///< a second
};

/// The keys that only DFS has and that both its nodes and its clients read. `cluster_keys` adds
/// those of every application.
std::vector<atl::key_spec> shared_keys();
/// The keys of the two roles. `node_keys` adds those that every node has.
std::vector<atl::key_spec> master_keys();
std::vector<atl::key_spec> storage_keys();

/// All keys of a cluster's file, which is all that a client reads.
std::span<const atl::key_spec> cluster_schema();
/// All keys of a node's file, which may also contain the cluster's keys.
std::span<const atl::key_spec> node_schema();

/// Checks names and addresses beyond types and ranges: they must be well-formed and consistent.
/// Errors cite the place in the file. `read_cluster` also loads the cluster's secret.
atl::result<cluster_settings> read_cluster(const atl::config& config);
atl::result<node_settings> read_node(const atl::config& config, const cluster_settings& cluster);

} // namespace dfs
