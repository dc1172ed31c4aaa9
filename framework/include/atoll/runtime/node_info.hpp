#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace atl::runtime {

/// Changes when nodes of the one version can't talk to those of the other.
inline constexpr std::uint32_t wire_version = 3;

/// The role of whoever uses a cluster and is no part of it.
inline constexpr std::string_view client_role = "client";

/// What a node says of itself when it meets another.
struct node_info {
  std::uint32_t wire = wire_version;
  std::uint32_t spi_major = ATOLL_SPI_MAJOR;
  std::uint32_t spi_minor = ATOLL_SPI_MINOR;
  std::string cluster;
  std::string name;
  std::string role; ///< `master`, `storage`, `client`
  /// Only masters: their place in the group, and what they must have in common.
  spi::replica_id replica = 0;
  std::string consensus; ///< `two_phase_commit 1.0.0 {heartbeat = 100ms, …}`
  std::string address;   ///< where it listens, `host:port`
  std::string group;     ///< its group's id (`group_birth::group`); empty: it belongs to none yet
  std::string folder;    ///< the id of its data folder
};

std::string encode(const node_info& info);
result<node_info> decode_node_info(std::string_view bytes);

/// Why `mine` and `theirs` can't be in one cluster, in a sentence that says what differs; empty
/// when they can. Nodes have the whole version of the plugin interface in common; with a client
/// only its major part. Two masters must also have the consensus plugin in common, and the group if
/// both belong to one.
std::string incompatibility(const node_info& mine, const node_info& theirs);

/// Of what all nodes of a cluster have in common.
std::uint64_t cluster_digest(const node_info& info);
/// Of what all its masters have in common.
std::uint64_t group_digest(const node_info& info);

/// How nodes watch each other.
struct link_settings {
  std::chrono::milliseconds heartbeat{500};
  std::chrono::milliseconds failure_timeout{2000}; ///< no answer for so long: down
  std::chrono::milliseconds backoff_min{50};       ///< before the second attempt to connect
  std::chrono::milliseconds backoff_max{2000};     ///< doubles up to here, with jitter
  std::uint64_t snapshot_rate = 64 << 20;          ///< bytes a second that a snapshot may take
};

} // namespace atl::runtime
