#pragma once

#include "common/master_protocol.hpp"

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/core/logging.hpp>
#include <atoll/core/toml_config.hpp>
#include <atoll/net/cluster_secret.hpp>
#include <atoll/runtime/node_info.hpp>
#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dfs {

/// The name of the secret's file, beside the cluster's file, unless `cluster.secret_file` names
/// another file.
inline constexpr std::string_view secret_file_name = "cluster.secret";

struct master_entry {
  atl::spi::replica_id id = 0;
  std::string name;
  atl::endpoint address;
  bool joins = false; ///< not among the founders of the group
};

/// A plugin as the configuration names it, its options still unchecked.
struct plugin_entry {
  std::string name;
  std::string options_key; ///< `consensus.options`
};

/// The settings that all nodes and clients of a cluster share: `cluster.toml`.
struct cluster_settings {
  std::string name;
  atl::net::cluster_secret secret;   ///< empty: the cluster has none
  std::filesystem::path secret_file; ///< the secret's file, even if it doesn't exist; absolute
  std::vector<master_entry> masters;
  std::vector<std::filesystem::path> plugin_path;
  plugin_entry consensus;
  plugin_entry placement;
  plugin_entry reads;
  plugin_entry recovery;
  atl::runtime::connection_settings links;

  std::uint64_t chunk_bytes = 0;
  std::uint64_t inline_bytes = 0;
  dfs::durability durability = dfs::durability::fsync;
  std::chrono::microseconds grace{0};
  std::chrono::microseconds collection_interval{0};
  std::chrono::microseconds session_expiry{0};

  std::chrono::microseconds client_timeout{0}; ///< total time of one operation on the name space
  std::chrono::microseconds client_refusal_timeout{0}; ///< the same with masters that refuse
  std::chrono::microseconds connect_timeout{0};        ///< to a storage node
  std::chrono::microseconds transfer_timeout{0};       ///< without a byte from a storage node
  std::string client_zone;
  std::chrono::microseconds busy_timeout{0}; ///< with storage nodes that are busy
};

/// The settings of one node: `NODE.toml`.
struct node_settings {
  std::string name;
  bool is_master = false;
  bool is_storage = false;
  std::filesystem::path data;
  /// Where other nodes find the node's endpoint. Of a node that is no master its port may be 0: the
  /// port that the node gets.
  atl::endpoint control;
  atl::endpoint control_listen;
  atl::endpoint bulk; ///< of a storage node: the address for other nodes
  atl::endpoint bulk_listen;
  std::string zone;
  double weight = 1;
  std::uint64_t reserve_bytes = 0;
  std::uint32_t threads = 1;
  std::uint16_t snapshot_port = 0; ///< 0: any free one
  std::uint32_t connections_max = 0;
  std::size_t unproved_max = 256;       ///< bulk connections without a finished handshake
  std::size_t sync_backlog_max = 256;   ///< files that wait for the background sync
  std::uint64_t write_buffer_bytes = 0; ///< bound of the writes under way at a storage node
  atl::log::level log_level = atl::log::level::info;
};

/// The keys of a cluster's file, and the keys of a node's file. A node's file may also contain the
/// cluster's keys.
std::span<const atl::key_spec> cluster_schema();
std::span<const atl::key_spec> node_schema();

/// Checks names and addresses beyond types and ranges: they must be well-formed and consistent.
/// Errors cite the place in the file. `read_cluster` also loads the cluster's secret: a file that
/// `cluster.secret_file` names must exist; the default file may be missing, and then there is no
/// secret. A file that exists and can't be used is an error.
atl::result<cluster_settings> read_cluster(const atl::config& config);
atl::result<node_settings> read_node(const atl::config& config, const cluster_settings& cluster);

} // namespace dfs
