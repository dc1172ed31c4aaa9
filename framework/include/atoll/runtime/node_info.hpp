#pragma once

#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atl::runtime {

/// Changes when nodes of the one version can't talk to those of the other.
inline constexpr std::uint32_t wire_version = 4;

/// The role of whoever uses a cluster and is no part of it.
inline constexpr std::string_view client_role = "client";

/// How far a replica's durable log is known to have come, and whether its disk has room for more.
/// Within one incarnation it grows, and the
/// next incarnation must find at least as much: a log that holds less is an older copy of the disk,
/// and has forgotten promises.
struct replica_mark {
  std::uint64_t incarnation = 0;
  std::uint64_t term = 0;
  spi::log_index entry = 0;    ///< durable here, and committed, up to this one
  bool short_of_space = false; ///< its disk has less space left than its reserve
};

/// What a node says of itself when it meets another.
struct node_info {
  std::uint32_t wire = wire_version;
  /// Of the interface that the program has for consensus plugins.
  spi::interface_version consensus_interface = spi::interface_of(spi::plugin_kind::consensus);
  std::string cluster;
  std::string name;
  std::string role; ///< `master`, `storage`, `client`
  /// Only masters: their place in the group, and what they must have in common.
  spi::replica_id replica = 0;
  std::string consensus; ///< `two_phase_commit 1.0.0 {heartbeat = 100ms, …}`
  std::string address;   ///< where it listens, `host:port`
  std::string group;     ///< its group's id (`group_birth::group`); empty: it belongs to none yet
  std::string folder;    ///< the id of its data folder
  replica_mark mark;     ///< what its log held when it started
};

std::string encode(const node_info& info);
result<node_info> decode_node_info(std::string_view bytes);

/// Why `mine` and `theirs` can't be in one cluster, in a sentence that says what differs; empty
/// when they can. Two masters must have the interface for consensus plugins and the consensus
/// plugin in common, and the group if both belong to one; no other node hosts such a plugin.
std::string incompatibility(const node_info& mine, const node_info& theirs);

/// The body of a heartbeat; of a node that is no replica it is empty.
std::string encode(const replica_mark& mark, spi::replica_id of);
/// Of hostile bytes. @returns none for what is no mark.
std::optional<std::pair<spi::replica_id, replica_mark>> decode_mark(std::string_view bytes);

/// Of what all nodes of a cluster have in common.
std::uint64_t cluster_digest(const node_info& info);
/// Of what all its masters have in common.
std::uint64_t group_digest(const node_info& info);

/// How nodes watch each other.
struct connection_settings {
  std::chrono::milliseconds heartbeat{500};
  std::chrono::milliseconds failure_timeout{2000}; ///< no answer for so long: down
  std::chrono::milliseconds backoff_min{50};       ///< before the second attempt to connect
  std::chrono::milliseconds backoff_max{2000};     ///< doubles up to here, with jitter
  std::uint64_t snapshot_rate = 64 << 20;          ///< bytes a second that a snapshot may take
};

} // namespace atl::runtime
