#pragma once

#include <atoll/core/consensus_identity.hpp>
#include <atoll/core/endpoint.hpp>
#include <atoll/core/error.hpp>
#include <atoll/runtime/wire_versions.hpp>
#include <atoll/spi/consensus.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atl::runtime {

/// The role of a process that uses a cluster and is no part of it.
inline constexpr std::string_view client_role = "client";

/// How far a replica's durable log reaches, and whether its disk has room for more. Term and entry
/// never decrease within an incarnation, and the next incarnation must start with at least the
/// same: a log that holds less is an older copy of the disk and has forgotten promises.
struct replica_mark {
  std::uint64_t incarnation = 0;
  std::uint64_t term = 0;
  spi::log_index entry = 0;    ///< entries up to this index are durable here and committed
  bool short_of_space = false; ///< its disk has less space left than its reserve
};

/// What a node tells another in the handshake.
struct node_info {
  spi::version_range wire = wire_versions;
  std::string cluster;
  std::string name;
  std::string role; ///< `master`, `storage`, `client`
  /// Only of masters: the place in the group, and the properties that all masters must share.
  spi::replica_id replica = 0;
  consensus_identity consensus;
  std::string address; ///< where it listens, `host:port`
  std::string group;   ///< its group's id (`group_birth::group`); empty: it belongs to none yet
  std::string folder;  ///< the id of its data folder
  replica_mark mark;   ///< the mark of its log when the node started
};

std::string encode(const node_info& info);
/// Reads hostile bytes.
/// @param mine the wire versions of this node
/// @returns errc::refused, naming both ranges, if the sender speaks none of `mine`
result<node_info> decode_node_info(std::string_view bytes, const spi::version_range& mine);

/// Why `mine` and `theirs` can't be in one cluster, as a sentence that says what differs; empty if
/// they can. Two masters must have consensus plugins that understand each other (`difference` of
/// consensus_identity), and the same group if both belong to one. No other node hosts such a
/// plugin.
std::string incompatibility(const node_info& mine, const node_info& theirs);

/// The body of a replica's heartbeat.
std::string encode(const replica_mark& mark, spi::replica_id of);
/// Reads hostile bytes. @returns none for a malformed mark.
std::optional<std::pair<spi::replica_id, replica_mark>> decode_mark(std::string_view bytes);

/// Hash of the cluster's name.
std::uint64_t cluster_digest(const node_info& info);
/// Hash of the properties that are equal at all members of a group while the group exists: the
/// cluster's name, the consensus plugin's name and the group. What else must agree is judged in the
/// handshake, because it can't be compared by equality: versions by their ranges, and options that
/// not every version of the plugin has.
std::uint64_t group_digest(const node_info& info);

/// Timing of connections between nodes.
struct connection_settings {
  std::chrono::milliseconds heartbeat{500};
  std::chrono::milliseconds failure_timeout{2000}; ///< without an answer: the node is down
  std::chrono::milliseconds backoff_min{50};       ///< before the second attempt to connect
  std::chrono::milliseconds backoff_max{2000};     ///< doubles up to here, with jitter
  std::uint64_t snapshot_rate = 64 << 20;          ///< bytes a second that a snapshot may take
};

} // namespace atl::runtime
